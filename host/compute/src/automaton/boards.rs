//! The boards of one owner, by number: what the functions of the `automaton` interface work on.

use std::collections::BTreeMap;

use super::board::Board;
use super::codec::Reader;
use super::error::AutomatonError;
use super::settings::Settings;
use super::step::Work;

/// How many boards an owner has at most.
pub const BOARDS_MAX: usize = 65_536;

/// Numbers that are looked up between two looks at whether to stop.
const IDS_AT_ONCE: usize = 4_096;

/// Cells times generations of one turn on the threads: some 10 ms on two cores.
const TURN_CELLS: u64 = 1 << 30;

const MAGIC: [u8; 4] = *b"BJbt";
const VERSION: u16 = 1;

/// Boards by number, within a limit of memory. Numbers count up from 1 and are never given twice. A clone is a
/// snapshot: it shares the cells of each board until that board is changed.
#[derive(Clone, Debug)]
pub struct Boards {
    boards: BTreeMap<u64, Board>,
    last_id: u64,
    memory_bytes: u64,
    memory_bytes_max: u64,
}

impl Boards {
    /// No boards, and what they may take.
    pub fn new(memory_bytes_max: u64) -> Self {
        Self { boards: BTreeMap::new(), last_id: 0, memory_bytes: 0, memory_bytes_max }
    }

    /// Changes what the boards may take. They stay, even if they take more already.
    pub fn set_memory_bytes_max(&mut self, memory_bytes_max: u64) {
        self.memory_bytes_max = memory_bytes_max;
    }

    /// What all boards take, as [`Board::memory_bytes`] counts it.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// The last number that was given; 0 before the first.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// How many boards there are.
    pub fn len(&self) -> usize {
        self.boards.len()
    }

    /// Whether there are no boards.
    pub fn is_empty(&self) -> bool {
        self.boards.is_empty()
    }

    /// A board of dead cells; its number.
    ///
    /// # Errors
    /// [`AutomatonError::Full`], [`AutomatonError::TooManyBoards`].
    pub fn create(&mut self, settings: Settings) -> Result<u64, AutomatonError> {
        self.add(&settings, || Ok(Board::new(settings)))
    }

    /// A board as [`Board::random`] makes it; its number.
    ///
    /// # Errors
    /// [`AutomatonError::Full`], [`AutomatonError::TooManyBoards`], [`AutomatonError::BadDensity`].
    pub fn random(&mut self, settings: Settings, seed: u64, density: f64) -> Result<u64, AutomatonError> {
        self.add(&settings, || Board::random(settings, seed, density))
    }

    /// A board as [`Board::from_bits`] makes it; its number.
    ///
    /// # Errors
    /// [`AutomatonError::Full`], [`AutomatonError::TooManyBoards`], [`AutomatonError::BadBits`].
    pub fn from_bits(&mut self, settings: Settings, bits: Vec<u8>) -> Result<u64, AutomatonError> {
        self.add(&settings, || Board::from_bits(settings, bits))
    }

    /// The board of a number.
    ///
    /// # Errors
    /// [`AutomatonError::UnknownBoard`].
    pub fn get(&self, id: u64) -> Result<&Board, AutomatonError> {
        self.boards.get(&id).ok_or(AutomatonError::UnknownBoard(id))
    }

    /// The board of a number, to change it.
    ///
    /// # Errors
    /// [`AutomatonError::UnknownBoard`].
    pub fn get_mut(&mut self, id: u64) -> Result<&mut Board, AutomatonError> {
        self.boards.get_mut(&id).ok_or(AutomatonError::UnknownBoard(id))
    }

    /// Steps every board that is named, and one that is named several times as often.
    ///
    /// # Errors
    /// [`AutomatonError::UnknownBoard`], [`AutomatonError::Stopped`]; then all boards are as they were.
    pub fn step_many(&mut self, ids: &[u64], generations: u64, work: &Work<'_>) -> Result<(), AutomatonError> {
        self.step_with(ids, generations, work, |boards, generations| step_in_turns(boards, generations, work))
    }

