//! How large the second cache of a processor is, in which a band of a board is stepped.

use std::fs;
use std::sync::OnceLock;

/// Where Linux tells the size of the first processor's second cache, such as `1024K`.
const SIZE_FILE: &str = "/sys/devices/system/cpu/cpu0/cache/index2/size";

/// What it is taken for where it can't be told, and at least: every processor of note has as much.
const BYTES_MIN: usize = 512 << 10;

/// What it is taken for at most. Where cores share a cache, it is larger than one's part of it.
const BYTES_MAX: usize = 2 << 20;

/// The size of the second cache, in bytes.
pub(super) fn second_cache_bytes() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let told = fs::read_to_string(SIZE_FILE).ok().and_then(|size| parse(&size));
        told.unwrap_or(BYTES_MIN).clamp(BYTES_MIN, BYTES_MAX)
    })
}

fn parse(size: &str) -> Option<usize> {
    let kibibytes: usize = size.trim().strip_suffix('K')?.parse().ok()?;
    kibibytes.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_kibibytes() {
        assert_eq!(parse("1024K\n"), Some(1 << 20));
        assert_eq!(["", "K", "1M", "-1K"].map(parse), [None; 4]);
        assert_eq!(parse(&format!("{}K", usize::MAX)), None);
    }

    #[test]
    fn this_machines_is_within_reason() {
        assert!((BYTES_MIN..=BYTES_MAX).contains(&second_cache_bytes()));
    }
}
