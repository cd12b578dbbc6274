//! A range of one axis.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
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
    let output = executor.compute(shape, |output| {
        for (from, to) in block.of(input.values()).zip(output.chunks_exact_mut(block.length.max(1))) {
            to.copy_from_slice(from);
        }
    })?;
    Ok((output, Slice { input: *input.shape(), block }))
}

/// What [`slice`] keeps.
pub(crate) struct Slice {
    input: Shape,
    block: Block,
}

impl Backward for Slice {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        let mut input = executor.full(self.input, 0.0)?;
        let blocks = self.block.of_mut(input.values_mut(&executor.memory)?);
        for (to, from) in blocks.zip(gradient.values().chunks_exact(self.block.length.max(1))) {
            to.copy_from_slice(from);
        }
        Ok(vec![Some(input)])
    }
}

/// The part of each line of elements that a range of an axis takes, where a line is all of that axis and those
/// behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) from: usize,
    pub(super) length: usize,
    pub(super) line: usize,
}

impl Block {
    pub(super) fn of(self, values: &[f32]) -> impl Iterator<Item = &[f32]> {
        values.chunks_exact(self.line.max(1)).map(move |line| &line[self.from..][..self.length])
    }

    pub(super) fn of_mut(self, values: &mut [f32]) -> impl Iterator<Item = &mut [f32]> {
        values.chunks_exact_mut(self.line.max(1)).map(move |line| &mut line[self.from..][..self.length])
    }
}
