//! Some generations of some rows of a board, in memory that fits a processor's cache.
//!
//! A band is copied with as many rows above and below as there are generations to step. Each generation then has one
//! row less at either end that is right, until just the band's own are left. A board that fits as a whole has one row
//! above and below, which is made anew for each generation, and can be stepped any number of them.
//!
//! Beside the first and last column lies a column of neighbours from the other end of the vectors: the bit before
//! each bit of the last column, and the bit after each bit of the first. Two bits of every row are the edges of the
//! board and are put there one by one: the left neighbour of the first cell, and the right neighbour of the last one,
//! wherever in the vectors that is. So a board may have any width.

use pulp::{Arch, Simd, WithSimd};

use super::aligned::AlignedWords;
use super::columns::{Columns, Place};
use super::kernel::{AnyRule, Life, Neighbourhood, NextRow};
use super::rule::Rule;
use super::settings::Edges;

/// How columns go from a generation to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laws {
    pub(super) arch: Arch,
    pub(super) rule: Rule,
    pub(super) edges: Edges,
    pub(super) content: Content,
}

/// What the bits of a vector are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Cells of one board; the last one of a row is there.
    OneBoard { last: Place },
    /// The same cell of as many boards, which have a column for each column of vectors.
    BoardPerBit,
}

/// Room for two generations of a band.
#[derive(Debug)]
pub(super) struct Scratch {
    now: AlignedWords,
    next: AlignedWords,
}

impl Scratch {
    /// Room for a band of `rows` rows and the rows above and below, of as many columns as these.
    pub(super) fn new(columns: &Columns, rows: usize) -> Self {
        let zeroed = || AlignedWords::zeroed((columns.count() + 2) * rows * columns.vector_words());
        Self { now: zeroed(), next: zeroed() }
    }
}

/// A band to be stepped: the rows from `first_row` on that `next` has.
pub(super) struct Band<'a, 'b> {
    pub(super) laws: &'a Laws,
    pub(super) cells: &'a Columns,
    pub(super) first_row: usize,
    /// Where the last generation goes: the rows of each column.
    pub(super) next: &'a mut [&'b mut [u64]],
    pub(super) generations: usize,
    pub(super) scratch: &'a mut Scratch,
}

/// The rows that a band has in its scratch memory.
#[derive(Clone, Copy)]
struct Extent {
    /// The rows of the board beyond the band, on either side.
    halo: usize,
    /// All rows.
    rows: usize,
    /// Those that are on the board; all of them where it has no edges.
    inside: (usize, usize),
    /// Whether this is the whole board.
    is_whole: bool,
}

impl WithSimd for Band<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.laws.rule == Rule::LIFE {
            self.step(simd, Life);
        } else {
            let rule = AnyRule::new(simd, self.laws.rule);
            self.step(simd, rule);
        }
    }
}

impl Band<'_, '_> {
    #[inline(always)]
    fn step<S: Simd>(mut self, simd: S, rule: impl NextRow<S>) {
        let extent = self.extent();
        let (vector, count) = (self.cells.vector_words(), self.cells.count());
        let pitch = extent.rows * vector;
        self.load(extent);
        let Self { laws, next: results, generations, scratch, .. } = self;
        let (mut now, mut next) = (&mut scratch.now, &mut scratch.next);
        for generation in 1..=generations {
            if extent.is_whole && laws.edges == Edges::Torus {
                wrap_rows(&mut now[pitch..][..count * pitch], pitch, vector);
            }
            let shrunk = if extent.is_whole { 1 } else { generation };
            let (from, to) = (extent.inside.0.max(shrunk), extent.inside.1.min(extent.rows - shrunk));
            fill_sides(laws, &mut now[..(count + 2) * pitch], pitch, vector, (from - 1, to + 1));
            for (column, result) in results.iter_mut().enumerate() {
                let rows = |column: usize| &now[column * pitch..][(from - 1) * vector..(to + 1) * vector];
                let neighbourhood =
                    Neighbourhood { left: rows(column), cells: rows(column + 1), right: rows(column + 2) };
                if generation == generations {
                    neighbourhood.walk(simd, rule, result);
                } else {
                    neighbourhood.walk(simd, rule, &mut next[(column + 1) * pitch..][from * vector..to * vector]);
                }
            }
            std::mem::swap(&mut now, &mut next);
        }
    }

