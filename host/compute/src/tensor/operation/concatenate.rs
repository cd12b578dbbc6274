//! Tensors one after another along an axis.

use std::sync::Arc;

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels;
use crate::tensor::layout::Block;
use crate::tensor::memory::Charge;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// What the tape keeps of an input, in elements of a tensor: some 140 bytes.
const PART_ELEMENTS: usize = 36;

/// The tensors, at least one, along an axis; in the others they have the same lengths.
pub(crate) fn concatenate(executor: &Executor, inputs: &[&Tensor], axis: u32) -> Forward<Concatenate> {
    let Some(first) = inputs.first() else {
        return Err(TensorError::argument("concatenate", "the list of tensors", "empty", "at least one tensor"));
    };
    let axis = first.shape().axis("concatenate", axis)?;
    let mut total = 0usize;
    for input in inputs {
        if input.shape().rank() != first.shape().rank()
            || input.shape().with(axis, first.dimensions()[axis])? != *first.shape()
        {
            let rule = "all lengths but that of the axis must be equal";
            return Err(TensorError::shapes("concatenate", first.shape(), input.shape(), rule));
        }
        total = total.saturating_add(input.dimensions()[axis]);
    }
    let shape = first.shape().with(axis, total)?;
    let (_, _, inner) = shape.around(axis);
    let mut from = 0;
    let parts: Vec<_> = inputs
        .iter()
        .map(|input| {
            let length = input.dimensions()[axis] * inner;
            from += length;
            (*input.shape(), Block { from: from - length, length, line: total * inner })
        })
        .collect();
    let blocks: Vec<_> = inputs.iter().zip(&parts).map(|(input, (_, block))| (*input, *block)).collect();
    let output = kernels::join(executor, shape, &blocks)?;
    let charge = executor.memory.charge(inputs.len().saturating_mul(PART_ELEMENTS))?;
    Ok((output, Concatenate { parts, _charge: charge }))
}

/// What [`concatenate`] keeps: the shape of each input and where it lies in the output.
pub(crate) struct Concatenate {
    parts: Vec<(Shape, Block)>,
    /// A guest may name any number of tensors, of which each takes room on the tape.
    _charge: Arc<Charge>,
}

impl Backward for Concatenate {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let part = |(shape, block): &(Shape, Block)| kernels::take(executor, *shape, gradient, *block);
        self.parts.iter().zip(needed).map(|(input, &needed)| needed.then(|| part(input)).transpose()).collect()
    }
}
