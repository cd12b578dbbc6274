//! What steps a board. Every engine gives the same cells after the same generations for the same rule and edges; they
//! differ in where the board is and in what they are fast at.

mod hashlife;
mod host;
mod logic;
mod simd;
#[cfg(test)]
mod tests;

pub use hashlife::{Plane, PlaneError};
pub use host::Host;
pub use simd::Simd;

use crate::bits::{Bits, Size};
use crate::pattern::Pattern;
use crate::rule::Rule;
use belljar_guest::automaton;
use serde::Deserialize;
use std::fmt;

/// What an engine could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A cell was to be set that is not on a board with dead edges.
    #[error("({x}, {y}) is not on the board, and nothing lives past its dead edges")]
    Outside { x: i64, y: i64 },
    /// Ages were asked of a board that does not keep them.
    #[error("this game keeps no ages: set \"ages\" to true in its configuration")]
    NoAges,
    /// The host refused something.
    #[error(transparent)]
    Host(#[from] automaton::Error),
    /// The plane of Hashlife came to a limit.
    #[error(transparent)]
    Plane(#[from] PlaneError),
}

/// The engines, by the names that a configuration uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The host's boards: the fastest, on every core of the machine.
    #[default]
    Host,
    /// The host's boards, on the machine's GPU: for the largest.
    Device,
    /// WebAssembly's vectors, within the plugin.
    Simd,
    /// Gosper's algorithm on a plane without end: for patterns that live long.
    Hashlife,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Device => "device",
            Self::Simd => "simd",
            Self::Hashlife => "hashlife",
        })
    }
}

/// What lies beyond the edges of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edges {
    /// The opposite edge.
    Torus,
    /// Cells that are always dead.
    Dead,
    /// More cells: the board is a window on a plane without end.
    Plane,
}

impl fmt::Display for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torus => "torus",
            Self::Dead => "dead",
            Self::Plane => "plane",
        })
    }
}

/// What a board is, apart from its cells.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The size of the board, or of the window on the plane.
    pub size: Size,
    pub rule: Rule,
    pub edges: Edges,
    /// Whether the ages of cells are kept.
    pub has_ages: bool,
}

/// A board and what steps it.
pub trait Engine {
    /// Steps the board. After an error it is as it was.
    fn step(&mut self, generations: u64) -> Result<(), Error>;

    /// Makes the live cells of a pattern alive, whose upper left corner is put at (x, y); the others stay as they are.
    /// Coordinates are counted from the board's own upper left corner. What leaves a torus comes in on the other side.
    /// After an error the board is as it was.
    fn place(&mut self, pattern: &Pattern, x: i64, y: i64) -> Result<(), Error>;

    /// Population and hash.
    fn measure(&mut self) -> Result<Measure, Error>;

    /// The cells of the board, or of the window on the plane.
    fn window(&self) -> Result<Bits, Error>;

    /// All live cells there are: the board, or on the plane the smallest rectangle that holds them.
    fn all(&self) -> Result<Bits, Error> {
        self.window()
    }

    /// The age of each cell; see [`crate::ages`].
    fn ages(&self) -> Result<Vec<u8>, Error>;
}

/// What a game tells of its board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// How many cells live; on a plane there may be more than 64 bits can count.
    pub population: u128,
    /// The hash of [`Bits::hash`]. On the plane it is of [`Engine::all`], and of the squares that Hashlife keeps if
    /// that would be too large.
    pub hash: u64,
}

impl Measure {
    fn of(bits: &Bits) -> Self {
        Self { population: bits.population().into(), hash: bits.hash() }
    }
}

/// The live cells of a pattern whose corner is at (x, y) of a board with edges.
fn cells_on_board(pattern: &Pattern, x: i64, y: i64, setup: Setup) -> Result<Vec<(u32, u32)>, Error> {
    let (width, height) = (i64::from(setup.size.width()), i64::from(setup.size.height()));
    let on_board = |(of_pattern_x, of_pattern_y): (u32, u32)| {
        let (x, y) = (x.saturating_add(of_pattern_x.into()), y.saturating_add(of_pattern_y.into()));
        let (inside_x, inside_y) = (x.rem_euclid(width), y.rem_euclid(height));
        if setup.edges != Edges::Torus && (x, y) != (inside_x, inside_y) {
            return Err(Error::Outside { x, y });
        }
        // A coordinate within the board is within 32 bits.
        Ok((inside_x as u32, inside_y as u32))
    };
    pattern.cells().iter().copied().map(on_board).collect()
}
