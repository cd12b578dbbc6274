//! Random numbers from a counter: element i of a tensor depends on the seed and on i alone, so that no generator
//! has a state to be kept, and parts of a tensor can be made in any order.
//!
//! The numbers are the words of ChaCha with 8 rounds, under a key whose first eight bytes are the seed,
//! little-endian, and whose others are zero, with nonce zero. A word w stands for the number (w >> 8) · 2⁻²⁴.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const UNIT: f64 = 1.0 / (1 << 24) as f64;

/// Uniform numbers from `low` up to but not including `high`; element i is made of word i. Here and in the others,
/// `first` is the place of the first element of `output` in its tensor.
pub(crate) fn uniform(seed: u64, low: f32, high: f32, first: usize, output: &mut [f32]) {
    let (low, range) = (f64::from(low), f64::from(high) - f64::from(low));
    let mut words = words(seed, first);
    let below = high.next_down();
    for out in output {
        // Rounding to 32 bits can reach the upper end.
        *out = ((low + range * unit(words.next_u32())) as f32).min(below);
    }
}

/// Normal numbers by the method of Box and Muller; elements 2i and 2i + 1 are made of words 2i and 2i + 1. The first place
/// is an even one.
pub(crate) fn normal(seed: u64, mean: f32, deviation: f32, first: usize, output: &mut [f32]) {
    let (mean, deviation) = (f64::from(mean), f64::from(deviation));
    let mut words = words(seed, first);
    for pair in output.chunks_mut(2) {
        // Half a step keeps the logarithm finite.
        let radius = (-2.0 * libm::log(unit(words.next_u32()) + 0.5 * UNIT)).sqrt();
        let angle = 2.0 * std::f64::consts::PI * unit(words.next_u32());
        for (out, part) in pair.iter_mut().zip([libm::cos(angle), libm::sin(angle)]) {
            *out = (mean + deviation * radius * part) as f32;
        }
    }
}

/// Writes `1 / (1 − probability)` where an element is kept and 0 where it is dropped, which word i decides.
pub(crate) fn dropout_mask(seed: u64, probability: f32, first: usize, output: &mut [f32]) {
    let probability = f64::from(probability);
    let scale = (1.0 / (1.0 - probability)) as f32;
    let mut words = words(seed, first);
    for out in output {
        *out = if unit(words.next_u32()) < probability { 0.0 } else { scale };
    }
}

/// The words from a place on.
fn words(seed: u64, first: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut words = ChaCha8Rng::from_seed(key);
    words.set_word_pos(first as u128);
    words
}

fn unit(word: u32) -> f64 {
    f64::from(word >> 8) * UNIT
}

#[cfg(test)]
mod tests {
    use super::*;

    // What another program computed from the definition of ChaCha.
    const GOLDEN_UNIFORM: [f32; 4] = [0.099_848_27, 0.348_254_44, 0.088_347_85, 0.285_698_53];
    const GOLDEN_NORMAL: [f32; 4] = [-1.242_659_9, 1.750_429_3, -0.489_987_76, 2.147_756_6];

    #[test]
    fn the_numbers_of_a_seed_are_those_of_all_versions() {
        let mut numbers = [0.0; 4];
        uniform(42, 0.0, 1.0, 0, &mut numbers);
        assert_eq!(numbers, GOLDEN_UNIFORM);
        normal(42, 0.0, 1.0, 0, &mut numbers);
        assert_eq!(numbers, GOLDEN_NORMAL);
    }

    #[test]
    fn a_part_of_a_tensor_has_the_numbers_of_the_whole() {
        let make: [fn(usize, &mut [f32]); 3] = [
            |first, output| uniform(7, 0.0, 1.0, first, output),
            |first, output| normal(7, 0.0, 1.0, first, output),
            |first, output| dropout_mask(7, 0.5, first, output),
        ];
        for make in make {
            let mut whole = [0.0; 101];
            make(0, &mut whole);
            // A block of ChaCha has 16 words.
            for (first, length) in [(0, 5), (2, 7), (16, 1), (34, 67)] {
                let mut part = vec![0.0; length];
                make(first, &mut part);
                // The last of an odd number of normal numbers has no partner, and is the same as with one.
                assert_eq!(whole[first..][..length], part, "{first} {length}");
            }
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut numbers = vec![0.0; 100_000];
        let moments = |numbers: &[f32]| {
            let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / numbers.len() as f64;
            let square = numbers.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
            (mean, square / numbers.len() as f64)
        };
        uniform(1, -1.0, 3.0, 0, &mut numbers);
        assert!(numbers.iter().all(|number| (-1.0..3.0).contains(number)));
        let (mean, variance) = moments(&numbers);
        assert!((mean - 1.0).abs() < 0.02 && (variance - 16.0 / 12.0).abs() < 0.02, "{mean} {variance}");
        normal(1, 2.0, 3.0, 0, &mut numbers);
        let (mean, variance) = moments(&numbers);
        assert!((mean - 2.0).abs() < 0.05 && (variance - 9.0).abs() < 0.15, "{mean} {variance}");
        dropout_mask(1, 0.3, 0, &mut numbers);
        let (mean, _) = moments(&numbers);
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
