//! The part of each line of elements that a range of an axis takes, where a line is all of that axis and those behind it.

/// Where a range of an axis lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// Where the range begins in a line.
    pub(crate) from: usize,
    /// How many elements of a line it has.
    pub(crate) length: usize,
    /// How many elements a line has.
    pub(crate) line: usize,
}

impl Block {
    pub(crate) fn of(self, values: &[f32]) -> impl Iterator<Item = &[f32]> {
        values.chunks_exact(self.line.max(1)).map(move |line| &line[self.from..][..self.length])
    }

    pub(crate) fn of_mut(self, values: &mut [f32]) -> impl Iterator<Item = &mut [f32]> {
        values.chunks_exact_mut(self.line.max(1)).map(move |line| &mut line[self.from..][..self.length])
    }
}
