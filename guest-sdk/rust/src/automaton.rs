//! Boards of Life-like cellular automata, which the host keeps and steps, at billions of cells a second on every core.
//! An actor's boards are a part of its state: they are in its checkpoints, and go back with it when a call faults.
//!
//! ```
//! use belljar_guest::automaton::{Board, Cell, Edges, Settings};
//!
//! let settings = Settings { width: 5, height: 5, rule: "B3/S23".to_owned(), edges: Edges::Torus, ages: false };
//! let mut board = Board::new(&settings)?;
//! board.set_cells(&[Cell { x: 1, y: 2 }, Cell { x: 2, y: 2 }, Cell { x: 3, y: 2 }], true)?;
//!
//! board.step(1)?;
//!
//! // The blinker stands upright.
//! assert_eq!(board.bits()?, [0, 0b00100, 0b00100, 0b00100, 0]);
//! # Ok::<(), belljar_guest::automaton::Error>(())
//! ```

use crate::bindings::belljar::plugin::automaton as wit;
use crate::host::automaton as host;

pub use wit::{Cell, Edges, Engine, Info, Rectangle, Settings, Summary};

/// Why something could not be done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This plugin has no board of that id, or has freed it.
    #[error("there is no board {0}, or it has been freed")]
    UnknownBoard(u64),
    /// The text is no rule; it says what is wrong.
    #[error("the rule is not valid: {0}")]
    BadRule(String),
    /// No board can be of this size; the text names the limit.
    #[error("no board can be of this size: {0}")]
    BadSize(String),
    /// A density that is not from 0 to 1; the text names it.
    #[error("the density is not from 0 to 1: {0}")]
    BadDensity(String),
    /// Bits of another length than the size asks for; the text names both.
    #[error("the bits do not fit the size: {0}")]
    BadBits(String),
    /// A cell or a corner of a rectangle that is not on the board.
    #[error("({x}, {y}) is not on the board")]
    Outside {
        /// The column, from 0.
        x: u32,
        /// The row, from 0.
        y: u32,
    },
    /// Ages were asked of a board that does not count them.
    #[error("the board does not count ages: make it with `ages` set")]
    NoAges,
    /// The plugin's compute memory has no room for the board; the text names the limit.
    #[error("there is no room for the board: {0}")]
    Full(String),
    /// More than can be returned at once; the number is the limit.
    #[error("more than {0} at once: ask for a part")]
    TooMany(u64),
    /// There is no compute device that can step the boards; the text says what there is, and what to do.
    #[error("no device can step the boards: {0}")]
    NoDevice(String),
    /// The compute device failed, which another try may not.
    #[error("the device failed to step the boards: {0}")]
    DeviceFailed(String),
}

/// A board that the host keeps. It is freed when the value is dropped; one in an actor's state lives as long as the
/// actor, through its checkpoints.
#[derive(Debug)]
pub struct Board {
    id: u64,
}

