//! Boards of the same settings, whose cells lie one after the other in a buffer of the device.

use std::collections::HashMap;

use super::words::{self, WORD_BITS};
use crate::automaton::board::Board;
use crate::automaton::error::AutomatonError;
use crate::automaton::rule::NEIGHBOURS_MAX;
use crate::automaton::settings::{Edges, Settings};

/// The bytes of a batch of several boards, about: while it is on the device, the host has them twice.
const BATCH_BYTES: u64 = 64 << 20;

/// The size of what the kernel calls its laws, in bytes: four words, a word and its padding, and four words for each
/// count of neighbours.
pub(super) const LAWS_BYTES: u64 = (8 + 4 * (NEIGHBOURS_MAX as u64 + 1)) * size_of::<u32>() as u64;

/// Boards that are stepped together.
#[derive(Debug)]
pub(super) struct Batch {
    settings: Settings,
    /// Their places among all boards.
    places: Vec<usize>,
}

/// Divides boards that count no ages into batches for buffers that have room for so many bytes, of which a kernel sees so
/// many.
///
/// # Errors
/// [`AutomatonError::NoDevice`] if a board does not fit.
pub(super) fn batches(boards: &[Board], room_bytes: u64, seen_bytes: u64) -> Result<Vec<Batch>, AutomatonError> {
    let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
    for (place, board) in boards.iter().enumerate().filter(|(_, board)| !board.settings().ages) {
        let Settings { size, rule, edges, .. } = *board.settings();
        alike.entry((size, rule, edges)).or_default().push(place);
    }
    let mut batches = Vec::new();
    for places in alike.into_values() {
        let settings = *boards[places[0]].settings();
        let board_bytes = words::bytes(settings.size);
        if board_bytes > seen_bytes {
            let why =
                format!("a board takes {board_bytes} bytes there, and a kernel sees at most {seen_bytes} at once");
            return Err(AutomatonError::NoDevice(why));
        }
        if board_bytes > room_bytes {
            let why = format!("a board takes {board_bytes} bytes there, twice, and memory is left for {room_bytes}");
            return Err(AutomatonError::NoDevice(why));
        }
        let boards_max = (BATCH_BYTES.min(room_bytes).min(seen_bytes) / board_bytes).max(1);
        let chunks = places.chunks(boards_max as usize);
        batches.extend(chunks.map(|places| Batch { settings, places: places.to_vec() }));
    }
    Ok(batches)
}

impl Batch {
    /// The bytes of the words of all boards.
    pub(super) fn bytes(&self) -> u64 {
        words::bytes(self.settings.size) * self.places.len() as u64
    }

    /// The cells of all boards, with those that fill up the words.
    pub(super) fn cells(&self) -> u64 {
        self.bytes() * u64::from(u8::BITS)
    }

    /// The words of all boards.
    pub(super) fn words(&self, boards: &[Board]) -> Vec<u8> {
        let mut words = Vec::with_capacity(self.bytes() as usize);
        for place in &self.places {
            words::add(self.settings.size, boards[*place].bits(), &mut words);
        }
        words
    }

    /// Gives the boards the cells that they have after so many more generations.
    pub(super) fn put(&self, boards: &mut [Board], words: &[u8], generations: u64) {
        let size = self.settings.size;
        for (place, words) in self.places.iter().zip(words.chunks_exact(words::bytes(size) as usize)) {
            boards[*place].advance_to(words::to_packed(size, words), generations);
        }
    }

    /// What the kernel steps them by: its struct `Laws`.
    pub(super) fn laws(&self) -> Vec<u8> {
        let Settings { size, rule, edges, .. } = self.settings;
        let all_if = |is_so: bool| if is_so { u32::MAX } else { 0 };
        let row_words = words::row_words(size);
        // No buffer that a kernel sees has more than 2³² bytes.
        let words = (self.bytes() / size_of::<u32>() as u64) as u32;
        let last_place = (size.width() - 1) % WORD_BITS;
        let mut laws = vec![row_words, size.height(), words, last_place, all_if(edges == Edges::Torus), 0, 0, 0];
        for neighbours in 0..=NEIGHBOURS_MAX {
            let (is_born, survives) = (rule.lives(false, neighbours), rule.lives(true, neighbours));
            laws.extend([all_if(is_born), all_if(is_born != survives), 0, 0]);
        }
        laws.into_iter().flat_map(u32::to_le_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automaton::{Rule, Size};

    fn boards(sides: &[u32], ages: bool) -> Vec<Board> {
        let settings =
            |side| Settings { size: Size::new(side, side).unwrap(), rule: Rule::LIFE, edges: Edges::Torus, ages };
        sides.iter().map(|side| Board::new(settings(*side))).collect()
    }

    #[test]
    fn boards_alike_go_together_as_far_as_there_is_room() {
        let boards = boards(&[32, 64, 32, 32], false);
        let batches = batches(&boards, 1 << 20, 600).unwrap();
        let mut places: Vec<_> = batches.into_iter().map(|batch| (batch.bytes(), batch.places)).collect();
        places.sort();
        assert_eq!(places, [(384, vec![0, 2, 3]), (512, vec![1])]);
    }

    #[test]
    fn more_boards_than_fit_go_one_batch_after_the_other() {
        let batches = batches(&boards(&[32, 32, 32], false), 1 << 20, 300).unwrap();
        assert_eq!(batches.iter().map(|batch| batch.places.clone()).collect::<Vec<_>>(), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn boards_that_do_not_fit_say_by_how_much() {
        let boards = boards(&[64], false);
        let seen = batches(&boards, 512, 511).unwrap_err().to_string();
        assert!(seen.contains("512") && seen.contains("511") && seen.contains("sees"), "{seen}");
        let room = batches(&boards, 511, 512).unwrap_err().to_string();
        assert!(room.contains("memory is left for 511"), "{room}");
    }

    #[test]
    fn boards_that_count_ages_are_not_for_the_device() {
        assert!(batches(&boards(&[64], true), 0, 0).unwrap().is_empty());
    }

    #[test]
    fn the_laws_are_as_long_as_the_kernel_has_them() {
        let boards = boards(&[33], false);
        let batch = &batches(&boards, 1 << 20, 1 << 20).unwrap()[0];
        assert_eq!(batch.laws().len() as u64, LAWS_BYTES);
        assert_eq!(batch.laws()[..16], [2, 0, 0, 0, 33, 0, 0, 0, 66, 0, 0, 0, 0, 0, 0, 0]);
    }
}
