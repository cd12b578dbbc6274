//! Products of matrices.
//!
//! The method is the usual one: one operand is copied once into the order in which tiles read it (`pack`), then every
//! part goes through the depth in blocks, copies its share of the other operand, which stays in the second-level
//! cache meanwhile, and computes tile after tile. A part has some rows of the result where there are many, and some
//! columns where there are few rows, as in a dense layer on a small batch.
//!
//! Beside its operands a product takes memory for a copy of one of them.

mod batched;
pub(super) mod pack;

use std::ops::Range;

pub use batched::{Batched, gemm_batched};

use self::pack::{pack_columns, pack_rows};
use super::scratch::Scratch;
use super::tile::{Kernel, Start, Target, Terms};
use super::workers::Workers;

/// Terms that are added up between two visits to the result. The rows of a tile have as many in the first-level cache.
/// The sums are the same for any number: each goes on where it was.
const BLOCK_DEPTH: usize = 256;
/// Columns that all rows of a block are multiplied with before the next ones, a multiple of a tile's: as much of each as
/// a block is deep stays in the second-level cache.
const BLOCK_COLUMNS: usize = 512;
/// The most rows of a part: as much of each as a block is deep stays in the second-level cache too.
const PART_ROWS_MAX: usize = 128;
/// Parts that a product should have, so that threads which are a few can share it evenly.
const PARTS_WANTED: usize = 4;
/// Multiplications that are worth a part of their own.
const PART_TERMS: usize = 1 << 20;

/// A matrix in a slice: row-major, or the transpose of one that is.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// How far apart two rows are, and two columns. One of them is 1.
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    ///
    /// # Panics
    /// When the slice doesn't hold `rows * columns` numbers.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "the numbers of a matrix");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose, without moving a number.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// What becomes of the sums of a product.
#[derive(Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Add them to what the result holds. Otherwise the result is only written to.
    pub accumulate: bool,
    /// A number for every column to add. Not together with `accumulate`.
    pub bias: Option<&'a [f32]>,
    /// What is below zero becomes zero.
    pub relu: bool,
}

/// The product of two matrices, row-major: `c = a · b`, finished as asked.
///
/// # Panics
/// When the shapes don't fit.
pub fn gemm(workers: Workers<'_>, a: Matrix<'_>, b: Matrix<'_>, c: &mut [f32], finish: Finish<'_>) {
    assert_eq!(a.columns, b.rows, "the depth of a product");
    assert_eq!(c.len(), a.rows * b.columns, "the numbers of a product");
    assert!(finish.bias.is_none_or(|bias| bias.len() == b.columns && !finish.accumulate), "the bias of a product");
    if c.is_empty() {
        return;
    }
    let product = Product::new(workers, a.columns, b.columns, finish);
    if a.rows >= b.columns || a.rows >= PARTS_WANTED * PART_ROWS_MAX || product.terms(a.rows) <= PART_TERMS {
        product.by_rows(workers, a, b, c);
    } else {
        product.by_columns(workers, a, b, c);
    }
}

/// A product whose rows or columns are about to be computed.
struct Product<'a> {
    kernel: &'static Kernel,
    depth: usize,
    columns: usize,
    finish: Finish<'a>,
}

/// Some rows of the left operand, and the numbers of them that are added up in one go.
struct Block<'a> {
    packed: &'a [f32],
    rows: usize,
    depth: Range<usize>,
}

/// Some columns of the right operand, packed in panels, and a result that they give columns of.
struct Panels<'a> {
    /// The rows that the block's depth says, first of the first panel.
    packed: &'a [f32],
    /// How far apart the panels are.
    stride: usize,
    /// Which columns of the product they are.
    columns: Range<usize>,
    /// The result from the first of them on, and how far apart its rows are.
    c: &'a mut [f32],
    row_stride: usize,
}

impl<'a> Product<'a> {
    fn new(workers: Workers<'_>, depth: usize, columns: usize, finish: Finish<'a>) -> Self {
        Self { kernel: Kernel::of(workers.level(), columns), depth, columns, finish }
    }

    /// The multiplications of so many rows.
    fn terms(&self, rows: usize) -> usize {
        rows.saturating_mul(self.columns).saturating_mul(self.depth.max(1))
    }

    /// The right operand is packed as a whole, and parts have some rows each.
    fn by_rows(&self, workers: Workers<'_>, a: Matrix<'_>, b: Matrix<'_>, c: &mut [f32]) {
        let mut packed = Scratch::new(self.packed_length());
        let panel_length = (self.depth * self.kernel.columns).max(1);
        let together = (PART_TERMS / 16 / panel_length).max(1);
        workers.each(packed.chunks_mut(together * panel_length), |part, panels| {
            for (panel, packed) in panels.chunks_mut(panel_length).enumerate() {
                let column = (part * together + panel) * self.kernel.columns;
                pack_columns(self.kernel, b, 0..self.depth, column, packed);
            }
        });
        let rows_worth_it = PART_TERMS.div_ceil(self.terms(1));
        let rows = a.rows.div_ceil(PARTS_WANTED).min(PART_ROWS_MAX).max(rows_worth_it);
        workers.each(c.chunks_mut(rows * self.columns), |part, c| self.rows(a, part * rows, &packed, c));
    }

