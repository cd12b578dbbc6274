//! Numbers that begin where a cache line begins. A vector that lies across two lines takes twice as long to read or to
//! write, which is a tenth of the time of a gradient of a convolution's weights.

use std::ops::{Deref, DerefMut};

/// The numbers of a cache line, which is also the widest vector.
const LINE_NUMBERS: usize = 16;

/// As many numbers as it was made with.
#[derive(Debug, Default)]
pub(crate) struct AlignedNumbers {
    numbers: Vec<f32>,
    /// The first number, at the start of a cache line.
    start: usize,
    length: usize,
}

impl AlignedNumbers {
    /// So many zeros, for which nothing is written where the system hands out zeroed memory.
    pub(crate) fn zeros(length: usize) -> Self {
        let numbers = vec![0.0; length + LINE_NUMBERS - 1];
        // An offset that the platform cannot tell costs speed, and nothing else.
        let start = numbers.as_ptr().align_offset(LINE_NUMBERS * size_of::<f32>()).min(LINE_NUMBERS - 1);
        Self { numbers, start, length }
    }
}

impl From<Vec<f32>> for AlignedNumbers {
    /// The same memory, wherever it begins.
    fn from(numbers: Vec<f32>) -> Self {
        Self { length: numbers.len(), numbers, start: 0 }
    }
}

impl Deref for AlignedNumbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..][..self.length]
    }
}

impl DerefMut for AlignedNumbers {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::{AlignedNumbers, LINE_NUMBERS};

    #[test]
    fn numbers_are_zeros_at_the_start_of_a_line() {
        for length in [0, 1, 1000] {
            let numbers = AlignedNumbers::zeros(length);
            assert_eq!(*numbers, vec![0.0; length]);
            assert_eq!(numbers.as_ptr().addr() % (LINE_NUMBERS * size_of::<f32>()), 0);
        }
    }

    #[test]
    fn given_numbers_are_kept() {
        assert_eq!(*AlignedNumbers::from(vec![1.0, 2.0]), [1.0, 2.0]);
    }
}
