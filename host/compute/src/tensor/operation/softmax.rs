//! Softmax along an axis, and its logarithm.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Around, Softmax};
use crate::tensor::value::Tensor;

/// eˣ over the sum of all eˣ along an axis, or the logarithm of it.
pub(crate) fn softmax(executor: &Executor, kind: Softmax, input: &Tensor, axis: u32) -> Forward<SoftmaxValue> {
    let operation = match kind {
        Softmax::Plain => "softmax",
        Softmax::Logarithm => "log-softmax",
    };
    let (outer, length, inner) = input.shape().around(input.shape().axis(operation, axis)?);
    let around = Around { outer, length, inner };
    let output = kernels::softmax(executor, kind, around, input)?;
    Ok((output.clone(), SoftmaxValue { kind, around, output }))
}

/// What [`softmax`] keeps.
pub(crate) struct SoftmaxValue {
    kind: Softmax,
    around: Around,
    output: Tensor,
}

impl Backward for SoftmaxValue {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(kernels::softmax_backward(executor, self.kind, self.around, &self.output, gradient)?)])
    }
}