    /// The rows of the result that a slice has room for, from a first one on.
    fn rows(&self, a: Matrix<'_>, first: usize, packed: &[f32], c: &mut [f32]) {
        let rows = c.len() / self.columns;
        let mut block = Scratch::new(rows * self.depth.min(BLOCK_DEPTH));
        for depth in self.depths() {
            let block = &mut block[..rows * depth.len()];
            pack_rows(self.kernel, a, first..first + rows, depth.clone(), block);
            let block = Block { packed: block, rows, depth };
            for column in (0..self.columns).step_by(BLOCK_COLUMNS) {
                self.tiles(
                    &block,
                    Panels {
                        packed: &packed[column * self.depth + block.depth.start * self.kernel.columns..],
                        stride: self.depth * self.kernel.columns,
                        columns: column..self.columns.min(column + BLOCK_COLUMNS),
                        c: &mut c[column..],
                        row_stride: self.columns,
                    },
                );
            }
        }
    }

    /// The left operand is packed as a whole, and parts have some columns each.
    fn by_columns(&self, workers: Workers<'_>, a: Matrix<'_>, b: Matrix<'_>, c: &mut [f32]) {
        let mut packed = Scratch::new(a.rows * self.depth);
        workers.each(packed.chunks_mut((a.rows * BLOCK_DEPTH).max(1)).zip(self.depths()), |_, (packed, depth)| {
            pack_rows(self.kernel, a, 0..a.rows, depth, packed);
        });
        let panels_worth_it = PART_TERMS.div_ceil(a.rows * self.depth.max(1) * self.kernel.columns);
        let width = panels_worth_it * self.kernel.columns;
        let mut shares: Vec<Vec<&mut [f32]>> = Vec::new();
        shares.resize_with(self.columns.div_ceil(width), || Vec::with_capacity(a.rows));
        for row in c.chunks_mut(self.columns) {
            for (share, piece) in shares.iter_mut().zip(row.chunks_mut(width)) {
                share.push(piece);
            }
        }
        workers.each(shares, |part, share| self.share_of_columns(&packed, b, part * width, share));
    }

    /// The columns of the result that the pieces of its rows have room for, from a first one on.
    fn share_of_columns(&self, packed: &[f32], b: Matrix<'_>, first: usize, mut pieces: Vec<&mut [f32]>) {
        let (rows, width) = (pieces.len(), pieces[0].len());
        // The result is gathered here because tiles write to one slice.
        let mut c = Scratch::new(rows * width);
        if self.finish.accumulate {
            for (piece, row) in pieces.iter().zip(c.chunks_mut(width)) {
                row.copy_from_slice(piece);
            }
        }
        let mut panel = Scratch::new(self.depth.min(BLOCK_DEPTH) * self.kernel.columns);
        for depth in self.depths() {
            let packed = &packed[rows * depth.start..rows * depth.end];
            let block = Block { packed, rows, depth };
            for column in (0..width).step_by(self.kernel.columns) {
                let packed = &mut panel[..block.depth.len() * self.kernel.columns];
                pack_columns(self.kernel, b, block.depth.clone(), first + column, packed);
                let columns = first + column..first + width.min(column + self.kernel.columns);
                self.tiles(&block, Panels { packed, stride: 0, columns, c: &mut c[column..], row_stride: width });
            }
        }
        for (piece, row) in pieces.iter_mut().zip(c.chunks(width)) {
            piece.copy_from_slice(row);
        }
    }

    /// All tiles of a block of rows and some columns. The rows of a tile stay in the first-level cache while the columns
    /// go by, since a tile reads those in the order of memory, which the processor foresees. The other way round, the
    /// rows of the result, which may lie so far apart that they share a few places of that cache, drive out the panel:
    /// that is a quarter slower for 1024 columns.
    fn tiles(&self, block: &Block<'_>, panels: Panels<'_>) {
        let relu = self.finish.relu && block.depth.end == self.depth;
        let inner = block.depth.len();
        for (row, height) in self.kernel.cut(block.rows) {
            for (panel, column) in panels.columns.clone().step_by(self.kernel.columns).enumerate() {
                let width = self.kernel.columns.min(panels.columns.end - column);
                let terms = Terms {
                    a: &block.packed[row * inner..],
                    a_row: 1,
                    a_inner: height,
                    a_outer: 0,
                    b: &panels.packed[panel * panels.stride..],
                    b_inner: self.kernel.columns,
                    b_outer: 0,
                    inner,
                    outer: 1,
                };
                let start = match self.finish.bias {
                    _ if block.depth.start > 0 || self.finish.accumulate => Start::Target,
                    Some(bias) => Start::Row(&bias[column..][..width]),
                    None => Start::Zero,
                };
                let c = &mut panels.c[row * panels.row_stride + column - panels.columns.start..];
                let mut target = Target { c, row_stride: panels.row_stride, columns: width, start, relu };
                self.kernel.run(height, &terms, &mut target);
            }
        }
    }

    /// The numbers of the right operand once it is packed.
    fn packed_length(&self) -> usize {
        self.columns.next_multiple_of(self.kernel.columns) * self.depth
    }

    /// The depth in blocks: one at least, which is empty where there are no terms, so that every result is written.
    fn depths(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let depth = self.depth;
        let blocks = depth.div_ceil(BLOCK_DEPTH).max(1);
        (0..blocks).map(move |block| block * BLOCK_DEPTH..depth.min((block + 1) * BLOCK_DEPTH))
    }
}
