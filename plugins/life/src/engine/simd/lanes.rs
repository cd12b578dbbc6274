//! 128 cells in one word: WebAssembly's own vectors in the sandbox, and a number of 128 bits on the machine that runs
//! the unit tests, so that everything but this file is the same code in both.
//!
//! On WebAssembly each function asks for `simd128` by itself. So the plugin needs no flag of the compiler, and what
//! calls these functions in a hot loop asks for it too, as the compiler does not inline them otherwise.

pub use word::Lanes;

use crate::engine::logic::Word;

/// How many cells a word has.
pub const LANES: u32 = 128;

impl Word for Lanes {
    const DEAD: Self = Self::from_number(0);
    const ALIVE: Self = Self::from_number(u128::MAX);
}

impl Lanes {
    /// Each lane as its left neighbour was; the first is dead.
    #[inline]
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    pub fn shifted_right(self) -> Self {
        Self::from_number(self.to_number() << 1)
    }

    /// Each lane as its right neighbour was; the last is dead.
    #[inline]
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    pub fn shifted_left(self) -> Self {
        Self::from_number(self.to_number() >> 1)
    }

    /// Whether a lane lives.
    #[inline]
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    pub fn is_alive(self, lane: u32) -> bool {
        self.to_number() >> lane & 1 == 1
    }

    /// The word with one lane alive or dead.
    #[inline]
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    pub fn with(self, lane: u32, is_alive: bool) -> Self {
        Self::from_number(self.to_number() & !(1 << lane) | u128::from(is_alive) << lane)
    }
}

/// The word itself, and its logic.
#[cfg(target_family = "wasm")]
mod word {
    use core::arch::wasm32::{i64x2, i64x2_extract_lane, v128, v128_and, v128_not, v128_or, v128_xor};
    use core::ops::{BitAnd, BitOr, BitXor, Not};

    /// 128 cells.
    #[derive(Clone, Copy)]
    pub struct Lanes(v128);

    impl Lanes {
        /// Bit n is lane n.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub const fn from_number(number: u128) -> Self {
            Self(i64x2(number as i64, (number >> 64) as i64))
        }

        /// Bit n is lane n.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn to_number(self) -> u128 {
            let low = i64x2_extract_lane::<0>(self.0) as u64;
            let high = i64x2_extract_lane::<1>(self.0) as u64;
            u128::from(low) | u128::from(high) << 64
        }
    }

    impl BitAnd for Lanes {
        type Output = Self;

        #[inline]
        #[target_feature(enable = "simd128")]
        fn bitand(self, other: Self) -> Self {
            Self(v128_and(self.0, other.0))
        }
    }

    impl BitOr for Lanes {
        type Output = Self;

        #[inline]
        #[target_feature(enable = "simd128")]
        fn bitor(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }
    }

    impl BitXor for Lanes {
        type Output = Self;

        #[inline]
        #[target_feature(enable = "simd128")]
        fn bitxor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }
    }

    impl Not for Lanes {
        type Output = Self;

        #[inline]
        #[target_feature(enable = "simd128")]
        fn not(self) -> Self {
            Self(v128_not(self.0))
        }
    }
}

/// The word's twin where there is no WebAssembly.
#[cfg(not(target_family = "wasm"))]
mod word {
    use core::ops::{BitAnd, BitOr, BitXor, Not};

    /// 128 cells.
    #[derive(Clone, Copy)]
    pub struct Lanes(u128);

    impl Lanes {
        /// Bit n is lane n.
        pub const fn from_number(number: u128) -> Self {
            Self(number)
        }

        /// Bit n is lane n.
        pub fn to_number(self) -> u128 {
            self.0
        }
    }

    impl BitAnd for Lanes {
        type Output = Self;

        fn bitand(self, other: Self) -> Self {
            Self(self.0 & other.0)
        }
    }

    impl BitOr for Lanes {
        type Output = Self;

        fn bitor(self, other: Self) -> Self {
            Self(self.0 | other.0)
        }
    }

    impl BitXor for Lanes {
        type Output = Self;

        fn bitxor(self, other: Self) -> Self {
            Self(self.0 ^ other.0)
        }
    }

    impl Not for Lanes {
        type Output = Self;

        fn not(self) -> Self {
            Self(!self.0)
        }
    }
}
