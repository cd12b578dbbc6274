//! Products of matrices.

use super::{Batched, Function, host};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// A batch of products of matrices, as a tensor of this shape.
pub(crate) fn gemm(
    executor: &Executor,
    product: Batched,
    left: &Tensor,
    right: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    gemm_from(executor, product, (left, 0), (right, 0), shape)
}

/// [`gemm`] of operands that begin somewhere in their tensors.
pub(crate) fn gemm_from(
    executor: &Executor,
    product: Batched,
    (left, left_start): (&Tensor, usize),
    (right, right_start): (&Tensor, usize),
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[left.shape(), right.shape(), &shape], |site| {
        wgsl::gemm(site, product, (left, left_start), (right, right_start), None, None, shape)
    }) {
        return computed;
    }
    let Batched { batch, m, n, k, .. } = product;
    let left = &left.values()?[left_start..][..batch * m * k];
    let right = &right.values()?[right_start..][..batch * k * n];
    executor.compute(shape, |output| host::gemm(executor, product, left, right, output))
}

/// A product of two matrices, in a batch of one, plus a bias for every column, through a function, as a tensor of this
/// shape.
pub(crate) fn linear(
    executor: &Executor,
    product: Batched,
    [input, weight]: [&Tensor; 2],
    bias: Option<&Tensor>,
    function: Option<Function>,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape(), weight.shape(), &shape], |site| {
        wgsl::gemm(site, product, (input, 0), (weight, 0), bias, function, shape)
    }) {
        return computed;
    }
    let (input, weight, bias) = (input.values()?, weight.values()?, bias.map(Tensor::values).transpose()?);
    executor.compute(shape, |output| host::linear(executor, product, input, weight, bias, function, output))
}
