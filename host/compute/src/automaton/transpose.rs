//! Transposition of bits: a tile of words is a matrix of bits, and a stage exchanges one bit of a word's number with
//! one bit of the places within the words. All stages of a square tile transpose it (Warren, Hacker's Delight, 7-3).

/// For each bit of a place within a word: the places where it is 0.
const PLACES_WITHOUT_BIT: [u64; 6] = [
    0x5555_5555_5555_5555,
    0x3333_3333_3333_3333,
    0x0F0F_0F0F_0F0F_0F0F,
    0x00FF_00FF_00FF_00FF,
    0x0000_FFFF_0000_FFFF,
    0x0000_0000_FFFF_FFFF,
];

/// Exchanges a bit of the words' numbers with a bit of the places in them. The tile is a power of two of words.
#[inline(always)]
pub(super) fn exchange(tile: &mut [u64], number_bit: usize, place_bit: usize) {
    let (distance, shift, mask) = (1 << number_bit, 1 << place_bit, PLACES_WITHOUT_BIT[place_bit]);
    for pair in tile.chunks_exact_mut(2 * distance) {
        let (without, with) = pair.split_at_mut(distance);
        for (a, b) in without.iter_mut().zip(with) {
            let different = (*a >> shift ^ *b) & mask;
            *b ^= different;
            *a ^= different << shift;
        }
    }
}

/// Transposes 8 words: bit p of byte β of word ω goes to bit ω of byte β of word p. Its own inverse.
#[inline(always)]
pub(super) fn transpose_bytes(tile: &mut [u64; 8]) {
    for bit in 0..3 {
        exchange(tile, bit, bit);
    }
}

/// Transposes 64 words: bit p of word ω goes to bit ω of word p. Its own inverse.
#[inline(always)]
pub(super) fn transpose_words(tile: &mut [u64; 64]) {
    for bit in 0..6 {
        exchange(tile, bit, bit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::array::uniform32;
    use proptest::prelude::*;

    fn bit(word: u64, place: usize) -> u64 {
        word >> place & 1
    }

    proptest! {
        #[test]
        fn every_bit_of_64_words_changes_places_with_its_mirror_image(half in uniform32(any::<u64>())) {
            let tile: [u64; 64] = std::array::from_fn(|i| half[i % 32].rotate_left(i as u32));
            let mut turned = tile;
            transpose_words(&mut turned);
            for (number, word) in tile.into_iter().enumerate() {
                for (place, mirrored) in turned.into_iter().enumerate() {
                    prop_assert_eq!(bit(word, place), bit(mirrored, number));
                }
            }
        }

        #[test]
        fn every_byte_of_8_words_is_a_column_of_the_others_bits(tile in proptest::array::uniform8(any::<u64>())) {
            let mut turned = tile;
            transpose_bytes(&mut turned);
            for byte in 0..8 {
                for (number, word) in tile.into_iter().enumerate() {
                    for (place, column) in turned.into_iter().enumerate() {
                        prop_assert_eq!(bit(word, 8 * byte + place), bit(column, 8 * byte + number));
                    }
                }
            }
        }
    }
}
