//! A game: a board, its generation, and as much of its past as is kept.

use crate::bits::Bits;
use crate::config::{self, Config};
use crate::engine::{self, Engine, Measure, Setup};
use crate::history::History;
use crate::pattern::{self, Pattern};
use std::collections::VecDeque;

/// How many populations are kept.
pub const POPULATIONS_MAX: usize = 4096;

/// The largest board of which a text is made, in cells.
pub const TEXT_CELLS_MAX: u64 = 1 << 24;

/// What a game could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "generation {generation} is not kept: the present one is {present}, and {kept} before it are. Set \"history\" to keep more"
    )]
    NotKept { generation: u64, present: u64, kept: usize },
    #[error("generations are counted with 64 bits, which {present} and {generations} more are beyond")]
    TooManyGenerations { present: u64, generations: u64 },
    #[error("a board of {width} × {height} is too large for a text: {TEXT_CELLS_MAX} cells are the most")]
    TooLargeForText { width: u32, height: u32 },
    #[error(transparent)]
    Pattern(#[from] pattern::Error),
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// A game of Life, or of a rule of its kind.
pub struct Game {
    board: Box<dyn Engine>,
    setup: Setup,
    name: Option<String>,
    generation: u64,
    history: History,
    populations: VecDeque<u64>,
}

impl Game {
    /// The game that a configuration asks for.
    ///
    /// # Errors
    ///
    /// The configuration is not possible, or the engine has no room for the board.
    pub fn new(config: Config) -> Result<Self, config::Error> {
        let plan = config.plan()?;
        let mut board = plan.board()?;
        let population = saturating(board.measure()?.population);
        Ok(Self {
            board,
            setup: plan.setup,
            name: plan.pattern.and_then(|pattern| pattern.name().map(str::to_owned)),
            generation: 0,
            history: History::new(plan.history),
            populations: VecDeque::from([population]),
        })
    }

    /// Goes on by so many generations. The last of them are gone through one by one, and kept; those before are leapt
    /// over. After an error the game is at the generation that [`Game::generation`] says.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyGenerations`] and [`Error::Engine`].
    pub fn step(&mut self, generations: u64) -> Result<Measure, Error> {
        let present = self.generation;
        present.checked_add(generations).ok_or(Error::TooManyGenerations { present, generations })?;
        let single = generations.min(self.history.states_max() as u64);
        if generations > single {
            self.history.clear();
            self.advance(generations - single)?;
        }
        for _ in 0..single {
            let before = self.board.window()?;
            self.advance(1)?;
            self.history.push(before);
        }
        let measure = self.board.measure()?;
        self.note_population(measure);
        Ok(measure)
    }

    fn advance(&mut self, generations: u64) -> Result<(), Error> {
        self.board.step(generations)?;
        self.generation += generations;
        Ok(())
    }

    fn note_population(&mut self, measure: Measure) {
        if self.populations.len() == POPULATIONS_MAX {
            self.populations.pop_front();
        }
        self.populations.push_back(saturating(measure.population));
    }

    /// Generations since the start.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What the board is.
    pub fn setup(&self) -> Setup {
        self.setup
    }

    /// Population and hash of the present generation.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`].
    pub fn measure(&mut self) -> Result<Measure, Error> {
        Ok(self.board.measure()?)
    }

    /// The population at the start and after each step, the newest last; the oldest beyond [`POPULATIONS_MAX`] are
    /// forgotten.
    pub fn populations(&self) -> impl Iterator<Item = u64> {
        self.populations.iter().copied()
    }

    /// The cells of a generation that is kept.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] and [`Error::Engine`].
    pub fn state(&self, generation: u64) -> Result<Bits, Error> {
        if generation == self.generation {
            return Ok(self.board.window()?);
        }
        let state = self.generation.checked_sub(generation).and_then(|ago| self.history.state(ago));
        let not_kept = Error::NotKept { generation, present: self.generation, kept: self.history.len() };
        state.cloned().ok_or(not_kept)
    }

    /// The age of each cell, row by row; see [`crate::ages`].
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] if the game keeps none.
    pub fn ages(&self) -> Result<Vec<u8>, Error> {
        Ok(self.board.ages()?)
    }

    /// Makes the live cells of a pattern alive, whose upper left corner is put at (x, y).
    ///
    /// # Errors
    ///
    /// [`Error::Pattern`] for a text that is none, and [`Error::Engine`] for one that is not on the board.
    pub fn place(&mut self, text: &str, x: i64, y: i64) -> Result<(), Error> {
        Ok(self.board.place(&Pattern::parse(text)?, x, y)?)
    }

    /// The present generation as Golly writes it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLargeForText`] and [`Error::Engine`].
    pub fn rle(&self) -> Result<String, Error> {
        let Setup { rule, edges, .. } = self.setup;
        Ok(pattern::write_rle(&self.for_text()?, self.name.as_deref(), rule, edges, self.generation))
    }

    /// The present generation as plain text.
    ///
    /// # Errors
    ///
    /// As for [`Game::rle`].
    pub fn plaintext(&self) -> Result<String, Error> {
        let comment = format!("Generation {} of {}", self.generation, self.setup.rule);
        Ok(pattern::write_plaintext(&self.for_text()?, self.name.as_deref(), &comment))
    }

    /// The board in rows such as `| * *   * |`.
    ///
    /// # Errors
    ///
    /// As for [`Game::rle`].
    pub fn rows(&self) -> Result<Vec<String>, Error> {
        let cells = fit_for_text(self.board.window()?)?;
        let row = |y| {
            let cells = (0..cells.width()).map(|x| if cells.is_alive(x, y) { "* " } else { "  " });
            format!("| {}|", cells.collect::<String>())
        };
        Ok((0..cells.height()).map(row).collect())
    }

    fn for_text(&self) -> Result<Bits, Error> {
        fit_for_text(self.board.all()?)
    }
}

fn fit_for_text(cells: Bits) -> Result<Bits, Error> {
    let (width, height) = (cells.width(), cells.height());
    if u64::from(width) * u64::from(height) > TEXT_CELLS_MAX {
        return Err(Error::TooLargeForText { width, height });
    }
    Ok(cells)
}

/// A population as far as 64 bits can count.
pub fn saturating(population: u128) -> u64 {
    u64::try_from(population).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
