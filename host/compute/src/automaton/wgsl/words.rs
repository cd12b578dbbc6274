//! Cells as the kernel has them: packed rows, each of which begins at a whole word of 32 bits, little-endian.

use crate::automaton::settings::Size;

/// The bits of a word.
pub(super) const WORD_BITS: u32 = u32::BITS;

/// The bytes of a word.
const WORD_BYTES: usize = size_of::<u32>();

/// The words of a row.
pub(super) fn row_words(size: Size) -> u32 {
    size.width().div_ceil(WORD_BITS)
}

/// The bytes of a board in words.
pub(super) fn bytes(size: Size) -> u64 {
    u64::from(row_words(size)) * u64::from(size.height()) * WORD_BYTES as u64
}

/// Adds the words of a board's packed cells.
pub(super) fn add(size: Size, packed: &[u8], words: &mut Vec<u8>) {
    let padding = row_bytes_in_words(size) - size.row_bytes();
    for row in packed.chunks_exact(size.row_bytes()) {
        words.extend_from_slice(row);
        words.extend(std::iter::repeat_n(0, padding));
    }
}

/// The packed cells of a board, from its words.
pub(super) fn to_packed(size: Size, words: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(size.packed_bytes());
    for row in words.chunks_exact(row_bytes_in_words(size)) {
        packed.extend_from_slice(&row[..size.row_bytes()]);
    }
    packed
}

fn row_bytes_in_words(size: Size) -> usize {
    row_words(size) as usize * WORD_BYTES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::automaton::packed;
    use crate::automaton::tests::sizes;

    proptest! {
        #[test]
        fn packed_cells_come_back_from_words(size in sizes(), seed in any::<u64>()) {
            let packed = packed::random(size, seed, 0.5).unwrap();
            let mut words = Vec::new();
            add(size, &packed, &mut words);
            prop_assert_eq!(words.len() as u64, bytes(size));
            prop_assert!(to_packed(size, &words) == packed);
        }
    }
}