    /// The same on the compute device. It blocks until that is done, and must be called in a tokio runtime, on a thread
    /// that may block.
    ///
    /// # Errors
    /// Those of [`step_many`](Self::step_many); [`AutomatonError::NoDevice`], [`AutomatonError::DeviceFailed`]. Then all
    /// boards are as they were.
    #[cfg(all(feature = "device", target_os = "linux"))]
    pub fn step_many_on(
        &mut self,
        device: &mut super::DeviceStepper,
        ids: &[u64],
        generations: u64,
        work: &Work<'_>,
    ) -> Result<(), AutomatonError> {
        self.step_with(ids, generations, work, |boards, generations| device.step(boards, generations, work))
    }

    /// Steps every board that is named as often as it is, by what steps some boards so many generations. When that fails,
    /// all boards are as they were.
    fn step_with(
        &mut self,
        ids: &[u64],
        generations: u64,
        work: &Work<'_>,
        mut step: impl FnMut(&mut [Board], u64) -> Result<(), AutomatonError>,
    ) -> Result<(), AutomatonError> {
        let mut times: BTreeMap<u64, u64> = BTreeMap::new();
        for some in ids.chunks(IDS_AT_ONCE) {
            work.check()?;
            for id in some {
                self.get(*id)?;
                *times.entry(*id).or_default() += 1;
            }
        }
        // To step a board twice is to step it twice as far.
        let mut alike: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (id, times) in times {
            alike.entry(generations.saturating_mul(times)).or_default().push(id);
        }
        let mut stepped = Vec::new();
        for (generations, ids) in alike {
            let mut boards: Vec<Board> = ids.iter().map(|id| self.get(*id).cloned()).collect::<Result<_, _>>()?;
            step(&mut boards, generations)?;
            stepped.extend(ids.into_iter().zip(boards));
        }
        self.boards.extend(stepped);
        Ok(())
    }

    /// Takes a board away.
    ///
    /// # Errors
    /// [`AutomatonError::UnknownBoard`].
    pub fn free(&mut self, id: u64) -> Result<(), AutomatonError> {
        let board = self.boards.remove(&id).ok_or(AutomatonError::UnknownBoard(id))?;
        self.memory_bytes -= board.memory_bytes();
        Ok(())
    }

