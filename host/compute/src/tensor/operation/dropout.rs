//! Dropout: each element is dropped with a probability, and the others are scaled so that the mean stays.

use super::{Backward, Forward, Gradients, elementwise};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Arithmetic};
use crate::tensor::value::Tensor;

/// Drops elements; which, the seed and their places decide.
pub(crate) fn dropout(executor: &Executor, input: &Tensor, probability: f32, seed: u64) -> Forward<Dropout> {
    if !(0.0..1.0).contains(&probability) {
        return Err(TensorError::argument("dropout", "the probability", probability, "at least 0 and less than 1"));
    }
    let mask = kernels::dropout_mask(executor, *input.shape(), seed, probability)?;
    Ok((elementwise::compute(executor, Arithmetic::Multiply, input, &mask)?, Dropout { mask }))
}

/// What [`dropout`] keeps.
pub(crate) struct Dropout {
    mask: Tensor,
}

impl Backward for Dropout {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(elementwise::compute(executor, Arithmetic::Multiply, gradient, &self.mask)?)])
    }
}
