//! Random numbers, which the processors make wherever the rest is computed.

use super::host;
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// Uniform random numbers.
pub(crate) fn uniform(
    executor: &Executor,
    shape: Shape,
    seed: u64,
    low: f32,
    high: f32,
) -> Result<Tensor, TensorError> {
    executor.compute(shape, |output| host::uniform(executor, seed, low, high, output))
}

/// Normal random numbers.
pub(crate) fn normal(
    executor: &Executor,
    shape: Shape,
    seed: u64,
    mean: f32,
    deviation: f32,
) -> Result<Tensor, TensorError> {
    executor.compute(shape, |output| host::normal(executor, seed, mean, deviation, output))
}

/// Which elements are kept by dropout, and their factor.
pub(crate) fn dropout_mask(
    executor: &Executor,
    shape: Shape,
    seed: u64,
    probability: f32,
) -> Result<Tensor, TensorError> {
    executor.compute(shape, |output| host::dropout_mask(executor, seed, probability, output))
}
