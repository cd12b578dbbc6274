#![allow(unsafe_code)]
//! Vectors of numbers, as wide as the registers of a level: the operations of a tile and of Winograd's transforms, and
//! no more.
//!
//! A tile names its vectors because what the compiler makes of arrays is not to be relied on: it vectorises the loads of
//! the other operand as soon as they lie beside each other, and the tile is fifty times as slow.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::{float32x4_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmulq_f32, vst1q_f32, vsubq_f32};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128, __m256, __m512, _mm_add_ps, _mm_loadu_ps, _mm_mul_ps, _mm_set1_ps, _mm_storeu_ps, _mm_sub_ps,
    _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm256_sub_ps,
    _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
};
use std::ops::{Add, Mul, Sub};

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

    /// The sum in every lane.
    unsafe fn add(self, other: Self) -> Self;

    /// The difference in every lane.
    unsafe fn sub(self, other: Self) -> Self;

    /// The product in every lane.
    unsafe fn mul(self, other: Self) -> Self;
}

/// A vector that one calculates with. Nobody can make one but by promising what [`Vector`] asks for, so that its
/// arithmetic is safe: where there is one, the processor has its instructions. (It is only slow in code that isn't
/// compiled for them.)
#[derive(Clone, Copy)]
pub(super) struct Lanes<V>(V);

impl<V: Vector> Lanes<V> {
    /// Zero in every lane.
    ///
    /// # Safety
    /// That of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn zero() -> Self {
        // SAFETY: the caller says so.
        Self(unsafe { V::splat(0.0) })
    }

    /// The numbers at the pointer.
    ///
    /// # Safety
    /// That of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn load(numbers: *const f32) -> Self {
        // SAFETY: the caller says so.
        Self(unsafe { V::load(numbers) })
    }

    /// Writes the numbers to the pointer.
    ///
    /// # Safety
    /// That of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn store(self, numbers: *mut f32) {
        // SAFETY: the caller says so.
        unsafe { self.0.store(numbers) };
    }
}

impl<V: Vector> Add for Lanes<V> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: whoever made the vector has promised what it takes.
        Self(unsafe { self.0.add(other.0) })
    }
}

impl<V: Vector> Sub for Lanes<V> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: whoever made the vector has promised what it takes.
        Self(unsafe { self.0.sub(other.0) })
    }
}

impl<V: Vector> Mul<f32> for Lanes<V> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: f32) -> Self {
        // SAFETY: whoever made the vector has promised what it takes.
        Self(unsafe { self.0.mul(V::splat(factor)) })
    }
}

/// The vector of the baseline, which every processor of the target has.
#[cfg(target_arch = "x86_64")]
pub(super) type Baseline = __m128;
#[cfg(target_arch = "aarch64")]
pub(super) type Baseline = float32x4_t;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) type Baseline = [f32; 4];

/// A vector by the functions for it; the first of the arithmetic takes the factors and then the addend.
macro_rules! vector {
    (
        $vector:ty, $lanes:literal, $splat:expr, $load:expr, $store:expr,
        $mul_add:expr, $add:expr, $sub:expr, $mul:expr $(,)?
    ) => {
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

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { $add(self, other) }
            }

            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { $sub(self, other) }
            }

            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { $mul(self, other) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;

    vector!(
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
    );
    vector!(
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
    );
    vector!(
        __m128,
        4,
        _mm_set1_ps,
        _mm_loadu_ps,
        _mm_storeu_ps,
        |number, factor, addend| _mm_add_ps(_mm_mul_ps(number, factor), addend),
        _mm_add_ps,
        _mm_sub_ps,
        _mm_mul_ps,
    );
}

#[cfg(target_arch = "aarch64")]
vector!(
    float32x4_t,
    4,
    vdupq_n_f32,
    vld1q_f32,
    vst1q_f32,
    |number, factor, addend| vfmaq_f32(addend, number, factor),
    vaddq_f32,
    vsubq_f32,
    vmulq_f32,
);

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
        },
        |left: [f32; 4], right: [f32; 4]| std::array::from_fn(|lane| left[lane] + right[lane]),
        |left: [f32; 4], right: [f32; 4]| std::array::from_fn(|lane| left[lane] - right[lane]),
        |left: [f32; 4], right: [f32; 4]| std::array::from_fn(|lane| left[lane] * right[lane]),
    );
}

/// Compiles a function for the vectors of every level, and makes one of it that takes the level first. In its body, the
/// vector is the type that is named before the arguments, and what [`Vector`] asks for holds.
///
/// What it calls with vectors must be `#[inline(always)]`.
macro_rules! for_every_vector {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident<$vector:ident>($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $visibility fn $name(level: $crate::tensor::cpu::level::Level, $($argument: $type),*) {
            /// # Safety
            /// That of [`Vector`](crate::tensor::cpu::vector::Vector).
            #[inline(always)]
            unsafe fn with<$vector: $crate::tensor::cpu::vector::Vector>($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) {
                // SAFETY: this is compiled for its instructions, and whoever calls it says that the processor has them.
                unsafe { with::<std::arch::x86_64::__m256>($($argument),*) };
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($argument: $type),*) {
                // SAFETY: as above.
                unsafe { with::<std::arch::x86_64::__m512>($($argument),*) };
            }

            match level.0 {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: a level exists only where the processor has its instructions.
                $crate::tensor::cpu::level::Set::Avx512 => unsafe { avx512($($argument),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: a level exists only where the processor has its instructions.
                $crate::tensor::cpu::level::Set::Avx2 => unsafe { avx2($($argument),*) },
                // SAFETY: every processor has the baseline.
                $crate::tensor::cpu::level::Set::Baseline => unsafe {
                    with::<$crate::tensor::cpu::vector::Baseline>($($argument),*);
                },
            }
        }
    };
}
pub(super) use for_every_vector;
