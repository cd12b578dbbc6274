//! Where elements lie among others: in a part of each line, or wherever strides say.

use super::error::TensorError;
use super::shape::{PerAxis, Shape};

/// The part of each line of elements that a range of an axis takes, where a line is all of that axis and those behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// Where the range begins in a line.
    pub(crate) from: usize,
    /// How many elements of a line it has.
    pub(crate) length: usize,
    /// How many elements a line has.
    pub(crate) line: usize,
}

impl Block {
    pub(crate) fn of(self, values: &[f32]) -> impl Iterator<Item = &[f32]> {
        values.chunks_exact(self.line.max(1)).map(move |line| &line[self.from..][..self.length])
    }

    pub(crate) fn of_mut(self, values: &mut [f32]) -> impl Iterator<Item = &mut [f32]> {
        values.chunks_exact_mut(self.line.max(1)).map(move |line| &mut line[self.from..][..self.length])
    }
}

/// Where the elements of a shape lie in a tensor: the first one, and how far apart neighbours along each axis are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) start: usize,
    pub(crate) strides: PerAxis,
}

impl Layout {
    /// That of a tensor of the shape itself.
    pub(crate) fn of(shape: &Shape) -> Layout {
        Layout { start: 0, strides: shape.strides() }
    }

    /// A tensor as one row of each line, and where those lie among lines of which the block is the part that they are.
    pub(crate) fn of_block(part: &Shape, block: Block) -> Result<(Shape, Layout), TensorError> {
        let rows = Shape::new(&[part.elements() / block.length.max(1), block.length])?;
        let mut strides = rows.strides();
        strides[0] = block.line;
        Ok((rows, Layout { start: block.from, strides }))
    }
}
