//! What a board is apart from its cells: its size, its rule and its edges; and the places on it.

use super::error::AutomatonError;
use super::rule::Rule;

/// The longest side of a board, in cells. A board of that size has 2³² cells.
pub const BOARD_SIDE_MAX: u32 = 1 << 16;

/// The size of a board: 1 to [`BOARD_SIDE_MAX`] cells each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// The size of a board with so many cells in a row, and so many rows.
    ///
    /// # Errors
    /// [`AutomatonError::BadSize`].
    pub fn new(width: u32, height: u32) -> Result<Self, AutomatonError> {
        let is_side = |cells| (1..=BOARD_SIDE_MAX).contains(&cells);
        if is_side(width) && is_side(height) {
            Ok(Self { width, height })
        } else {
            Err(AutomatonError::BadSize { width, height })
        }
    }

    /// Cells in a row.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(self) -> u32 {
        self.height
    }

    /// Cells in all.
    pub fn cells(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The bytes of a packed row: eight cells a byte.
    pub(super) fn row_bytes(self) -> usize {
        self.width.div_ceil(u8::BITS) as usize
    }

    /// The bytes of all cells, packed row by row.
    pub fn packed_bytes(self) -> usize {
        self.row_bytes() * self.height as usize
    }

    /// The cells of the last byte of a packed row.
    pub(super) fn last_byte_mask(self) -> u8 {
        u8::MAX >> (self.row_bytes() as u32 * u8::BITS - self.width)
    }

    /// # Errors
    /// [`AutomatonError::Outside`].
    pub(super) fn check(self, cell: Cell) -> Result<(), AutomatonError> {
        if cell.x < self.width && cell.y < self.height { Ok(()) } else { Err(AutomatonError::Outside(cell)) }
    }
}

/// What lies beyond the edges of a board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edges {
    /// The opposite edge: what leaves on one side comes in on the other.
    #[default]
    Torus,
    /// Cells that are always dead.
    Dead,
}

/// What a board is, apart from its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its width and height.
    pub size: Size,
    /// The rule by which it goes from a generation to the next.
    pub rule: Rule,
    /// What lies beyond its edges.
    pub edges: Edges,
    /// Whether it counts for how many generations each cell has lived.
    pub ages: bool,
}

/// The place of a cell, from the top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The column, from 0.
    pub x: u32,
    /// The row, from 0.
    pub y: u32,
}

/// A part of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// The first column.
    pub x: u32,
    /// The first row.
    pub y: u32,
    /// How many columns.
    pub width: u32,
    /// How many rows.
    pub height: u32,
}
