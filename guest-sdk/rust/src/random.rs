//! Random numbers from a generator that the host seeds for each instance, without WASI: these
//! functions hold no handle, so a plugin that uses them can still be snapshotted.

/// The most bytes that the host gives in one call; a larger request is a fault.
const BYTES_PER_CALL_MAX: usize = 64 * 1024;

/// A random number, each value equally likely.
pub fn u64() -> u64 {
    crate::host::random::next()
}

/// Fills the buffer with random bytes. A long one takes several calls of the host.
pub fn fill(buffer: &mut [u8]) {
    for part in buffer.chunks_mut(BYTES_PER_CALL_MAX) {
        let length = u32::try_from(part.len()).expect("a part is at most 64 KiB long");
        part.copy_from_slice(&crate::host::random::bytes(length));
    }
}

/// `length` random bytes.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut buffer = vec![0; length];
    fill(&mut buffer);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_above_the_hosts_limit_is_split() {
        let bytes = bytes(2 * BYTES_PER_CALL_MAX + 1);

        assert_eq!(bytes.len(), 2 * BYTES_PER_CALL_MAX + 1);
        let (first, rest) = bytes.split_at(BYTES_PER_CALL_MAX);
        assert_ne!(first, &rest[..BYTES_PER_CALL_MAX]);
    }
}
