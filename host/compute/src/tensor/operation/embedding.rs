//! Rows of a table by their numbers.

use super::cross_entropy::check_indices;
use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels;
use crate::tensor::memory::Indices;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// The rows of a table `[rows, columns]` that the indices name, as `[indices, columns]`.
pub(crate) fn embedding(executor: &Executor, table: &Tensor, indices: &[u32]) -> Forward<Embedding> {
    let &[rows, columns] = table.dimensions() else {
        let rule = "a shape [rows, columns]";
        return Err(TensorError::argument("embedding", "the table's shape", table.shape(), rule));
    };
    check_indices("embedding", "an index", indices, rows)?;
    let output = kernels::rows_of(executor, table, indices, Shape::new(&[indices.len(), columns])?)?;
    Ok((output, Embedding { table: *table.shape(), indices: executor.memory.indices(indices)? }))
}

/// What [`embedding`] keeps.
pub(crate) struct Embedding {
    table: Shape,
    indices: Indices,
}

impl Backward for Embedding {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(kernels::rows_of_backward(executor, &self.indices.values, gradient, self.table)?)])
    }
}
