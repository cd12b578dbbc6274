//! Rows of a table, and the gradient of the table.

use super::host;
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// The rows of a table that the indices name, as a tensor of this shape.
pub(crate) fn rows_of(
    executor: &Executor,
    table: &Tensor,
    indices: &[u32],
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[table.shape(), &shape], |site| wgsl::rows_of(site, table, indices, shape))
    {
        return computed;
    }
    let values = table.values()?;
    executor.compute(shape, |output| host::rows_of(values, indices, output))
}

/// The gradient of [`rows_of`]'s table, which has this shape.
pub(crate) fn rows_of_backward(
    executor: &Executor,
    indices: &[u32],
    gradient: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let on_device =
        executor.on_device(&[gradient.shape(), &shape], |site| wgsl::rows_of_backward(site, indices, gradient, shape));
    if let Some(table) = on_device.transpose()?.flatten() {
        return Ok(table);
    }
    let gradient = gradient.values()?;
    executor.compute(shape, |output| host::rows_of_backward(indices, gradient, output))
}
