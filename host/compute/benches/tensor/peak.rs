#![allow(unsafe_code)]
//! The limit of the machine: multiplications and additions of numbers that never leave their registers.

use std::hint::black_box;

use belljar_compute::Threads;
use belljar_compute::tensor::cpu::Level;

use crate::Measurement;

/// Steps of a run, which takes about ten milliseconds.
const STEPS: usize = 1 << 20;
/// Independent sums, enough to hide the latency of an addition.
const SUMS: usize = 12;

/// As many operations as the threads can do with the vectors of this level.
pub fn measurement(level: Level, threads: &Threads) -> Measurement<'_> {
    Measurement {
        name: "peak".into(),
        operations: (2 * STEPS * SUMS * lanes(level) * threads.count()) as f64,
        work: Box::new(move || threads.run(0, threads.count(), &|_| run(level))),
    }
}

fn lanes(level: Level) -> usize {
    match level.name() {
        "avx512" => 16,
        "avx2" => 8,
        _ => 4,
    }
}

fn run(level: Level) {
    match level.name() {
        // SAFETY: a level exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        "avx512" => unsafe { x86::avx512() },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        "avx2" => unsafe { x86::avx2() },
        _ => baseline(),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm512_fmadd_ps, _mm512_set1_ps};

    use super::{STEPS, SUMS, black_box};

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512() {
        let (factor, addend) = (_mm512_set1_ps(black_box(0.5)), _mm512_set1_ps(black_box(1.0)));
        let mut sums = [_mm512_set1_ps(0.0); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, factor, addend);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2() {
        let (factor, addend) = (_mm256_set1_ps(black_box(0.5)), _mm256_set1_ps(black_box(1.0)));
        let mut sums = [_mm256_set1_ps(0.0); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, factor, addend);
            }
        }
        black_box(sums);
    }
}

fn baseline() {
    let (factor, addend) = (black_box(0.5_f32), black_box(1.0_f32));
    let mut sums = [[0.0_f32; 4]; SUMS];
    for _ in 0..STEPS {
        for sum in sums.as_flattened_mut() {
            *sum = if cfg!(target_arch = "aarch64") { sum.mul_add(factor, addend) } else { *sum * factor + addend };
        }
    }
    black_box(sums);
}
