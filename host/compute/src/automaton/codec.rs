//! A board as bytes, for checkpoints. All numbers are little-endian.
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | `BJbd` |
//! | 4 | 2 | version of the format: 1 |
//! | 6 | 1 | edges: 0 torus, 1 dead |
//! | 7 | 1 | 1 if the board counts ages, else 0 |
//! | 8 | 4 | width |
//! | 12 | 4 | height |
//! | 16 | 2 | birth: bit n stands for n neighbours |
//! | 18 | 2 | survival, likewise |
//! | 20 | 8 | generation |
//! | 28 | | without ages: the cells, as [`Board::bits`] returns them; with ages: the ages, as [`Board::ages`] does |

use super::board::Board;
use super::error::AutomatonError;
use super::rule::Rule;
use super::settings::{Edges, Settings, Size};

const MAGIC: [u8; 4] = *b"BJbd";
const VERSION: u16 = 1;

impl Board {
    /// The board as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Settings { size, rule, edges, ages } = *self.settings();
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.push(match edges {
            Edges::Torus => 0,
            Edges::Dead => 1,
        });
        bytes.push(u8::from(ages));
        bytes.extend(size.width().to_le_bytes());
        bytes.extend(size.height().to_le_bytes());
        bytes.extend(rule.birth_mask().to_le_bytes());
        bytes.extend(rule.survival_mask().to_le_bytes());
        bytes.extend(self.generation().to_le_bytes());
        match self.ages() {
            Ok(ages) => bytes.extend(ages),
            Err(_) => bytes.extend(self.bits()),
        }
        bytes
    }

    /// The board that these bytes are.
    ///
    /// # Errors
    /// [`AutomatonError::Damaged`] if [`encode`](Self::encode) did not write them; nothing as large as a board is
    /// made before that is known.
    pub fn decode(bytes: &[u8]) -> Result<Self, AutomatonError> {
        Self::decode_if(bytes, |_| Ok(()))
    }

    /// The board that these bytes are, if one of its settings is welcome; otherwise the reason why it is not.
    pub(super) fn decode_if(
        bytes: &[u8],
        welcome: impl FnOnce(&Settings) -> Result<(), AutomatonError>,
    ) -> Result<Self, AutomatonError> {
        let mut reader = Reader { rest: bytes };
        if reader.take()? != MAGIC {
            return Err(AutomatonError::Damaged("this is no board"));
        }
        if u16::from_le_bytes(reader.take()?) != VERSION {
            return Err(AutomatonError::Damaged("a later version of Belljar wrote this board"));
        }
        let edges = match reader.take()? {
            [0] => Edges::Torus,
            [1] => Edges::Dead,
            _ => return Err(AutomatonError::Damaged("edges that are neither torus nor dead")),
        };
        let ages = match reader.take()? {
            [0] => false,
            [1] => true,
            _ => return Err(AutomatonError::Damaged("ages that are neither there nor not")),
        };
        let size = Size::new(u32::from_le_bytes(reader.take()?), u32::from_le_bytes(reader.take()?))
            .map_err(|_| AutomatonError::Damaged("a size that no board has"))?;
        let rule = Rule::from_masks(u16::from_le_bytes(reader.take()?), u16::from_le_bytes(reader.take()?))
            .ok_or(AutomatonError::Damaged("a rule with more than 8 neighbours"))?;
        let generation = u64::from_le_bytes(reader.take()?);
        let settings = Settings { size, rule, edges, ages };
        let expected_bytes = if ages { size.cells() } else { size.packed_bytes() as u64 };
        if reader.rest.len() as u64 != expected_bytes {
            return Err(AutomatonError::Damaged("more or fewer cells than the size asks for"));
        }
        welcome(&settings)?;
        Self::restored(settings, generation, reader.rest)
    }
}