    /// All boards as bytes. All numbers are little-endian.
    ///
    /// | bytes | what |
    /// | --- | --- |
    /// | 4 | `BJbt` |
    /// | 2 | version of the format: 1 |
    /// | 8 | the last number that was given |
    /// | 8 | how many boards follow, in the order of their numbers |
    /// | 8 | for each: its number |
    /// | 8 | for each: the bytes of the board |
    /// | | for each: the board, as [`Board::encode`] returns it |
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.last_id.to_le_bytes());
        bytes.extend((self.boards.len() as u64).to_le_bytes());
        for (id, board) in &self.boards {
            let board = board.encode();
            bytes.extend(id.to_le_bytes());
            bytes.extend((board.len() as u64).to_le_bytes());
            bytes.extend(board);
        }
        bytes
    }

    /// The boards that these bytes are, and what they may take from now on.
    ///
    /// # Errors
    /// [`AutomatonError::Damaged`] if [`encode`](Self::encode) did not write them; [`AutomatonError::Full`] if the
    /// boards would take more than they may, [`AutomatonError::TooManyBoards`] if they are more: nothing that there is
    /// no room for is made.
    pub fn decode(bytes: &[u8], memory_bytes_max: u64) -> Result<Self, AutomatonError> {
        let mut reader = Reader { rest: bytes };
        if reader.take()? != MAGIC {
            return Err(AutomatonError::Damaged("these are no boards"));
        }
        if u16::from_le_bytes(reader.take()?) != VERSION {
            return Err(AutomatonError::Damaged("a later version of Belljar wrote these boards"));
        }
        let mut boards = Self::new(memory_bytes_max);
        let last_id = u64::from_le_bytes(reader.take()?);
        for _ in 0..u64::from_le_bytes(reader.take()?) {
            let id = u64::from_le_bytes(reader.take()?);
            if id <= boards.last_id || id > last_id {
                return Err(AutomatonError::Damaged("numbers of boards that do not ascend"));
            }
            let length_bytes = u64::from_le_bytes(reader.take()?);
            let bytes = reader.take_slice(length_bytes)?;
            let board = Board::decode_if(bytes, |settings| boards.make_room(Board::memory_bytes_for(settings)))?;
            boards.boards.insert(id, board);
            boards.last_id = id;
        }
        if !reader.rest.is_empty() {
            return Err(AutomatonError::Damaged("there are more bytes than boards"));
        }
        boards.last_id = last_id;
        Ok(boards)
    }

    /// Takes over the board that `make` returns, if there is room for one of these settings.
    fn add(
        &mut self,
        settings: &Settings,
        make: impl FnOnce() -> Result<Board, AutomatonError>,
    ) -> Result<u64, AutomatonError> {
        let memory_bytes = Board::memory_bytes_for(settings);
        self.make_room(memory_bytes)?;
        let board = make().inspect_err(|_| self.memory_bytes -= memory_bytes)?;
        self.last_id += 1;
        self.boards.insert(self.last_id, board);
        Ok(self.last_id)
    }

    fn make_room(&mut self, needed_bytes: u64) -> Result<(), AutomatonError> {
        if self.boards.len() >= BOARDS_MAX {
            return Err(AutomatonError::TooManyBoards { limit: BOARDS_MAX });
        }
        let memory_bytes = self.memory_bytes.saturating_add(needed_bytes);
        if memory_bytes > self.memory_bytes_max {
            return Err(AutomatonError::Full { needed_bytes, limit_bytes: self.memory_bytes_max });
        }
        self.memory_bytes = memory_bytes;
        Ok(())
    }
}

