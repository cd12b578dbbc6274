//! Words that begin where a cache line begins, so that no vector of them lies across two.

use std::ops::{Deref, DerefMut};

/// The words of a cache line, which is also the widest vector.
const LINE_WORDS: usize = 8;

/// A fixed number of words, zero at first. Zeroed memory is had from the system untouched, which is why this is no
/// vector of lines.
#[derive(Debug)]
pub(super) struct AlignedWords {
    buffer: Vec<u64>,
    start: usize,
    len: usize,
}

impl AlignedWords {
    pub(super) fn zeroed(len: usize) -> Self {
        let buffer = vec![0u64; len + LINE_WORDS - 1];
        // An offset that the platform cannot tell costs speed, and nothing else.
        let start = buffer.as_ptr().align_offset(LINE_WORDS * size_of::<u64>()).min(LINE_WORDS - 1);
        Self { buffer, start, len }
    }
}

impl Deref for AlignedWords {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.buffer[self.start..][..self.len]
    }
}

impl DerefMut for AlignedWords {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.buffer[self.start..][..self.len]
    }
}

impl Clone for AlignedWords {
    fn clone(&self) -> Self {
        // The new buffer may begin elsewhere in a line.
        let mut copy = Self::zeroed(self.len);
        copy.copy_from_slice(self);
        copy
    }
}