/// Reads fields of fixed size from the front of some bytes.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next bytes.
    ///
    /// # Errors
    /// [`AutomatonError::Damaged`] if there are fewer.
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], AutomatonError> {
        let (field, rest) = self.rest.split_first_chunk().ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(*field)
    }

    /// The next so many bytes.
    ///
    /// # Errors
    /// [`AutomatonError::Damaged`] if there are fewer.
    pub(super) fn take_slice(&mut self, bytes: u64) -> Result<&'a [u8], AutomatonError> {
        let split = usize::try_from(bytes).ok().and_then(|bytes| self.rest.split_at_checked(bytes));
        let (slice, rest) = split.ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(slice)
    }
}

const CUT_SHORT: AutomatonError = AutomatonError::Damaged("the bytes end too early");

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;
    use crate::Threads;
    use crate::automaton::tests::{rules, sizes};
    use crate::automaton::{Cell, Work};

    /// A block and a cell on a board of 9 × 3 with B36/S23, one generation on.
    fn stepped(ages: bool) -> Board {
        let settings =
            Settings { size: Size::new(9, 3).unwrap(), rule: "B36/S23".parse().unwrap(), edges: Edges::Dead, ages };
        let mut board = Board::new(settings);
        let living = [(0, 0), (1, 0), (0, 1), (1, 1), (7, 0), (8, 0), (7, 1)];
        board.set(&living.map(|(x, y)| Cell { x, y }), true).unwrap();
        let threads = Threads::new(1);
        board.step(1, &Work { threads: Some(&threads), owner: 1, stop: &AtomicBool::new(false) }).unwrap();
        board
    }

    #[test]
    fn the_format_is_the_one_that_was_written_down() {
        let header = |ages| {
            let magic_version_edges = [b'B', b'J', b'b', b'd', 1, 0, 1, ages];
            let size_rule_generation = [9, 0, 0, 0, 3, 0, 0, 0, 0x48, 0, 0x0C, 0, 1, 0, 0, 0, 0, 0, 0, 0];
            [magic_version_edges.as_slice(), &size_rule_generation].concat()
        };
        let bits = [0b1000_0011, 1, 0b1000_0011, 1, 0, 0];
        let ages = [[2, 2, 0, 0, 0, 0, 0, 2, 2], [2, 2, 0, 0, 0, 0, 0, 2, 1], [0; 9]];
        assert_eq!(stepped(false).encode(), [header(0).as_slice(), &bits].concat());
        assert_eq!(stepped(true).encode(), [header(1).as_slice(), &ages.concat()].concat());
    }

    #[test]
    fn what_is_no_board_is_refused() {
        let bytes = stepped(false).encode();
        let with = |place: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[place] = value;
            Board::decode(&bytes).map(|board| board.generation())
        };
        for (place, value) in [(0, 0), (4, 2), (6, 2), (7, 2), (8, 0), (12, 0), (11, 1), (17, 2), (19, 2)] {
            assert!(matches!(with(place, value), Err(AutomatonError::Damaged(_))), "byte {place}");
        }
        assert_eq!(with(20, 9), Ok(9));
    }

    proptest! {
        #[test]
        fn a_board_comes_back(size in sizes(), rule in rules(), ages in any::<bool>(), seed in any::<u64>()) {
            let settings = Settings { size, rule, edges: Edges::Torus, ages };
            let mut board = Board::random(settings, seed, 0.5).unwrap();
            let threads = Threads::new(1);
            board.step(2, &Work { threads: Some(&threads), owner: 1, stop: &AtomicBool::new(false) }).unwrap();
            let decoded = Board::decode(&board.encode()).unwrap();
            prop_assert_eq!(decoded.settings(), &settings);
            prop_assert_eq!(decoded.summary(), board.summary());
            prop_assert!(decoded.ages() == board.ages());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Board::decode(&bytes);
        }

        #[test]
        fn no_change_of_a_byte_makes_it_panic(place in 0usize..34, value in any::<u8>(), cut in 0usize..40) {
            let mut bytes = stepped(false).encode();
            bytes[place] = value;
            bytes.truncate(cut);
            if let Ok(board) = Board::decode(&bytes) {
                prop_assert_eq!(Board::decode(&board.encode()).unwrap().summary(), board.summary());
            }
        }
    }
}