/// Steps boards so many generations, in turns that last some milliseconds each: whoever else has something to compute
/// goes between.
fn step_in_turns(boards: &mut [Board], generations: u64, work: &Work<'_>) -> Result<(), AutomatonError> {
    if let [board] = boards {
        // It takes a turn for each of its passes.
        return board.step(generations, work);
    }
    let cells = boards.iter().map(Board::cost).fold(1, u64::saturating_add);
    let mut left = generations;
    while left > 0 {
        let now = left.min((TURN_CELLS / cells).max(1));
        Board::step_many(boards, now, work)?;
        left -= now;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;
    use crate::Threads;
    use crate::automaton::{Edges, Rule, Size};

    const MEMORY_BYTES_MAX: u64 = 1 << 20;

    fn settings(side: u32) -> Settings {
        Settings { size: Size::new(side, side).unwrap(), rule: Rule::LIFE, edges: Edges::Torus, ages: false }
    }

    /// Boards 1 and 3, of three.
    fn two_boards() -> Boards {
        let mut boards = Boards::new(MEMORY_BYTES_MAX);
        for side in [10, 20, 30] {
            boards.random(settings(side), u64::from(side), 0.4).unwrap();
        }
        boards.free(2).unwrap();
        boards
    }

    #[test]
    fn numbers_are_not_given_twice() {
        let mut boards = two_boards();
        assert_eq!(boards.free(2), Err(AutomatonError::UnknownBoard(2)));
        assert!(boards.get(2).is_err() && boards.get_mut(2).is_err());
        boards.free(3).unwrap();
        assert_eq!(boards.create(settings(10)).unwrap(), 4);
        let mut restored = Boards::decode(&boards.encode(), MEMORY_BYTES_MAX).unwrap();
        assert_eq!(restored.create(settings(10)).unwrap(), 5);
    }

    #[test]
    fn memory_is_counted_limited_and_given_back() {
        let needed_bytes = Board::memory_bytes_for(&settings(100));
        let mut boards = Boards::new(2 * needed_bytes);
        let full = AutomatonError::Full { needed_bytes, limit_bytes: 2 * needed_bytes };
        boards.create(settings(100)).unwrap();
        assert!(boards.random(settings(100), 1, 2.0).is_err());
        assert!(boards.from_bits(settings(100), Vec::new()).is_err());
        assert_eq!(boards.memory_bytes(), needed_bytes);
        boards.create(settings(100)).unwrap();
        assert_eq!(boards.create(settings(100)), Err(full.clone()));
        let bytes = boards.encode();
        boards.free(1).unwrap();
        boards.create(settings(100)).unwrap();
        assert!(Boards::decode(&bytes, 2 * needed_bytes).is_ok());
        assert!(matches!(Boards::decode(&bytes, 2 * needed_bytes - 1), Err(AutomatonError::Full { .. })));
    }

    #[test]
    fn there_are_only_so_many_boards() {
        let mut boards = Boards::new(u64::MAX);
        for _ in 0..BOARDS_MAX {
            boards.create(settings(1)).unwrap();
        }
        let (bytes, memory_bytes) = (boards.encode(), boards.memory_bytes());
        assert_eq!(boards.create(settings(1)), Err(AutomatonError::TooManyBoards { limit: BOARDS_MAX }));
        assert_eq!(boards.memory_bytes(), memory_bytes);
        assert_eq!(Boards::decode(&bytes, u64::MAX).unwrap().len(), BOARDS_MAX);
        boards.free(1).unwrap();
        boards.create(settings(1)).unwrap();
    }

    #[test]
    fn no_generations_change_nothing_however_many_boards_are_named() {
        let threads = Threads::new(1);
        let work = Work { threads: Some(&threads), owner: 1, stop: &AtomicBool::new(false) };
        let mut boards = Boards::new(u64::MAX);
        let ids: Vec<u64> = (0..1_000).map(|seed| boards.random(settings(9), seed, 0.5).unwrap()).collect();
        let named: Vec<u64> = ids.iter().copied().chain(std::iter::repeat_n(ids[0], 1_000_000)).collect();
        let before = boards.encode();
        boards.step_many(&named, 0, &work).unwrap();
        assert_eq!(boards.encode(), before);
    }

    #[test]
    fn a_board_that_is_named_twice_is_stepped_twice() {
        let mut boards = two_boards();
        let threads = Threads::new(2);
        let work = Work { threads: Some(&threads), owner: 1, stop: &AtomicBool::new(false) };
        let mut alone = boards.get(3).unwrap().clone();
        alone.step(10, &work).unwrap();
        boards.step_many(&[3, 1, 3], 5, &work).unwrap();
        assert_eq!(boards.get(3).unwrap().summary(), alone.summary());
        assert_eq!(boards.get(1).unwrap().generation(), 5);
        assert_eq!(boards.step_many(&[1, 2], 5, &work), Err(AutomatonError::UnknownBoard(2)));
        assert_eq!(boards.get(1).unwrap().generation(), 5);
    }

    #[test]
    fn the_format_is_the_one_that_was_written_down() {
        let mut boards = two_boards();
        boards.free(1).unwrap();
        let board = boards.get(3).unwrap().encode();
        let numbers = [3u64, 1, 3, board.len() as u64].map(u64::to_le_bytes).concat();
        assert_eq!(boards.encode(), [b"BJbt\x01\x00".as_slice(), &numbers, &board].concat());
    }

    proptest! {
        #[test]
        fn bytes_that_were_cut_or_changed_are_refused_or_are_other_boards(
            place in any::<prop::sample::Index>(),
            value in any::<u8>(),
        ) {
            let mut bytes = two_boards().encode();
            let place = place.index(bytes.len());
            prop_assert!(Boards::decode(&bytes[..place], MEMORY_BYTES_MAX).is_err());
            bytes[place] = value;
            if let Ok(boards) = Boards::decode(&bytes, MEMORY_BYTES_MAX) {
                prop_assert!(Boards::decode(&boards.encode(), MEMORY_BYTES_MAX).is_ok());
            }
        }
    }
}