    fn extent(&self) -> Extent {
        let (height, band_rows) = (self.cells.height(), self.next[0].len() / self.cells.vector_words());
        let is_whole = band_rows == height;
        let halo = if is_whole { 1 } else { self.generations };
        let rows = band_rows + 2 * halo;
        let inside = match self.laws.edges {
            Edges::Torus => (0, rows),
            Edges::Dead => {
                let below = (self.first_row + band_rows + halo).saturating_sub(height);
                (halo.saturating_sub(self.first_row), rows - below)
            }
        };
        Extent { halo, rows, inside, is_whole }
    }

    /// Copies the band's rows and those around it. Rows that are not on the board are dead in every generation.
    #[inline(always)]
    fn load(&mut self, extent: Extent) {
        let (height, vector) = (self.cells.height(), self.cells.vector_words());
        let pitch = extent.rows * vector;
        for column in 0..self.cells.count() {
            let from = self.cells.column(column);
            let [to, other] = [&mut self.scratch.now, &mut self.scratch.next]
                .map(|words| &mut words[(column + 1) * pitch..][..pitch]);
            for outside in [0..extent.inside.0 * vector, extent.inside.1 * vector..pitch] {
                to[outside.clone()].fill(0);
                other[outside].fill(0);
            }
            let mut row = extent.inside.0;
            while row < extent.inside.1 {
                // A halo is never higher than the board.
                let y = (self.first_row + height + row - extent.halo) % height;
                let rows = (height - y).min(extent.inside.1 - row);
                to[row * vector..][..rows * vector].copy_from_slice(&from[y * vector..][..rows * vector]);
                row += rows;
            }
        }
    }
}

/// Copies the board's last row above its first and its first row below its last, in every column.
#[inline(always)]
fn wrap_rows(columns: &mut [u64], pitch: usize, vector: usize) {
    for column in columns.chunks_exact_mut(pitch) {
        column.copy_within(pitch - 2 * vector..pitch - vector, 0);
        column.copy_within(vector..2 * vector, pitch - vector);
    }
}

/// Makes what lies beside the first and the last column, in the rows from `from` to before `to`.
#[inline(always)]
fn fill_sides(laws: &Laws, columns: &mut [u64], pitch: usize, vector: usize, (from, to): (usize, usize)) {
    let right_side = columns.len() - pitch;
    let words = from * vector..to * vector;
    let (left, others) = columns.split_at_mut(pitch);
    let (inner, right) = others.split_at_mut(right_side - pitch);
    let (left, right) = (&mut left[words.clone()], &mut right[words.clone()]);
    let (first, last) = (&inner[..pitch][words.clone()], &inner[right_side - 2 * pitch..][words]);
    match (laws.content, laws.edges) {
        (Content::BoardPerBit, Edges::Torus) => {
            left.copy_from_slice(last);
            right.copy_from_slice(first);
        }
        (Content::BoardPerBit, Edges::Dead) => {
            left.fill(0);
            right.fill(0);
        }
        (Content::OneBoard { last: place }, edges) => {
            shift_up(last, left);
            shift_down(first, right);
            let (word, bit) = place.word();
            let last_column = (place.column + 1) * pitch + word;
            let wraps = u64::from(edges == Edges::Torus);
            for row in (from..to).map(|row| row * vector) {
                let first_cell = columns[pitch + row] & 1 & wraps;
                let last_cell = u64::from(columns[last_column + row] & bit != 0) & wraps;
                let before_first = &mut columns[row];
                *before_first = *before_first & !1 | last_cell;
                let after_last = &mut columns[last_column + pitch + row];
                *after_last = *after_last & !bit | (bit * first_cell);
            }
        }
    }
}

/// Moves every bit to the place after its own. The vectors are taken for one long row of bits; the first bit of each,
/// which then comes from the vector of another row, is the left neighbour of a row's first cell and is put there later.
#[inline(always)]
fn shift_up(from: &[u64], to: &mut [u64]) {
    to[0] = from[0] << 1;
    for (to, from) in to[1..].iter_mut().zip(from.windows(2)) {
        *to = from[1] << 1 | from[0] >> 63;
    }
}

/// Moves every bit to the place before its own. The last bit of each vector, which comes from another row, is the
/// right neighbour of a row's last cell, or of a bit that means nothing.
#[inline(always)]
fn shift_down(from: &[u64], to: &mut [u64]) {
    let last = from.len() - 1;
    to[last] = from[last] >> 1;
    for (to, from) in to.iter_mut().zip(from.windows(2)) {
        *to = from[0] >> 1 | from[1] << 63;
    }
}
