//! The configuration of a game, and what follows from it.

use crate::bits::{Bits, Size, SizeError};
use crate::engine::{self, Edges, Engine, Host, Kind, Plane, Setup, Simd};
use crate::pattern::{self, Pattern};
use crate::rule::Rule;
use crate::soup;
use serde::Deserialize;

/// The side of a board of which nothing says how large it is.
const SIDE_DEFAULT: u32 = 10;

/// How many past states are kept if the configuration does not say it, as far as [`HISTORY_BYTES_DEFAULT`] allow.
const HISTORY_DEFAULT: u32 = 16;

/// The past states that are kept unasked take no more, so that no large board is slowed down by what nobody wants.
const HISTORY_BYTES_DEFAULT: usize = 1 << 20;

/// The most past states that may be kept.
pub const HISTORY_MAX: u32 = 1024;

/// The most bytes that past states may take.
pub const HISTORY_BYTES_MAX: usize = 64 << 20;

/// What a game is to be. Every field may be left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width and height of a square board. Without any size a board is as large as its pattern, and 10 × 10 at least.
    pub size: Option<u32>,
    /// Cells in a row, in place of `size`.
    pub width: Option<u32>,
    /// Rows, in place of `size`.
    pub height: Option<u32>,
    /// What a random start is drawn from.
    pub seed: u64,
    /// The probability with which a cell of a random start lives, from 0 to 1.
    pub density: f64,
    /// The rule; without it the pattern's own, or B3/S23.
    pub rule: Option<Rule>,
    /// `torus`, `dead` or `plane`; a torus if it is left out, and the plane for Hashlife, which knows nothing else.
    pub edges: Option<Edges>,
    /// `host`, `device`, `simd` or `hashlife`.
    pub engine: Kind,
    /// A pattern, run-length encoded or as plain text, that is put in the middle in place of a random start.
    pub pattern: Option<String>,
    /// Rows of plain text, in place of a pattern.
    pub cells: Option<Vec<String>>,
    /// How many past states are kept. Unasked, 16, or fewer of a large board, and none by Hashlife.
    pub history: Option<u32>,
    /// Whether the ages of cells are kept.
    pub ages: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            size: None,
            width: None,
            height: None,
            seed: 0,
            density: 0.35,
            rule: None,
            edges: None,
            engine: Kind::default(),
            pattern: None,
            cells: None,
            history: None,
            ages: false,
        }
    }
}

