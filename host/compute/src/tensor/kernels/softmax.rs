//! Softmax, the loss of it, and their gradients.

use super::{Around, Softmax, host};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// Softmax along an axis.
pub(crate) fn softmax(
    executor: &Executor,
    kind: Softmax,
    around: Around,
    input: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::softmax(site, kind, around, input)) {
        return computed;
    }
    let values = input.values()?;
    executor.compute(*input.shape(), |output| host::softmax(executor, kind, around, values, output))
}

/// The gradient of [`softmax`]'s input, from its result.
pub(crate) fn softmax_backward(
    executor: &Executor,
    kind: Softmax,
    around: Around,
    result: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[gradient.shape()], |site| wgsl::softmax_backward(site, kind, around, result, gradient))
    {
        return computed;
    }
    let (result, values) = (result.values()?, gradient.values()?);
    executor.compute(*gradient.shape(), |output| {
        host::softmax_backward(executor, kind, around, result, values, output);
    })
}

/// The mean cross-entropy of rows of logits with their labels.
pub(crate) fn cross_entropy(
    executor: &Executor,
    classes: usize,
    logits: &Tensor,
    labels: &[u32],
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[logits.shape()], |site| wgsl::cross_entropy(site, classes, logits, labels))
    {
        return computed;
    }
    let logits = logits.values()?;
    executor.compute(Shape::SCALAR, |output| output[0] = host::cross_entropy(executor, classes, logits, labels))
}

/// The gradient of [`cross_entropy`]'s logits, from that of the mean.
pub(crate) fn cross_entropy_backward(
    executor: &Executor,
    classes: usize,
    logits: &Tensor,
    labels: &[u32],
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor
        .on_device(&[logits.shape()], |site| wgsl::cross_entropy_backward(site, classes, logits, labels, gradient))
    {
        return computed;
    }
    let (values, gradient) = (logits.values()?, gradient.values()?[0]);
    executor.compute(*logits.shape(), |output| {
        host::cross_entropy_backward(executor, classes, values, labels, gradient, output);
    })
}
