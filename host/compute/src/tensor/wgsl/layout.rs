//! Copies from one layout to another: permutations, broadcasts, slices and their way back.

use super::kernel::Kernel;
use super::site::{Site, Words};
use crate::tensor::block::Block;
use crate::tensor::error::TensorError;
use crate::tensor::shape::{PerAxis, Shape};
use crate::tensor::value::Tensor;

const COPY: &str = include_str!("kernels/copy.wgsl");

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

/// Copies every element of a shape from where it lies in one tensor to where it lies in another, which was made by
/// [`Site::output`] or [`fill`](super::fill).
pub(crate) fn copy(
    site: Site<'_>,
    shape: &Shape,
    (from, from_layout): (&Tensor, Layout),
    (to, to_layout): (&Tensor, Layout),
) -> Result<(), TensorError> {
    let parameters = Words::new().count(shape.rank());
    let parameters = parameters.in_vectors([shape.per_axis(), from_layout.strides, to_layout.strides]);
    let parameters = parameters.counts([from_layout.start, to_layout.start]);
    site.run_each(Kernel::new(COPY), shape.elements(), parameters, &[from, to])
}