/// Why there is no game of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("\"size\" is both sides at once: give it, or \"width\" and \"height\"")]
    TwoSizes,
    #[error("\"pattern\" and \"cells\" are both a start: give one of them")]
    TwoStarts,
    #[error("\"density\" is {0}, and a probability is from 0 to 1")]
    BadDensity(f64),
    #[error(
        "the engine {engine} does not go with the edges {edges}: hashlife has the edges plane, the others torus or dead"
    )]
    BadEdges { engine: Kind, edges: Edges },
    #[error("hashlife leaps over generations, so it keeps no ages: leave \"ages\" out, or use another engine")]
    NoAges,
    #[error("the pattern is {width} × {height} cells, which is more than the board: make it larger")]
    PatternTooLarge { width: u32, height: u32 },
    #[error("\"history\" is {states} states: {HISTORY_MAX} are the most, and {HISTORY_BYTES_MAX} bytes of them")]
    HistoryTooLong { states: u32 },
    #[error(transparent)]
    Pattern(#[from] pattern::Error),
    #[error(transparent)]
    Size(#[from] SizeError),
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// A configuration that has been found to be possible.
pub struct Plan {
    /// What the board is.
    pub setup: Setup,
    /// What the board starts with, if it is not random.
    pub pattern: Option<Pattern>,
    /// How many past states are kept.
    pub history: usize,
    engine: Kind,
    seed: u64,
    density: f64,
}

impl Config {
    /// Checks everything that can be checked before there is a board.
    ///
    /// # Errors
    ///
    /// All but [`Error::Engine`].
    pub fn plan(self) -> Result<Plan, Error> {
        if !(0.0..=1.0).contains(&self.density) {
            return Err(Error::BadDensity(self.density));
        }
        let pattern = match (&self.pattern, &self.cells) {
            (Some(_), Some(_)) => return Err(Error::TwoStarts),
            (Some(text), None) => Some(Pattern::parse(text)?),
            (None, Some(rows)) => Some(Pattern::of_rows(rows)?),
            (None, None) => None,
        };
        let size = self.size(pattern.as_ref())?;
        let default_edges = if self.engine == Kind::Hashlife { Edges::Plane } else { Edges::Torus };
        let edges = self.edges.unwrap_or(default_edges);
        if (self.engine == Kind::Hashlife) != (edges == Edges::Plane) {
            return Err(Error::BadEdges { engine: self.engine, edges });
        }
        if self.ages && self.engine == Kind::Hashlife {
            return Err(Error::NoAges);
        }
        let rule = self.rule.or(pattern.as_ref().and_then(Pattern::rule)).unwrap_or_default();
        let history = self.history(size)?;
        let setup = Setup { size, rule, edges, has_ages: self.ages };
        Ok(Plan { setup, pattern, history, engine: self.engine, seed: self.seed, density: self.density })
    }

    fn size(&self, pattern: Option<&Pattern>) -> Result<Size, Error> {
        if self.size.is_some() && (self.width.is_some() || self.height.is_some()) {
            return Err(Error::TwoSizes);
        }
        let (width, height) = pattern.map_or((0, 0), |pattern| (pattern.width(), pattern.height()));
        // Rows of cells are the board itself, however small; a pattern is something on a board.
        let least = if self.cells.is_some() { 1 } else { SIDE_DEFAULT };
        let size = Size::new(
            self.width.or(self.size).unwrap_or(width.max(least)),
            self.height.or(self.size).unwrap_or(height.max(least)),
        )?;
        if width > size.width() || height > size.height() {
            return Err(Error::PatternTooLarge { width, height });
        }
        Ok(size)
    }

    fn history(&self, size: Size) -> Result<usize, Error> {
        let state_bytes = size.width().div_ceil(8) as usize * size.height() as usize;
        match self.history {
            None if self.engine == Kind::Hashlife => Ok(0),
            None => Ok((HISTORY_BYTES_DEFAULT / state_bytes).min(HISTORY_DEFAULT as usize)),
            Some(states)
                if states > HISTORY_MAX || u64::from(states) * state_bytes as u64 > HISTORY_BYTES_MAX as u64 =>
            {
                Err(Error::HistoryTooLong { states })
            }
            Some(states) => Ok(states as usize),
        }
    }
}

impl Plan {
    /// Makes the board, with its pattern in the middle or with a random start.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`].
    pub fn board(&self) -> Result<Box<dyn Engine>, engine::Error> {
        let setup = self.setup;
        let Some(pattern) = &self.pattern else {
            return Ok(match self.engine {
                Kind::Host => Box::new(Host::random(self.seed, self.density, setup)?),
                Kind::Device => Box::new(Host::random(self.seed, self.density, setup)?.on_device()),
                Kind::Simd => Box::new(Simd::new(&self.soup(), setup)),
                Kind::Hashlife => Box::new(Plane::new(&self.soup(), setup)?),
            });
        };
        let mut cells = Bits::dead(setup.size);
        let (x, y) = ((setup.size.width() - pattern.width()) / 2, (setup.size.height() - pattern.height()) / 2);
        pattern.cells().iter().for_each(|cell| cells.give_life(x + cell.0, y + cell.1));
        Ok(match self.engine {
            Kind::Host => Box::new(Host::new(&cells, setup)?),
            Kind::Device => Box::new(Host::new(&cells, setup)?.on_device()),
            Kind::Simd => Box::new(Simd::new(&cells, setup)),
            Kind::Hashlife => Box::new(Plane::new(&cells, setup)?),
        })
    }

    fn soup(&self) -> Bits {
        soup::random(self.setup.size, self.seed, self.density)
    }
}
