//! Copies from one layout to another: permutations, broadcasts, slices and their way back.

use super::kernel::Kernel;
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::layout::Layout;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

const COPY: &str = include_str!("kernels/copy.wgsl");

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
