//! Every kernel beside plain loops in double precision, over random shapes: empty ones, ones of size 1, odd ones, and
//! some that are large enough for several parts. And each of them on one, two and three threads and with every
//! instruction set of this processor: the results must be the same, bit for bit.

mod conv;
mod elementwise;
mod gemm;
mod norm;
mod optimiser;
mod pool;
mod reduce;
mod softmax;

use std::sync::LazyLock;

use super::{Level, Workers};
use crate::Threads;

static THREADS: LazyLock<[Threads; 3]> = LazyLock::new(|| [1, 2, 3].map(Threads::new));

/// Whether the kernel's sums are made of fused products, which the baseline of some processors doesn't have.
#[derive(Clone, Copy, PartialEq)]
enum Products {
    Fused,
    Plain,
}

/// The results of a kernel, which must be the same everywhere. A baseline that doesn't fuse products may differ in those
/// by its rounding, so its result is handed to `check`, too.
fn everywhere(products: Products, kernel: impl Fn(Workers<'_>) -> Vec<f32>, check: impl Fn(&[f32])) {
    let mut fused: Option<Vec<f32>> = None;
    for level in Level::all() {
        let [one, two, three] =
            THREADS.each_ref().map(|threads| kernel(Workers::new(Some(threads), 7).with_level(level)));
        assert_eq!(bits(&one), bits(&two), "two threads differ from one, {level:?}");
        assert_eq!(bits(&one), bits(&three), "three threads differ from one, {level:?}");
        check(&one);
        if products == Products::Plain || level.fuses() {
            let first = fused.get_or_insert_with(|| one.clone());
            assert_eq!(bits(first), bits(&one), "{level:?} differs from the best instruction set");
        }
    }
}

/// Everything that is not a number is the same here.
fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| if number.is_nan() { f32::NAN.to_bits() } else { number.to_bits() }).collect()
}

/// Each number must be near the right one: within so many parts of a million of the larger of it and `scale`.
#[track_caller]
fn assert_near(numbers: &[f32], right: &[f64], scale: f64, millionths: f64) {
    assert_eq!(numbers.len(), right.len());
    for (place, (&number, &right)) in numbers.iter().zip(right).enumerate() {
        let error = (f64::from(number) - right).abs();
        let is_near = error <= millionths * 1e-6 * right.abs().max(scale) || (number.is_nan() && right.is_nan());
        assert!(is_near, "{number} instead of {right} at {place} of {}", numbers.len());
    }
}

/// Numbers between -1 and 1, the same for the same seed.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// What a slice of numbers is in double precision.
fn doubles(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().copied().map(f64::from).collect()
}
