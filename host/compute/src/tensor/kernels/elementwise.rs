//! Functions of every element, and arithmetic of two tensors.

use super::{Arithmetic, Function, host};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// A function of every element.
pub(crate) fn map(executor: &Executor, function: Function, input: &Tensor) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::map(site, function, input)) {
        return computed;
    }
    let input_values = input.values()?;
    executor.compute(*input.shape(), |output| host::map(executor, function, input_values, output))
}

/// The gradient of [`map`]'s input; see [`Function::slope_of`] for what is kept.
pub(crate) fn map_backward(
    executor: &Executor,
    function: Function,
    kept: Option<&Tensor>,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    let on_device = executor.on_device(&[gradient.shape()], |site| match (function, kept) {
        (Function::Add(_), _) => Ok(gradient.clone()),
        (_, Some(kept)) => wgsl::map_backward(site, function, kept, gradient),
        // The derivative is the same everywhere, and the function a multiple.
        (_, None) => wgsl::map(site, function, gradient),
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let kept = kept.map_or(Ok(&[][..]), Tensor::values)?;
    let gradient_values = gradient.values()?;
    executor.compute(*gradient.shape(), |output| {
        host::map_backward(executor, function, kept, gradient_values, output);
    })
}

/// Arithmetic of two tensors, which are broadcast to this shape.
pub(crate) fn combine(
    executor: &Executor,
    arithmetic: Arithmetic,
    shape: Shape,
    left: &Tensor,
    right: &Tensor,
) -> Result<Tensor, TensorError> {
    let is_same = left.shape() == right.shape();
    let strides = [left, right].map(|tensor| tensor.shape().strides_in(&shape));
    let on_device = executor.on_device(&[&shape, left.shape(), right.shape()], |site| {
        if is_same {
            wgsl::combine_same(site, arithmetic, left, right)
        } else {
            wgsl::combine(site, arithmetic, shape, (left, strides[0]), (right, strides[1]))
        }
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let (left, right) = (left.values()?, right.values()?);
    executor.compute(shape, |output| {
        if is_same {
            host::combine_same(executor, arithmetic, left, right, output);
        } else {
            host::combine(executor, arithmetic, &shape, (left, strides[0]), (right, strides[1]), output);
        }
    })
}
