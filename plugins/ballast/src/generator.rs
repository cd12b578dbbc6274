//! Numbers that follow from a seed and do not compress: SplitMix64 (Steele, Lea and Flood, 2014), which is small and
//! runs at the speed of memory. The host's own generator would cost a call for each 64 KiB.

/// A sequence of numbers.
pub struct Generator {
    state: u64,
}

impl Generator {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number of the sequence.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0. The slight preference for low numbers (below one in 2³² for bounds of
    /// 32 bits) does no harm here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        let mut generator = Generator::new(1_234_567);

        let first = [generator.next(), generator.next(), generator.next()];

        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
