//! A board in the plugin's own memory, stepped with WebAssembly's vectors.
//!
//! The board is cut into as many strips of equal width as a word has lanes, and a word holds the cells at the same
//! place of every strip: lane b of column i is the cell x = b · columns + i. So the neighbours of a word's cells are
//! the words to its left and right, whole, and bits are shifted only where one strip meets the next: once a row.
//! Words of a column lie one below the other, as the [`kernel`] walks down them.
//!
//! ```text
//!          west column   1 … columns   east column
//! row 0         ·             ·             ·         the row above the first
//! row 1…        ·       cells, by lane      ·
//! last + 1      ·             ·             ·         the row below the last
//! ```
//!
//! The frame around the cells is filled before each generation, from the other side of a torus or with dead cells.
//! A width that is no multiple of the number of strips leaves the last strip short. What is in its missing part, in
//! lanes past the last strip and in rows past the last, is never looked at: the one such place that has a living
//! neighbour, right behind the last cell of a row, is filled like the frame.

mod kernel;
mod lanes;

use super::logic::{Table, Word};
use super::{Edges, Engine, Error, Measure, Setup, cells_on_board};
use crate::ages;
use crate::bits::{Bits, Size};
use crate::pattern::Pattern;
use crate::rule::Rule;
use kernel::{Columns, ROWS};
use lanes::{LANES, Lanes};

/// A board that is stepped with vectors.
pub struct Simd {
    setup: Setup,
    decide: Decide,
    strips: Strips,
    cells: Vec<Lanes>,
    /// Where the next generation is written; the two change places then.
    next: Vec<Lanes>,
    /// The age of each cell, if it is kept.
    ages: Option<Vec<u8>>,
}

/// The rule, as the kernel takes it.
enum Decide {
    ByLife,
    ByTable(Box<Table<Lanes>>),
}

/// How the board lies in words.
#[derive(Clone, Copy)]
struct Strips {
    /// How many words a row has, which is the width of a strip.
    columns: usize,
    /// The lane of the last strip.
    last_lane: u32,
    /// The width of the last strip.
    last_width: usize,
    /// The words of a column, with the two of the frame.
    stride: usize,
}

impl Strips {
    fn new(size: Size) -> Self {
        let columns = size.width().div_ceil(LANES);
        let last_lane = (size.width() - 1) / columns;
        Self {
            columns: columns as usize,
            last_lane,
            last_width: (size.width() - last_lane * columns) as usize,
            stride: (size.height() as usize).next_multiple_of(ROWS) + 2,
        }
    }

    fn words(self) -> usize {
        (self.columns + 2) * self.stride
    }

    /// The word and the lane of a cell.
    fn place(self, x: u32, y: u32) -> (usize, u32) {
        // There are at most 2³² / 128 columns.
        let columns = self.columns as u32;
        ((x % columns + 1) as usize * self.stride + y as usize + 1, x / columns)
    }
}

impl Simd {
    /// A board with these cells.
    pub fn new(cells: &Bits, setup: Setup) -> Self {
        let strips = Strips::new(setup.size);
        let dead = vec![Lanes::DEAD; strips.words()];
        let decide = match setup.rule {
            Rule::LIFE => Decide::ByLife,
            rule => Decide::ByTable(Box::new(Table::new(rule))),
        };
        let mut board = Self { setup, decide, strips, cells: dead.clone(), next: dead, ages: None };
        cells.live_cells().for_each(|(x, y)| board.give_life(x, y));
        board.ages = setup.has_ages.then(|| {
            let mut ages = vec![0; setup.size.cells()];
            ages::add_newborn(&mut ages, cells);
            ages
        });
        board
    }

    fn give_life(&mut self, x: u32, y: u32) {
        let (word, lane) = self.strips.place(x, y);
        self.cells[word] = self.cells[word].with(lane, true);
    }

    fn step_once(&mut self) {
        self.fill_frame();
        let stride = self.strips.stride;
        let column = |at: usize| &self.cells[at * stride..(at + 1) * stride];
        for at in 1..=self.strips.columns {
            let columns = Columns { west: column(at - 1), centre: column(at), east: column(at + 1) };
            let next = &mut self.next[at * stride..(at + 1) * stride];
            match &self.decide {
                Decide::ByLife => kernel::decide_by_life(columns, next),
                Decide::ByTable(table) => kernel::decide_by_table(table, columns, next),
            }
        }
        std::mem::swap(&mut self.cells, &mut self.next);
        if let Some(mut ages) = self.ages.take() {
            ages::grow(&mut ages, &self.bits());
            self.ages = Some(ages);
        }
    }

    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    fn fill_frame(&mut self) {
        let Strips { columns, last_lane, last_width, stride } = self.strips;
        let is_torus = self.setup.edges == Edges::Torus;
        let height = self.setup.size.height() as usize;
        for column in self.cells.chunks_exact_mut(stride).skip(1).take(columns) {
            let (above, below) = if is_torus { (column[height], column[1]) } else { (Lanes::DEAD, Lanes::DEAD) };
            column[0] = above;
            column[height + 1] = below;
        }
        for row in 0..height + 2 {
            let first_cell = self.cells[stride + row].is_alive(0);
            let last_cell = self.cells[last_width * stride + row].is_alive(last_lane);
            // Right behind the last cell: in the last strip's missing part, or in the column behind all strips.
            let behind = (last_width + 1) * stride + row;
            let east = self.cells[stride + row].shifted_left();
            let west = self.cells[columns * stride + row].shifted_right();
            self.cells[(columns + 1) * stride + row] = east;
            self.cells[row] = west.with(0, is_torus && last_cell);
            self.cells[behind] = self.cells[behind].with(last_lane, is_torus && first_cell);
        }
    }

    fn bits(&self) -> Bits {
        let mut bits = Bits::dead(self.setup.size);
        let columns = self.cells.chunks_exact(self.strips.stride).skip(1).take(self.strips.columns);
        for (at, column) in (0..).zip(columns) {
            for (y, word) in (0..self.setup.size.height()).zip(&column[1..]) {
                let mut lanes = word.to_number();
                while lanes != 0 {
                    let x = lanes.trailing_zeros() * self.strips.columns as u32 + at;
                    // Past the last cell of the row nothing means anything.
                    if x >= self.setup.size.width() {
                        break;
                    }
                    bits.give_life(x, y);
                    lanes &= lanes - 1;
                }
            }
        }
        bits
    }
}

impl Engine for Simd {
    fn step(&mut self, generations: u64) -> Result<(), Error> {
        (0..generations).for_each(|_| self.step_once());
        Ok(())
    }

    fn place(&mut self, pattern: &Pattern, x: i64, y: i64) -> Result<(), Error> {
        for (x, y) in cells_on_board(pattern, x, y, self.setup)? {
            self.give_life(x, y);
        }
        if let Some(mut ages) = self.ages.take() {
            ages::add_newborn(&mut ages, &self.bits());
            self.ages = Some(ages);
        }
        Ok(())
    }

    fn measure(&mut self) -> Result<Measure, Error> {
        Ok(Measure::of(&self.bits()))
    }

    fn window(&self) -> Result<Bits, Error> {
        Ok(self.bits())
    }

    fn ages(&self) -> Result<Vec<u8>, Error> {
        self.ages.clone().ok_or(Error::NoAges)
    }
}
