//! Sums, means and largest numbers along axes, and the places of the largest.

use super::elementwise::compute;
use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Arithmetic, Around};
use crate::tensor::shape::{RANK_MAX, Shape};
use crate::tensor::value::Tensor;

/// The axes that a reduction takes away, and the shapes around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axes {
    /// The shape of the result with a length of one for each axis.
    kept: Shape,
    /// The shape of the result.
    output: Shape,
}

impl Axes {
    /// The axes of a tensor; all of them when none is named. `keep` leaves each with a length of one.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] when one is not there, or is named twice.
    pub(crate) fn new(operation: &'static str, shape: &Shape, axes: &[u32], keep: bool) -> Result<Axes, TensorError> {
        let mut reduced = [axes.is_empty(); RANK_MAX];
        for &axis in axes {
            if std::mem::replace(&mut reduced[shape.axis(operation, axis)?], true) {
                return Err(TensorError::argument(operation, "axis", axis, "named once"));
            }
        }
        let lengths = shape.dimensions().iter().zip(reduced);
        let kept: Vec<_> = lengths.clone().map(|(&length, reduced)| if reduced { 1 } else { length }).collect();
        let left: Vec<_> = lengths.filter(|(_, reduced)| !reduced).map(|(&length, _)| length).collect();
        let kept = Shape::new(&kept)?;
        Ok(Axes { kept, output: if keep { kept } else { Shape::new(&left)? } })
    }
}

/// The sum along axes.
pub(crate) fn sum(executor: &Executor, input: &Tensor, axes: Axes) -> Forward<Spread> {
    scaled_sum(executor, input, axes, 1.0)
}

/// The mean along axes; not-a-number along an empty one.
pub(crate) fn mean(executor: &Executor, input: &Tensor, axes: Axes) -> Forward<Spread> {
    let count = input.dimensions().iter().zip(axes.kept.dimensions());
    let count: f64 = count.filter(|(length, kept)| length != kept).map(|(&length, _)| length as f64).product();
    scaled_sum(executor, input, axes, 1.0 / count)
}

fn scaled_sum(executor: &Executor, input: &Tensor, axes: Axes, factor: f64) -> Forward<Spread> {
    let output = kernels::sum(executor, input, axes.output, axes.kept.strides_in(input.shape()), factor)?;
    Ok((output, Spread { input: *input.shape(), kept: axes.kept, factor }))
}

/// What [`sum`] and [`mean`] keep.
pub(crate) struct Spread {
    input: Shape,
    kept: Shape,
    factor: f64,
}

impl Backward for Spread {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        let factor = executor.full(Shape::SCALAR, self.factor as f32)?;
        let scaled = compute(executor, Arithmetic::Multiply, &gradient.reshaped(self.kept), &factor)?;
        Ok(vec![Some(broadcast(executor, &scaled, self.input)?)])
    }
}

/// The largest number along axes, none of which may be empty unless the result is.
pub(crate) fn max(executor: &Executor, input: &Tensor, axes: Axes) -> Forward<Max> {
    if input.shape().elements() == 0 && axes.output.elements() > 0 {
        return Err(TensorError::argument("max", "the shape", input.shape(), "not empty along the reduced axes"));
    }
    let output = kernels::max(executor, input, axes.output, axes.kept.strides_in(input.shape()))?;
    Ok((output.clone(), Max { input: input.clone(), output: output.reshaped(axes.kept) }))
}

/// What [`max`] keeps.
pub(crate) struct Max {
    input: Tensor,
    output: Tensor,
}

impl Backward for Max {
    /// Shares a gradient out evenly among all numbers that are the largest.
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        let shape = *self.input.shape();
        let largest = broadcast(executor, &self.output, shape)?;
        let is_largest = kernels::is_largest(executor, &self.input, &largest)?;
        let count = sum_to(executor, &is_largest, self.output.shape())?;
        let share = compute(executor, Arithmetic::Divide, &gradient.reshaped(*self.output.shape()), &count)?;
        Ok(vec![Some(compute(executor, Arithmetic::Multiply, &is_largest, &share)?)])
    }
}

/// The place of the first largest number along an axis, for each of the others.
///
/// # Errors
/// [`TensorError::InvalidArgument`] when there is no such axis, or it is empty and the result is not.
pub(crate) fn argmax(executor: &Executor, input: &Tensor, axis: u32) -> Result<Vec<u32>, TensorError> {
    let (outer, length, inner) = input.shape().around(input.shape().axis("argmax", axis)?);
    if length == 0 && outer * inner > 0 {
        return Err(TensorError::argument("argmax", "the shape", input.shape(), "not empty along the axis"));
    }
    executor.check_stop()?;
    kernels::argmax(executor, Around { outer, length, inner }, input)
}

/// Adds up what broadcasting repeated, so that the result has the smaller shape.
pub(super) fn sum_to(executor: &Executor, input: &Tensor, shape: &Shape) -> Result<Tensor, TensorError> {
    if input.shape() == shape {
        return Ok(input.clone());
    }
    kernels::sum(executor, input, *shape, shape.strides_in(input.shape()), 1.0)
}

/// Adds up the rows of a matrix, which is what a tensor's last dimension makes of it.
pub(super) fn sum_rows(executor: &Executor, input: &Tensor, columns: usize) -> Result<Tensor, TensorError> {
    sum_to(executor, input, &Shape::new(&[columns])?)
}

/// Repeats a tensor so that it has the larger shape.
pub(super) fn broadcast(executor: &Executor, input: &Tensor, shape: Shape) -> Result<Tensor, TensorError> {
    if *input.shape() == shape {
        return Ok(input.clone());
    }
    kernels::lay_out(executor, shape, input, input.shape().strides_in(&shape))
}
