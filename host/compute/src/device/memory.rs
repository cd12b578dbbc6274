//! Memory for bytes on their way to the device or from it.
#![allow(unsafe_code, reason = "`madvise` is a request to the kernel that no safe interface wraps")]

use rustix::mm::{Advice, madvise};

/// Bytes of a huge page, and from how many on they are asked for.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// So many zeros, to be overwritten. Most of the time that it takes to fill much fresh memory goes into the faults at each of
/// its pages, which the kernel is therefore asked to make huge. Where it can't, or is set up not to, they are as large as ever.
pub(crate) fn zeros(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let start = bytes.as_mut_ptr();
    let before = start.align_offset(HUGE_PAGE_BYTES);
    let whole = length.saturating_sub(before) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    if whole > 0 {
        // SAFETY: the range begins at `before`, which is less than `length` because there is a whole page behind it.
        let range = unsafe { start.add(before) };
        // SAFETY: the range is a part of the vector, and the advice changes nothing of what is read there.
        let _ = unsafe { madvise(range.cast(), whole, Advice::LinuxHugepage) };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_every_size_can_be_overwritten() {
        for length in [0, 1, HUGE_PAGE_BYTES - 1, 2 * HUGE_PAGE_BYTES, 5 * HUGE_PAGE_BYTES + 3] {
            let mut bytes = zeros(length);
            assert_eq!(bytes.len(), length);
            assert!(bytes.iter().all(|&byte| byte == 0));
            bytes.fill(7);
            assert!(bytes.iter().all(|&byte| byte == 7));
        }
    }
}
