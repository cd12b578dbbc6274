//! The packed form of a board's cells, which is what its readers get and what is hashed: row by row from the top, eight
//! cells a byte, the leftmost in the lowest bit; each row begins at a whole byte, and the bits after its end are 0.

use twox_hash::XxHash3_64;

use super::error::AutomatonError;
use super::settings::Size;

/// What SplitMix64 adds from one number to the next, and what it multiplies by (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014).
const SPLITMIX_STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const SPLITMIX_FACTORS: [u64; 2] = [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];

/// Random cells, each alive with the probability `density`. The cells, row by row, take the halves of the 64-bit numbers
/// that SplitMix64 gives from `seed` on, of each the lower half first. A cell lives if its half is less than
/// ⌊density · 2³²⌋.
///
/// # Errors
/// [`AutomatonError::BadDensity`].
pub(super) fn random(size: Size, seed: u64, density: f64) -> Result<Vec<u8>, AutomatonError> {
    if !(0.0..=1.0).contains(&density) {
        return Err(AutomatonError::BadDensity(density));
    }
    let threshold = (density * 2f64.powi(32)) as u64;
    let mut halves = splitmix64(seed).flat_map(|number| [number & u64::from(u32::MAX), number >> 32]);
    let mut packed = vec![0; size.packed_bytes()];
    for row in packed.chunks_exact_mut(size.row_bytes()) {
        let mut cells_left = size.width();
        for byte in row {
            let cells = cells_left.min(u8::BITS);
            *byte = (0..cells).zip(&mut halves).fold(0, |byte, (bit, half)| byte | u8::from(half < threshold) << bit);
            cells_left -= cells;
        }
    }
    Ok(packed)
}

fn splitmix64(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed.wrapping_add(SPLITMIX_STEP)), |state| Some(state.wrapping_add(SPLITMIX_STEP))).map(
        |state| {
            let mixed = (state ^ state >> 30).wrapping_mul(SPLITMIX_FACTORS[0]);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(SPLITMIX_FACTORS[1]);
            mixed ^ mixed >> 31
        },
    )
}

/// Packed cells from bytes of someone else, in which the bits after the end of a row may hold anything.
///
/// # Errors
/// [`AutomatonError::BadBits`].
pub(super) fn checked(size: Size, mut bits: Vec<u8>) -> Result<Vec<u8>, AutomatonError> {
    if bits.len() != size.packed_bytes() {
        let (found_bytes, expected_bytes) = (bits.len() as u64, size.packed_bytes() as u64);
        return Err(AutomatonError::BadBits { found_bytes, expected_bytes });
    }
    let row_bytes = size.row_bytes();
    for last in bits.iter_mut().skip(row_bytes - 1).step_by(row_bytes) {
        *last &= size.last_byte_mask();
    }
    Ok(bits)
}

/// Whether a cell of the board lives.
#[cfg(test)]
pub(super) fn is_alive(size: Size, packed: &[u8], x: u32, y: u32) -> bool {
    let (byte, bit) = place(size, x, y);
    packed[byte] & bit != 0
}

/// The byte that holds a cell, and the cell's bit in it.
pub(super) fn place(size: Size, x: u32, y: u32) -> (usize, u8) {
    (y as usize * size.row_bytes() + (x / u8::BITS) as usize, 1 << (x % u8::BITS))
}

/// How many cells live.
pub(super) fn population(packed: &[u8]) -> u64 {
    let (words, rest) = packed.as_chunks();
    let in_words: u64 = words.iter().map(|word| u64::from(u64::from_le_bytes(*word).count_ones())).sum();
    in_words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// XXH3 with 64 bits and seed 0 of the width and the height, each as 8 bytes, little-endian, and then the cells.
pub(super) fn hash(size: Size, packed: &[u8]) -> u64 {
    let mut hasher = XxHash3_64::new();
    for part in [&u64::from(size.width()).to_le_bytes(), &u64::from(size.height()).to_le_bytes(), packed] {
        std::hash::Hasher::write(&mut hasher, part);
    }
    std::hash::Hasher::finish(&hasher)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn numbers_are_those_of_splitmix64() {
        // The first numbers that the authors' own program gives from the seed 1234567.
        let numbers = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert!(splitmix64(1_234_567).take(3).eq(numbers));
    }

    #[test]
    fn cells_take_the_halves_of_the_numbers_in_their_order() {
        let size = size(3, 5);
        let packed = random(size, 9, 0.25).unwrap();
        let numbers: Vec<u64> = splitmix64(9).take(8).collect();
        for cell in 0..15 {
            let number = numbers[cell / 2];
            let half = if cell % 2 == 0 { number as u32 } else { (number >> 32) as u32 };
            assert_eq!(is_alive(size, &packed, cell as u32 % 3, cell as u32 / 3), half < 1 << 30, "cell {cell}");
        }
    }

    #[test]
    fn the_density_is_kept_and_its_ends_are_exact() {
        let size = size(1001, 997);
        let population = |density| population(&random(size, 5, density).unwrap());
        assert_eq!(population(0.0), 0);
        assert_eq!(population(1.0), size.cells());
        let share = population(0.35) as f64 / size.cells() as f64;
        assert!((share - 0.35).abs() < 0.003, "{share}");
        for density in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(random(size, 5, density), Err(AutomatonError::BadDensity(_))));
        }
    }

    #[test]
    fn the_hash_tells_sizes_and_cells_apart() {
        let row = hash(size(16, 1), &[1, 0]);
        assert_ne!(row, hash(size(1, 2), &[1, 0]));
        assert_ne!(row, hash(size(16, 1), &[0, 1]));
        // Kept as it is: programs compare it with hashes that they wrote down.
        assert_eq!(hash(size(3, 3), &[0b010, 0b010, 0b010]), 4_024_887_261_681_231_225);
    }

    #[test]
    fn bits_after_the_end_of_a_row_mean_nothing() {
        assert_eq!(checked(size(3, 2), vec![0xFF, 0xF8]).unwrap(), [0b111, 0]);
        assert_eq!(
            checked(size(9, 1), vec![0]).unwrap_err(),
            AutomatonError::BadBits { found_bytes: 1, expected_bytes: 2 }
        );
    }
}
