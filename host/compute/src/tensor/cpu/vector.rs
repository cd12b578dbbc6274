#![allow(unsafe_code)]
//! Vectors of numbers, as wide as the registers of a level: the four operations of a tile, and no more.
//!
//! A tile names its vectors because what the compiler makes of arrays is not to be relied on: it vectorises the loads of
//! the other operand as soon as they lie beside each other, and the tile is fifty times as slow.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::{float32x4_t, vdupq_n_f32, vfmaq_f32, vld1q_f32, vst1q_f32};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128, __m256, __m512, _mm_add_ps, _mm_loadu_ps, _mm_mul_ps, _mm_set1_ps, _mm_storeu_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps,
    _mm512_storeu_ps,
};

/// A vector.
///
/// # Safety
/// All functions are to be called from code that is compiled for the instructions of the vector, on a processor that has
/// them. A pointer must be one to as many numbers as the vector has lanes, for writing where they are stored.
pub(super) trait Vector: Copy {
    /// The numbers of a vector.
    const LANES: usize;

    /// The same number in every lane.
    unsafe fn splat(number: f32) -> Self;

    /// The numbers at the pointer, however it is aligned.
    unsafe fn load(numbers: *const f32) -> Self;

    /// Writes the numbers to the pointer, however it is aligned.
    unsafe fn store(self, numbers: *mut f32);

    /// `self * factor + addend` in every lane, in one rounding where the level does so.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
}

/// The vector of the baseline, which every processor of the target has.
#[cfg(target_arch = "x86_64")]
pub(super) type Baseline = __m128;
#[cfg(target_arch = "aarch64")]
pub(super) type Baseline = float32x4_t;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) type Baseline = [f32; 4];

/// A vector by the functions for it; the last one takes the factors and then the addend.
macro_rules! vector {
    ($vector:ty, $lanes:literal, $splat:expr, $load:expr, $store:expr, $mul_add:expr) => {
        impl Vector for $vector {
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn splat(number: f32) -> Self {
                // SAFETY: the caller says that the processor has the instruction.
                unsafe { $splat(number) }
            }

            #[inline(always)]
            unsafe fn load(numbers: *const f32) -> Self {
                // SAFETY: the caller says that the processor has the instruction, and that the numbers are there.
                unsafe { $load(numbers) }
            }

            #[inline(always)]
            unsafe fn store(self, numbers: *mut f32) {
                // SAFETY: as above.
                unsafe { $store(numbers, self) }
            }

            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the caller says that the processor has the instruction.
                unsafe { $mul_add(self, factor, addend) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;

    vector!(__m512, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps);
    vector!(__m256, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps);
    vector!(__m128, 4, _mm_set1_ps, _mm_loadu_ps, _mm_storeu_ps, |number, factor, addend| {
        _mm_add_ps(_mm_mul_ps(number, factor), addend)
    });
}

#[cfg(target_arch = "aarch64")]
vector!(float32x4_t, 4, vdupq_n_f32, vld1q_f32, vst1q_f32, |number, factor, addend| vfmaq_f32(addend, number, factor));

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod portable {
    use super::Vector;

    vector!(
        [f32; 4],
        4,
        |number| [number; 4],
        |numbers: *const f32| numbers.cast::<[f32; 4]>().read(),
        |numbers: *mut f32, vector| numbers.cast::<[f32; 4]>().write(vector),
        |number: [f32; 4], factor: [f32; 4], addend: [f32; 4]| {
            std::array::from_fn(|lane| number[lane] * factor[lane] + addend[lane])
        }
    );
}
