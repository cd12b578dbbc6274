//! The loss of a regression: the mean of the squared differences.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Arithmetic, Function};
use crate::tensor::operation::elementwise;
use crate::tensor::value::Tensor;

/// The mean of (input − target)² over all elements of two tensors of one shape; not-a-number of none.
pub(crate) fn mean_squared_error(executor: &Executor, input: &Tensor, target: &Tensor) -> Forward<SquaredError> {
    if input.shape() != target.shape() {
        let rule = "the input and the target need the same shape";
        return Err(TensorError::shapes("mean-squared-error", input.shape(), target.shape(), rule));
    }
    let difference = elementwise::compute(executor, Arithmetic::Subtract, input, target)?;
    let output = kernels::mean_of_squares(executor, &difference)?;
    Ok((output, SquaredError { difference }))
}

/// What [`mean_squared_error`] keeps.
pub(crate) struct SquaredError {
    difference: Tensor,
}

impl Backward for SquaredError {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let input = kernels::mean_of_squares_backward(executor, &self.difference, gradient)?;
        let target = || Ok(elementwise::map(executor, Function::Negate, &input)?.0);
        let target = needed[1].then(target).transpose()?;
        Ok(vec![Some(input), target])
    }
}
