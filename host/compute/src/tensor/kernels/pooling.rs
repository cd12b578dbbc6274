//! Pooling of images, and its gradients.

use super::{Pool, PoolShape, host};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// One number of each window, as a tensor of this shape.
pub(crate) fn pool(
    executor: &Executor,
    kind: Pool,
    sizes: &PoolShape,
    input: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if wgsl::pools(sizes)
        && let Some(computed) =
            executor.on_device(&[input.shape(), &shape], |site| wgsl::pool(site, kind, sizes, input, shape))
    {
        return computed;
    }
    let input = input.values()?;
    executor.compute(shape, |output| match kind {
        Pool::Max => host::max_pool(executor, sizes, input, output),
        Pool::Mean => host::average_pool(executor, sizes, input, output),
    })
}

/// The gradient of [`pool`]'s input, for the largest numbers.
pub(crate) fn max_pool_backward(
    executor: &Executor,
    sizes: &PoolShape,
    input: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if wgsl::pools(sizes)
        && let Some(computed) = executor
            .on_device(&[input.shape(), gradient.shape()], |site| wgsl::max_pool_backward(site, sizes, input, gradient))
    {
        return computed;
    }
    let (values, gradient) = (input.values()?, gradient.values()?);
    executor.compute(*input.shape(), |output| host::max_pool_backward(executor, sizes, values, gradient, output))
}

/// The gradient of [`pool`]'s input, which has this shape, for the means.
pub(crate) fn average_pool_backward(
    executor: &Executor,
    sizes: &PoolShape,
    gradient: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if wgsl::pools(sizes)
        && let Some(computed) = executor
            .on_device(&[gradient.shape(), &shape], |site| wgsl::average_pool_backward(site, sizes, gradient, shape))
    {
        return computed;
    }
    let gradient = gradient.values()?;
    executor.compute(shape, |output| host::average_pool_backward(executor, sizes, gradient, output))
}
