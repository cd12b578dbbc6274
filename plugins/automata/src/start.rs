//! What automata begin with.

use crate::law::Law;
use crate::orbium;
use crate::size::Size;

/// Cells of which so large a part is not 0: 1, or for a continuous automaton any number from 0 to 1.
///
/// For each cell, row by row, SplitMix64 (Steele, Lea and Flood, 2014) gives two numbers: the first says whether the cell
/// is not 0, and the second what it is.
pub fn random(size: Size, law: &Law, seed: u64, density: f64) -> Vec<f32> {
    let draw = |cell: u64| {
        let value = if law.is_continuous() { part(split_mix(seed, 2 * cell + 1)) as f32 } else { 1.0 };
        if part(split_mix(seed, 2 * cell)) < density { value } else { 0.0 }
    };
    (0..size.cells() as u64).map(draw).collect()
}

/// An Orbium in the middle; none if there is no room.
pub fn orbium(size: Size) -> Option<Vec<f32>> {
    let (width, height) = (size.width() as usize, size.height() as usize);
    let (left, top) = (width.checked_sub(orbium::SIDE)? / 2, height.checked_sub(orbium::SIDE)? / 2);
    let mut cells = vec![0.0; size.cells()];
    for y in 0..orbium::SIDE {
        for x in 0..orbium::SIDE {
            cells[(top + y) * width + left + x] = orbium::cell(x, y);
        }
    }
    Some(cells)
}

/// A number from 0 to 1, without 1.
fn part(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
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
    use crate::lenia::Lenia;

    #[test]
    fn the_generator_is_split_mix() {
        // The first numbers of the authors' own implementation, for the seed 1234567.
        let first: Vec<_> = (0..3).map(|index| split_mix(1_234_567, index)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_random_start_is_as_dense_as_it_is_to_be() {
        let size = Size::new(200, 200, 1).unwrap();
        let rule = Law::LargerThanLife("R1,C0,M0,S2..3,B3..3,NM".parse().unwrap());
        let cells = random(size, &rule, 7, 0.25);
        let living = cells.iter().filter(|cell| **cell == 1.0).count();
        assert!((9_500..10_500).contains(&living) && cells.iter().all(|cell| [0.0, 1.0].contains(cell)), "{living}");

        let cells = random(size, &Law::Lenia(Lenia::default()), 7, 1.0);
        let mean = cells.iter().sum::<f32>() / cells.len() as f32;
        assert!((mean - 0.5).abs() < 0.01 && cells.iter().all(|cell| (0.0..=1.0).contains(cell)), "{mean}");
    }
}
