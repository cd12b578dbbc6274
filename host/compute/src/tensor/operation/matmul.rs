//! Products of matrices, one or a batch of them.

use super::reduction::{broadcast, sum_to};
use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Batched};
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// The product of the last two dimensions, `[.., m, k] · [.., k, n]`; those before are broadcast.
pub(crate) fn matmul(executor: &Executor, left: &Tensor, right: &Tensor) -> Forward<Matmul> {
    let wrong = |rule| TensorError::shapes("matmul", left.shape(), right.shape(), rule);
    let (Some((left_batch, &[rows, inner])), Some((right_batch, &[right_inner, columns]))) =
        (left.shape().split_last(2), right.shape().split_last(2))
    else {
        return Err(wrong("both need at least two dimensions"));
    };
    if inner != right_inner {
        return Err(wrong("the last dimension of the first must be the second to last of the second"));
    }
    let gemm = |batch, rows| Batched { batch, m: rows, n: columns, k: inner, transpose_a: false, transpose_b: false };
    // One matrix on the right serves all rows on the left, which makes a batch one larger product.
    if right_batch.is_empty() {
        let all_rows = left_batch.iter().product::<usize>() * rows;
        let shape = left.shape().with(left.shape().rank() - 1, columns)?;
        return Matmul::new(executor, gemm(1, all_rows), left, right, shape);
    }
    let batch = Shape::broadcast("matmul", &Shape::new(left_batch)?, &Shape::new(right_batch)?)?;
    let stacked = |rows, columns| Shape::new(&[batch.dimensions(), &[rows, columns]].concat());
    let expanded_left = broadcast(executor, left, stacked(rows, inner)?)?;
    let expanded_right = broadcast(executor, right, stacked(inner, columns)?)?;
    let shape = gemm(batch.elements(), rows);
    let (output, product) = Matmul::new(executor, shape, &expanded_left, &expanded_right, stacked(rows, columns)?)?;
    Ok((output, Matmul { shapes: [*left.shape(), *right.shape()], ..product }))
}

/// What [`matmul`] keeps: the operands as they were multiplied, and the shapes that they had.
pub(crate) struct Matmul {
    gemm: Batched,
    left: Tensor,
    right: Tensor,
    shapes: [Shape; 2],
}

impl Matmul {
    fn new(executor: &Executor, gemm: Batched, left: &Tensor, right: &Tensor, shape: Shape) -> Forward<Matmul> {
        let output = multiply(executor, "matmul", gemm, left, right, shape)?;
        let shapes = [*left.shape(), *right.shape()];
        Ok((output, Matmul { gemm, left: left.clone(), right: right.clone(), shapes }))
    }
}

impl Backward for Matmul {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let [left_shape, right_shape] = &self.shapes;
        let left = || {
            let gemm = self.gemm.of_left();
            let full = multiply(executor, "matmul", gemm, gradient, &self.right, *self.left.shape())?;
            sum_to(executor, &full, left_shape)
        };
        let right = || {
            let gemm = self.gemm.of_right();
            let full = multiply(executor, "matmul", gemm, &self.left, gradient, *self.right.shape())?;
            sum_to(executor, &full, right_shape)
        };
        Ok(vec![needed[0].then(left).transpose()?, needed[1].then(right).transpose()?])
    }
}

impl Batched {
    /// The product that is the gradient of the left side, `gradient · rightᵀ`, of a product of plain matrices.
    fn of_left(self) -> Batched {
        Batched { n: self.k, k: self.n, transpose_b: true, ..self }
    }

    /// The product that is the gradient of the right side, `leftᵀ · gradient`, of a product of plain matrices.
    fn of_right(self) -> Batched {
        Batched { m: self.k, k: self.m, transpose_a: true, ..self }
    }
}

/// A product as a tensor of a shape.
pub(super) fn multiply(
    executor: &Executor,
    operation: &'static str,
    gemm: Batched,
    left: &Tensor,
    right: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    executor.check_work(operation, &[gemm.batch, gemm.m, gemm.n, gemm.k])?;
    let _scratch = executor.reserve(gemm.scratch_len())?;
    kernels::gemm(executor, gemm, left, right, shape)
}
