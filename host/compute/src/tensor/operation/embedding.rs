//! Rows of a table by their numbers.

use super::cross_entropy::check_indices;
use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
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
    let output = executor.compute(Shape::new(&[indices.len(), columns])?, |output| {
        for (to, &index) in output.chunks_exact_mut(columns.max(1)).zip(indices) {
            to.copy_from_slice(&table.values()[index as usize * columns..][..columns]);
        }
    })?;
    Ok((output, Embedding { table: *table.shape(), indices: executor.memory.indices(indices)?, columns }))
}

/// What [`embedding`] keeps.
pub(crate) struct Embedding {
    table: Shape,
    indices: Indices,
    columns: usize,
}

impl Backward for Embedding {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        let table = executor.compute(self.table, |output| {
            output.fill(0.0);
            for (from, &index) in gradient.values().chunks_exact(self.columns.max(1)).zip(&self.indices.values) {
                let row = &mut output[index as usize * self.columns..][..self.columns];
                row.iter_mut().zip(from).for_each(|(sum, number)| *sum += number);
            }
        })?;
        Ok(vec![Some(table)])
    }
}
