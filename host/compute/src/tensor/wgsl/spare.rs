//! Buffers of the device that nothing holds any more, kept for the next operation that needs one of their size: the
//! steps of a training loop ask for the same sizes again and again.

use std::collections::BTreeMap;

/// The most that is kept, in bytes: 256 MiB.
const SPARE_BYTES_MAX: u64 = 256 << 20;

/// Unused buffers by their size in bytes.
#[derive(Debug, Default)]
pub(super) struct Spare {
    bytes: u64,
    buffers: BTreeMap<u64, Vec<Unused>>,
}

#[derive(Debug)]
struct Unused {
    buffer: u64,
    /// The collection of commands during which it became free.
    since: u64,
}

impl Spare {
    /// A buffer of this size; one that became free before this collection, if there is one named.
    pub(super) fn take(&mut self, bytes: u64, before: Option<u64>) -> Option<u64> {
        let unused = self.buffers.get_mut(&bytes)?;
        let place = unused.iter().rposition(|unused| before.is_none_or(|before| unused.since < before))?;
        self.bytes -= bytes;
        Some(unused.swap_remove(place).buffer)
    }

    /// Keeps a buffer that became free during this collection, and says whether there was room to.
    pub(super) fn put(&mut self, bytes: u64, buffer: u64, since: u64) -> bool {
        let is_kept = self.bytes.saturating_add(bytes) <= SPARE_BYTES_MAX;
        if is_kept {
            self.bytes += bytes;
            self.buffers.entry(bytes).or_default().push(Unused { buffer, since });
        }
        is_kept
    }

    /// All of them, which are kept no more.
    pub(super) fn take_all(&mut self) -> Vec<u64> {
        let all = std::mem::take(self).buffers;
        all.into_values().flatten().map(|unused| unused.buffer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_kept_for_its_size_alone_and_not_for_a_write_before_what_may_read_it() {
        let mut spare = Spare::default();
        assert!(spare.put(64, 7, 3));
        assert_eq!(spare.take(32, None), None);
        assert_eq!(spare.take(64, Some(3)), None);
        assert_eq!(spare.take(64, Some(4)), Some(7));
        assert_eq!(spare.take(64, None), None);
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let mut spare = Spare::default();
        assert!(spare.put(SPARE_BYTES_MAX - 4, 1, 0));
        assert!(!spare.put(8, 2, 0));
        assert!(spare.put(4, 3, 0));
        assert_eq!(spare.take_all(), [3, 1]);
        assert!(spare.put(SPARE_BYTES_MAX, 4, 0));
    }
}
