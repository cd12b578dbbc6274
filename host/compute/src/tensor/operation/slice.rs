//! A range of one axis.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels;
use crate::tensor::layout::Block;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// The elements from `start` up to but not including `end` along an axis.
pub(crate) fn slice(executor: &Executor, input: &Tensor, axis: u32, start: u32, end: u32) -> Forward<Slice> {
    let axis = input.shape().axis("slice", axis)?;
    let (start, end) = (start as usize, end as usize);
    let (_, length, inner) = input.shape().around(axis);
    if start > end || end > length {
        let rule = format!("a range within the axis {axis} of {}", input.shape());
        return Err(TensorError::argument("slice", "the range", format!("{start}..{end}"), rule));
    }
    let shape = input.shape().with(axis, end - start)?;
    let block = Block { from: start * inner, length: (end - start) * inner, line: length * inner };
    let output = kernels::take(executor, shape, input, block)?;
    Ok((output, Slice { input: *input.shape(), block }))
}

/// What [`slice`] keeps.
pub(crate) struct Slice {
    input: Shape,
    block: Block,
}

impl Backward for Slice {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(kernels::put(executor, self.input, gradient, self.block)?)])
    }
}
