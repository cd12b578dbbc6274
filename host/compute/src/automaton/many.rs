//! Many small boards at a time: a vector holds the same cell of as many boards as it has bits. Then no board is too
//! narrow to fill a vector, and 512 boards are stepped as fast as one large one.

use super::band::{Content, Laws};
use super::cells::vector_words;
use super::columns::Columns;
use super::error::AutomatonError;
use super::settings::{Settings, Size};
use super::step::{self, Work};
use super::transpose::transpose_words;
use pulp::Arch;

/// The bits of a word, which is also the side of the square that is transposed at once.
const WORD_BITS: usize = u64::BITS as usize;

/// What the edges of each row of a lone board cost, in vectors.
const EDGES_VECTORS: usize = 3;

/// What it costs to bring the boards together and apart again, in generations of all of them.
const GATHER_GENERATIONS: u64 = 2;

/// How many boards are stepped together.
pub(super) fn boards_max(arch: Arch) -> usize {
    vector_words(arch) * WORD_BITS
}

/// Whether so many boards, [`boards_max`] at most, are stepped faster together than one by one.
pub(super) fn pays(arch: Arch, size: Size, boards: usize, generations: u64) -> bool {
    let alone = boards * (Columns::count_for(vector_words(arch), size.width()) + EDGES_VECTORS);
    let together = size.width() as usize;
    generations.saturating_mul(alone as u64)
        > generations.saturating_add(GATHER_GENERATIONS).saturating_mul(together as u64)
}

/// Steps boards of the same settings, [`boards_max`] at most, and returns their packed cells.
///
/// # Errors
/// [`AutomatonError::Stopped`].
pub(super) fn advance(
    arch: Arch,
    settings: &Settings,
    boards: &[&[u8]],
    generations: u64,
    work: &Work<'_>,
) -> Result<Vec<Vec<u8>>, AutomatonError> {
    let laws = Laws { arch, rule: settings.rule, edges: settings.edges, content: Content::BoardPerBit };
    let columns = gather(vector_words(arch), settings.size, boards);
    let columns = step::advance(&columns, &laws, generations, work)?;
    Ok(spread(&columns, settings.size, boards.len()))
}

/// Puts board b into bit b of the vectors.
fn gather(vector_words: usize, size: Size, boards: &[&[u8]]) -> Columns {
    let (width, height, row_bytes) = (size.width() as usize, size.height() as usize, size.row_bytes());
    let mut columns = Columns::zeroed(vector_words, width, height);
    for (word, boards) in boards.chunks(WORD_BITS).enumerate() {
        for (y, first) in squares(width, height) {
            let mut square = [0; WORD_BITS];
            for (row, board) in square.iter_mut().zip(boards) {
                *row = load(&board[y * row_bytes..][..row_bytes][first / 8..]);
            }
            transpose_words(&mut square);
            for (column, value) in (first..width).zip(square) {
                columns.words_mut()[(column * height + y) * vector_words + word] = value;
            }
        }
    }
    columns
}

/// Takes so many boards out of the vectors.
fn spread(columns: &Columns, size: Size, boards: usize) -> Vec<Vec<u8>> {
    let (width, height, row_bytes) = (size.width() as usize, size.height() as usize, size.row_bytes());
    let mut packed = vec![vec![0; size.packed_bytes()]; boards];
    for (word, boards) in packed.chunks_mut(WORD_BITS).enumerate() {
        for (y, first) in squares(width, height) {
            let mut square = [0; WORD_BITS];
            for (column, value) in (first..width).zip(&mut square) {
                *value = columns.words()[(column * height + y) * columns.vector_words() + word];
            }
            transpose_words(&mut square);
            for (row, board) in square.into_iter().zip(&mut *boards) {
                let to = &mut board[y * row_bytes..][..row_bytes][first / 8..];
                let bytes = to.len().min(size_of::<u64>());
                to[..bytes].copy_from_slice(&row.to_le_bytes()[..bytes]);
            }
        }
    }
    packed
}

/// The rows of 64 boards, 64 cells at a time: the row and its first cell.
fn squares(width: usize, height: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..height).flat_map(move |y| (0..width).step_by(WORD_BITS).map(move |first| (y, first)))
}

/// The first 8 bytes as a word; those that are missing are 0.
fn load(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;
    use crate::Threads;
    use crate::automaton::packed;
    use crate::automaton::tests::{archs, reference, rules, settings, sizes};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn boards_in_the_bits_of_vectors_follow_the_definition(
            size in sizes(),
            rule in rules(),
            is_torus in any::<bool>(),
            boards in 1usize..600,
            generations in 1u64..8,
        ) {
            let settings = settings(size, rule, is_torus);
            let threads = Threads::new(2);
            let work = Work { threads: Some(&threads), owner: 1, stop: &AtomicBool::new(false) };
            for arch in archs() {
                let boards = boards.min(boards_max(arch));
                let packed: Vec<Vec<u8>> =
                    (0..boards).map(|board| packed::random(size, board as u64, 0.4).unwrap()).collect();
                let slices: Vec<&[u8]> = packed.iter().map(Vec::as_slice).collect();
                let stepped = advance(arch, &settings, &slices, generations, &work).unwrap();
                // The definition is slow: the first, the last and one between stand for all.
                for board in [0, boards / 2, boards - 1] {
                    prop_assert!(stepped[board] == reference(&settings, &packed[board], generations), "{}", board);
                }
            }
        }
    }

    #[test]
    fn narrow_boards_go_together_and_wide_or_few_ones_do_not() {
        let arch = Arch::new();
        let size = |side| Size::new(side, side).unwrap();
        assert!(pays(arch, size(33), boards_max(arch), 50));
        assert!(!pays(arch, size(100), 2, 50));
        assert!(!pays(arch, size(33), boards_max(arch), 0));
    }
}
