//! Compression, with the compressor and decompressor of each thread kept: making one costs more than
//! compressing the few kilobytes of a small actor. Decompression is told the exact size to expect and never
//! produces, or allocates, more.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

/// The zstd level: the fastest regular one. A checkpoint is written far more often than it is read, and the
/// higher levels gain little on memory pages.
const LEVEL: i32 = 1;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The compressed bytes, or nothing where they would not be shorter than `below_bytes`.
pub(super) fn compress(bytes: &[u8], below_bytes: usize) -> Option<Vec<u8>> {
    let mut compressed = Vec::with_capacity(below_bytes);
    let length = COMPRESSOR
        .with_borrow_mut(|slot| with(slot, || Compressor::new(LEVEL))?.compress_to_buffer(bytes, &mut compressed));
    // zstd fails when the result does not fit. The caller then goes without compression, as it would after
    // any other failure.
    if length.is_ok_and(|length| length < below_bytes) {
        compressed.shrink_to_fit();
        return Some(compressed);
    }
    None
}

/// The bytes that were compressed, of which there must be `size_bytes`.
///
/// # Errors
/// What is wrong with the compressed bytes.
pub(super) fn decompress(compressed: &[u8], size_bytes: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(size_bytes);
    let length = DECOMPRESSOR
        .with_borrow_mut(|slot| with(slot, Decompressor::new)?.decompress_to_buffer(compressed, &mut bytes))
        .map_err(|e| format!("it cannot be decompressed: {e}"))?;
    match length == size_bytes {
        true => Ok(bytes),
        false => Err(format!("it decompresses to {length} bytes instead of {size_bytes}")),
    }
}

fn with<T>(slot: &mut Option<T>, make: impl FnOnce() -> io::Result<T>) -> io::Result<&mut T> {
    match slot {
        Some(value) => Ok(value),
        None => Ok(slot.insert(make()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_shrink_is_not_compressed() {
        let zeros = vec![0; 100_000];
        let compressed = compress(&zeros, zeros.len()).unwrap();
        assert!(compressed.len() < 100);
        assert_eq!(decompress(&compressed, zeros.len()).unwrap(), zeros);
        let hash = blake3::hash(b"noise");
        assert_eq!(compress(hash.as_bytes(), 32), None);
        assert_eq!(compress(b"", 0), None);
    }

    #[test]
    fn no_more_than_the_expected_size_comes_out() {
        let bomb = compress(&vec![0; 1 << 24], 1 << 16).unwrap();
        assert!(decompress(&bomb, 1 << 12).is_err());
        let short = compress(&[0; 100], 100).unwrap();
        assert!(decompress(&short, 4096).unwrap_err().contains("100 bytes instead of 4096"));
        assert!(decompress(b"no frame", 10).is_err());
    }
}
