//! Random boards, "soups" to those who watch them: the same for the same size, seed and density in every engine, as
//! the host draws the cells of its boards in the same way (`belljar:plugin/automaton`, `random`).

use crate::bits::{Bits, Size};

/// A board on which each cell lives with a probability from 0 to 1.
///
/// Draw n is the number that SplitMix64 (Steele, Lea and Flood, 2014) gives after n others. Cell y × width + x takes
/// one half of the draw numbered half of that, the lower half if it is even, and lives if this is less than
/// `density` × 2³².
pub fn random(size: Size, seed: u64, density: f64) -> Bits {
    let below = (density * 2_f64.powi(32)) as u64;
    let mut bits = Bits::dead(size);
    let mut numbers = (0..).flat_map(|index| {
        let draw = split_mix(seed, index);
        [draw & u64::from(u32::MAX), draw >> 32]
    });
    for y in 0..size.height() {
        for (x, number) in (0..size.width()).zip(&mut numbers) {
            if number < below {
                bits.give_life(x, y);
            }
        }
    }
    bits
}

/// The number that SplitMix64 gives after `index` others.
fn split_mix(seed: u64, index: u64) -> u64 {
    let state = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use belljar_guest::automaton::{Board, Edges, Settings};

    #[test]
    fn the_generator_is_split_mix() {
        // The first numbers of the authors' own implementation, for the seed 1234567.
        let first: Vec<_> = (0..3).map(|index| split_mix(1_234_567, index)).collect();

        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn the_host_draws_the_same_cells() {
        for (width, height, density) in [(10, 10, 0.35), (33, 7, 0.5), (1, 5, 1.0), (9, 9, 0.0)] {
            let settings = Settings { width, height, rule: "B3/S23".to_owned(), edges: Edges::Torus, ages: false };
            let of_host = Board::random(&settings, 42, density).unwrap().bits().unwrap();

            assert_eq!(random(Size::new(width, height).unwrap(), 42, density).bytes(), of_host, "{width} × {height}");
        }
    }

    #[test]
    fn a_soup_is_as_dense_as_it_was_asked_to_be() {
        let size = Size::new(200, 200).unwrap();

        let share = random(size, 7, 0.35).population() as f64 / size.cells() as f64;

        assert!((share - 0.35).abs() < 0.01, "{share}");
        assert_ne!(random(size, 7, 0.35), random(size, 8, 0.35));
    }
}