impl Board {
    /// A board of dead cells.
    ///
    /// # Errors
    ///
    /// [`Error::BadRule`], [`Error::BadSize`] and [`Error::Full`].
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        Ok(Self { id: host::create(settings)? })
    }

    /// A board on which each cell lives with the probability `density`: the same board for the same size, seed and
    /// density on every machine. The contract says how the cells are drawn.
    ///
    /// # Errors
    ///
    /// [`Error::BadDensity`] for one that is not from 0 to 1; or as for [`Board::new`].
    pub fn random(settings: &Settings, seed: u64, density: f64) -> Result<Self, Error> {
        Ok(Self { id: host::random(settings, seed, density)? })
    }

    /// A board from its cells, in the form in which [`Board::bits`] returns them. Bits past the end of a row mean
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Error::BadBits`] for too few or too many of them; or as for [`Board::new`].
    pub fn from_bits(settings: &Settings, bits: &[u8]) -> Result<Self, Error> {
        Ok(Self { id: host::from_bits(settings, bits)? })
    }

    /// Makes cells alive or dead. A cell that lives already keeps its age.
    ///
    /// # Errors
    ///
    /// [`Error::Outside`].
    pub fn set_cells(&mut self, cells: &[Cell], is_alive: bool) -> Result<(), Error> {
        Ok(host::set_cells(self.id, cells, is_alive)?)
    }

    /// Steps the board so many generations. One that takes longer than the call has time for is as it was before the
    /// call.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBoard`], which a board that was made by this instance never is.
    pub fn step(&mut self, generations: u64) -> Result<(), Error> {
        Ok(host::step(self.id, generations)?)
    }

    /// Steps many boards so many generations each, side by side, which for small boards is far faster than one after
    /// the other.
    ///
    /// # Errors
    ///
    /// As for [`Board::step`].
    pub fn step_many(boards: &mut [Self], generations: u64) -> Result<(), Error> {
        let ids: Vec<_> = boards.iter().map(|board| board.id).collect();
        Ok(host::step_many(&ids, generations)?)
    }

    /// Steps the board by the engine that is named; [`Board::step`] leaves it to the processors. The cells are the same.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] and [`Error::DeviceFailed`] for [`Engine::Device`]; or as for [`Board::step`].
    pub fn step_on(&mut self, generations: u64, engine: Engine) -> Result<(), Error> {
        Ok(host::step_on(&[self.id], generations, engine)?)
    }

    /// Steps many boards by the engine that is named.
    ///
    /// # Errors
    ///
    /// As for [`Board::step_on`].
    pub fn step_many_on(boards: &mut [Self], generations: u64, engine: Engine) -> Result<(), Error> {
        let ids: Vec<_> = boards.iter().map(|board| board.id).collect();
        Ok(host::step_on(&ids, generations, engine)?)
    }

    /// All cells: row by row from the top, eight cells a byte, the leftmost in the lowest bit. Each row begins at a
    /// whole byte; the bits between the end of a row and the next are 0.
    ///
    /// # Errors
    ///
    /// As for [`Board::step`].
    pub fn bits(&self) -> Result<Vec<u8>, Error> {
        Ok(host::bits(self.id)?)
    }

    /// The living cells in a part of the board, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Outside`] for a part that reaches past the board, and [`Error::TooMany`] for one with too many of
    /// them.
    pub fn cells(&self, part: Rectangle) -> Result<Vec<Cell>, Error> {
        Ok(host::cells(self.id, part)?)
    }

    /// How many cells live.
    ///
    /// # Errors
    ///
    /// As for [`Board::step`].
    pub fn population(&self) -> Result<u64, Error> {
        Ok(host::population(self.id)?)
    }

    /// A hash of size and cells, equal for equal boards on every machine, whatever their rule.
    ///
    /// # Errors
    ///
    /// As for [`Board::step`].
    pub fn hash(&self) -> Result<u64, Error> {
        Ok(host::hash(self.id)?)
    }

    /// For how many generations each cell has lived, one byte a cell, row by row: 0 for a dead cell, 1 for one that
    /// was born or set just now, 255 for that many and more.
    ///
    /// # Errors
    ///
    /// [`Error::NoAges`] for a board that was made without.
    pub fn ages(&self) -> Result<Vec<u8>, Error> {
        Ok(host::ages(self.id)?)
    }

    /// Generation, population and hash at once.
    ///
    /// # Errors
    ///
    /// As for [`Board::step`].
    pub fn summary(&self) -> Result<Summary, Error> {
        Ok(host::summarize(self.id)?)
    }

    /// The board's settings, and what it costs.
    ///
    /// # Errors
    ///
    /// As for [`Board::step`].
    pub fn info(&self) -> Result<Info, Error> {
        Ok(host::describe(self.id)?)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // There is no board that could be freed twice, and nobody who could do anything about an error.
        let _ = host::free(self.id);
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::UnknownBoard(id) => Self::UnknownBoard(id),
            wit::Error::BadRule(why) => Self::BadRule(why),
            wit::Error::BadSize(why) => Self::BadSize(why),
            wit::Error::BadDensity(why) => Self::BadDensity(why),
            wit::Error::BadBits(why) => Self::BadBits(why),
            wit::Error::Outside(Cell { x, y }) => Self::Outside { x, y },
            wit::Error::NoAges => Self::NoAges,
            wit::Error::Full(limit) => Self::Full(limit),
            wit::Error::TooMany(limit) => Self::TooMany(limit),
            wit::Error::NoDevice(why) => Self::NoDevice(why),
            wit::Error::DeviceFailed(why) => Self::DeviceFailed(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(width: u32, height: u32, edges: Edges) -> Settings {
        Settings { width, height, rule: "B3/S23".to_owned(), edges, ages: true }
    }

    /// Whether a cell lives, of a board at most 8 cells wide.
    fn is_alive(board: &Board, x: u32, y: usize) -> bool {
        board.bits().unwrap()[y] >> x & 1 == 1
    }

    #[test]
    fn a_glider_comes_in_again_on_the_other_side_of_a_torus() {
        let glider = [0b010, 0b100, 0b111, 0, 0, 0];
        let mut board = Board::from_bits(&settings(6, 6, Edges::Torus), &glider).unwrap();

        // It moves by one cell in four generations, so in 24 it has come round.
        board.step(12).unwrap();
        assert_ne!(board.bits().unwrap(), glider);
        board.step(12).unwrap();

        assert_eq!(board.bits().unwrap(), glider);
        let summary = board.summary().unwrap();
        assert_eq!((summary.generation, summary.population), (24, 5));
    }

    #[test]
    fn nothing_lives_past_dead_edges() {
        let mut board = Board::from_bits(&settings(3, 1, Edges::Dead), &[0b111]).unwrap();

        board.step(1).unwrap();
        assert_eq!(board.bits().unwrap(), [0b010]);
        board.step(1).unwrap();

        assert_eq!(board.population().unwrap(), 0);
    }

    #[test]
    fn an_age_counts_from_one_and_goes_with_the_cell() {
        let mut board = Board::from_bits(&settings(5, 5, Edges::Dead), &[0, 0, 0b01110, 0, 0]).unwrap();

        board.step(1).unwrap();

        let ages = board.ages().unwrap();
        assert_eq!([ages[7], ages[12], ages[17], ages[11]], [1, 2, 1, 0]);
    }

    #[test]
    fn boards_are_stepped_together_as_they_are_alone() {
        let random = |seed| Board::random(&settings(16, 16, Edges::Torus), seed, 0.4).unwrap();
        let mut together = [random(1), random(2)];
        let mut alone = random(2);

        Board::step_many(&mut together, 7).unwrap();
        alone.step(7).unwrap();

        assert_eq!(together[1].hash().unwrap(), alone.hash().unwrap());
        assert_ne!(together[0].hash().unwrap(), alone.hash().unwrap());
    }

    #[test]
    fn in_a_unit_test_only_the_device_is_missing() {
        let random = || Board::random(&settings(16, 16, Edges::Torus), 1, 0.4).unwrap();
        let (mut board, mut other) = (random(), [random()]);

        board.step_on(3, Engine::Auto).unwrap();
        Board::step_many_on(&mut other, 3, Engine::Cpu).unwrap();

        assert_eq!(board.hash().unwrap(), other[0].hash().unwrap());
        assert!(matches!(board.step_on(1, Engine::Device), Err(Error::NoDevice(_))));
        assert_eq!(board.summary().unwrap().generation, 3);
    }

    #[test]
    fn a_dropped_board_is_freed() {
        let mut board = Board::new(&settings(4, 4, Edges::Torus)).unwrap();
        let id = board.id;
        board.set_cells(&[Cell { x: 3, y: 1 }], true).unwrap();
        assert!(is_alive(&board, 3, 1));

        drop(board);

        assert!(matches!(host::population(id), Err(wit::Error::UnknownBoard(unknown)) if unknown == id));
    }

    #[test]
    fn what_is_not_possible_is_said() {
        let torus = settings(4, 4, Edges::Torus);
        let mut board = Board::new(&torus).unwrap();

        assert_eq!(board.set_cells(&[Cell { x: 4, y: 0 }], true), Err(Error::Outside { x: 4, y: 0 }));
        assert!(matches!(Board::from_bits(&torus, &[0; 3]), Err(Error::BadBits(_))));
        assert_eq!(Board::random(&torus, 0, 1.5).unwrap_err(), Error::BadDensity("1.5".to_owned()));
        assert!(matches!(Board::new(&settings(0, 4, Edges::Torus)), Err(Error::BadSize(_))));
        let other = Settings { rule: "B9".to_owned(), ..torus };
        assert!(matches!(Board::new(&other), Err(Error::BadRule(_))));
    }
}
