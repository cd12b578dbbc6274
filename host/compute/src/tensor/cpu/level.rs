//! Which instructions this processor has. Code is compiled once for every level and the best one is chosen at run
//! time, so that one binary is fast everywhere.
//!
//! A [`Level`] other than the baseline exists only where the processor was asked and has it. That is what makes
//! calling the code that was compiled for it sound.

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub(super) Set);

/// The instruction sets that code is compiled for, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// 512-bit vectors (x86-64-v4).
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 256-bit vectors with fused multiplication and addition (x86-64-v3).
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every processor of the target has: SSE2 on x86-64, NEON on AArch64.
    Baseline,
}

impl Level {
    /// The best one of this processor.
    pub fn best() -> Self {
        Self::all().next().unwrap_or(Self(Set::Baseline))
    }

    /// Every one of this processor, the best first.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let better = [
            (is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma"))
            .then_some(Self(Set::Avx512)),
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(Set::Avx2)),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let better: [Option<Self>; 0] = [];
        better.into_iter().flatten().chain([Self(Set::Baseline)])
    }

    /// Its name: `avx512`, `avx2` or `baseline`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            Set::Baseline => "baseline",
        }
    }

    /// Whether it multiplies and adds in one rounding.
    pub fn fuses(self) -> bool {
        self != Self(Set::Baseline) || cfg!(target_arch = "aarch64")
    }
}

/// Compiles a function for every level, and makes one of it that takes the level first.
///
/// What it calls must be `#[inline(always)]`, or it is compiled for the baseline.
macro_rules! for_every_level {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $visibility fn $name(level: $crate::tensor::cpu::level::Level, $($argument: $type),*) {
            #[inline(always)]
            fn baseline($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) {
                baseline($($argument),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($argument: $type),*) {
                baseline($($argument),*);
            }

            match level.0 {
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "code for instructions that not every processor has")]
                // SAFETY: a level exists only where the processor has its instructions.
                $crate::tensor::cpu::level::Set::Avx512 => unsafe { avx512($($argument),*) },
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "code for instructions that not every processor has")]
                // SAFETY: a level exists only where the processor has its instructions.
                $crate::tensor::cpu::level::Set::Avx2 => unsafe { avx2($($argument),*) },
                $crate::tensor::cpu::level::Set::Baseline => baseline($($argument),*),
            }
        }
    };
}
pub(super) use for_every_level;
