//! Sums, the largest numbers, and the mean of squares.

use super::{Arithmetic, Around, Function, combine, host, map};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::{PerAxis, Shape};
use crate::tensor::value::Tensor;
use crate::tensor::wgsl::{self, Reduce};

/// The mean of the squares of all elements.
pub(crate) fn mean_of_squares(executor: &Executor, input: &Tensor) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| {
        wgsl::sum_of_squares(site, input, (1.0 / input.shape().elements() as f64) as f32)
    }) {
        return computed;
    }
    let sum = sum_of_squares(executor, input)?;
    let mean = (sum / input.shape().elements() as f64) as f32;
    executor.full(Shape::SCALAR, mean)
}

/// The gradient of [`mean_of_squares`]' input, from that of the mean.
pub(crate) fn mean_of_squares_backward(
    executor: &Executor,
    input: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if executor.site(&[input.shape()]).is_some() {
        // Without waiting for the gradient.
        let scaled = combine(executor, Arithmetic::Multiply, *input.shape(), input, gradient)?;
        let factor = 2.0 / input.shape().elements() as f64;
        return map(executor, Function::Multiply(factor as f32), &scaled);
    }
    let factor = 2.0 * f64::from(gradient.values()?[0]) / input.shape().elements() as f64;
    map(executor, Function::Multiply(factor as f32), input)
}

/// The sum of the squares of all elements.
pub(crate) fn sum_of_squares(executor: &Executor, input: &Tensor) -> Result<f64, TensorError> {
    let on_device = executor.on_device(&[input.shape()], |site| {
        let sum = wgsl::sum_of_squares(site, input, 1.0)?;
        Ok(sum.values()?[0].into())
    });
    if let Some(computed) = on_device {
        return computed;
    }
    Ok(host::sum_of_squares(executor, input.values()?))
}

/// Sums, times a factor, as a tensor of this shape, in which the strides say where each element goes.
pub(crate) fn sum(
    executor: &Executor,
    input: &Tensor,
    shape: Shape,
    strides: PerAxis,
    factor: f64,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape(), &shape], |site| {
        wgsl::reduce(site, Reduce::Sum, input, shape, strides, factor as f32)
    }) {
        return computed;
    }
    let values = input.values()?;
    executor.compute(shape, |output| host::sum(executor, input.shape(), values, strides, factor, output))
}

/// The largest numbers, as a tensor of this shape, in which the strides say where each element goes.
pub(crate) fn max(executor: &Executor, input: &Tensor, shape: Shape, strides: PerAxis) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[input.shape(), &shape], |site| wgsl::reduce(site, Reduce::Max, input, shape, strides, 1.0))
    {
        return computed;
    }
    let values = input.values()?;
    executor.compute(shape, |output| host::max(executor, input.shape(), values, strides, output))
}

/// 1 where a number is the largest, and else 0.
pub(crate) fn is_largest(executor: &Executor, input: &Tensor, largest: &Tensor) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::is_equal(site, input, largest)) {
        return computed;
    }
    let (values, largest) = (input.values()?, largest.values()?);
    executor.compute(*input.shape(), |output| {
        for ((out, number), largest) in output.iter_mut().zip(values).zip(largest) {
            *out = if number == largest { 1.0 } else { 0.0 };
        }
    })
}

/// The places of the largest numbers along an axis.
pub(crate) fn argmax(executor: &Executor, around: Around, input: &Tensor) -> Result<Vec<u32>, TensorError> {
    Ok(host::argmax(executor, around, input.values()?))
}

impl Around {
    /// The axes that a reduction takes away, where they lie together: those longer than one along which the output has no
    /// stride. The others lie in the output as they do in the input.
    pub(crate) fn reduced(shape: &Shape, output_strides: PerAxis) -> Option<Around> {
        let mut around = Around { outer: 1, length: 1, inner: 1 };
        let axes = shape.dimensions().iter().zip(output_strides).filter(|&(&length, _)| length != 1);
        let mut reduced = axes.clone().map(|(_, stride)| stride == 0);
        // Those before the first reduced axis, those until the next one that is kept, and those behind it.
        let Some(first) = reduced.position(|reduced| reduced) else {
            return Some(Around { outer: shape.elements(), ..around });
        };
        let last = first + 1 + reduced.clone().take_while(|&reduced| reduced).count();
        for (place, (&length, stride)) in axes.enumerate() {
            if place < first {
                around.outer *= length;
            } else if place < last {
                around.length *= length;
            } else if stride == 0 {
                return None;
            } else {
                around.inner *= length;
            }
        }
        Some(around)
    }
}
