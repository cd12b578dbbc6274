//! Memory that a kernel needs for a moment. Every thread keeps what it used, so that a kernel neither waits for the
//! system to hand out pages nor fills them with zeros that it overwrites.

use std::cell::RefCell;
use std::mem;
use std::ops::{Deref, DerefMut};

use crate::tensor::aligned::AlignedNumbers;

/// Buffers that a thread keeps, and the most numbers of all of them: 32 MiB.
const KEPT_BUFFERS_MAX: usize = 6;
const KEPT_NUMBERS_MAX: usize = 1 << 23;

thread_local! {
    static KEPT: RefCell<Vec<AlignedNumbers>> = const { RefCell::new(Vec::new()) };
}

/// Numbers to write to. What they are at first is anything, so a kernel that reads one which it didn't write is wrong.
pub(super) struct Scratch {
    numbers: AlignedNumbers,
    length: usize,
}

impl Scratch {
    /// So many numbers.
    pub(super) fn new(length: usize) -> Self {
        if length == 0 {
            return Self { numbers: AlignedNumbers::default(), length };
        }
        // A thread that ends has no buffers any more.
        let kept = KEPT.try_with(|kept| take(&mut kept.borrow_mut(), length)).ok().flatten();
        let mut scratch = Self { numbers: kept.unwrap_or_else(|| AlignedNumbers::zeros(length)), length };
        // So that a kernel which reads what it didn't write fails its tests.
        if cfg!(test) {
            scratch.fill(f32::NAN);
        }
        scratch
    }

    /// So many zeros.
    pub(super) fn zeros(length: usize) -> Self {
        let mut zeros = Self::new(length);
        zeros.fill(0.0);
        zeros
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[..self.length]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let numbers = mem::take(&mut self.numbers);
        // A thread that ends keeps nothing.
        let _ = KEPT.try_with(|kept| keep(&mut kept.borrow_mut(), numbers));
    }
}

/// The smallest buffer that is large enough, so that the others are there for those who need them.
fn take(kept: &mut Vec<AlignedNumbers>, length: usize) -> Option<AlignedNumbers> {
    let place = kept.iter().position(|numbers| numbers.len() >= length)?;
    Some(kept.remove(place))
}

/// Keeps a buffer, in the order of their lengths. Of too many the smallest go, which are the quickest to replace.
fn keep(kept: &mut Vec<AlignedNumbers>, numbers: AlignedNumbers) {
    if numbers.is_empty() || numbers.len() > KEPT_NUMBERS_MAX {
        return;
    }
    let place = kept.partition_point(|other| other.len() < numbers.len());
    kept.insert(place, numbers);
    let mut length: usize = kept.iter().map(|numbers| numbers.len()).sum();
    while kept.len() > KEPT_BUFFERS_MAX || length > KEPT_NUMBERS_MAX {
        length -= kept.remove(0).len();
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, KEPT_BUFFERS_MAX, KEPT_NUMBERS_MAX, Scratch};

    #[test]
    fn a_thread_keeps_what_it_used_within_limits() {
        let first = Scratch::new(100).as_ptr();
        assert_eq!(Scratch::new(50).as_ptr(), first, "the same memory again");
        drop([Scratch::new(100), Scratch::new(1000)]);
        drop((Scratch::new(0), Scratch::new(50)));
        assert_eq!(Scratch::new(100).as_ptr(), first, "the smallest that is large enough");
        drop([(); 2 * KEPT_BUFFERS_MAX].map(|()| Scratch::new(10)));
        drop(Scratch::new(KEPT_NUMBERS_MAX + 1));
        KEPT.with_borrow(|kept| {
            assert!(kept.len() <= KEPT_BUFFERS_MAX);
            assert!(kept.iter().map(|numbers| numbers.len()).sum::<usize>() <= KEPT_NUMBERS_MAX);
        });
    }

    #[test]
    fn zeros_are_zeros_in_used_memory() {
        Scratch::new(10).fill(1.0);
        assert_eq!(*Scratch::zeros(10), [0.0; 10]);
    }
}
