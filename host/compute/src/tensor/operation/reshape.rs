//! The same elements as another shape.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// The elements of a tensor, in their order, as another shape. They are shared, not copied.
pub(crate) fn reshape(input: &Tensor, shape: Shape) -> Forward<Reshape> {
    if shape.elements() != input.shape().elements() {
        return Err(TensorError::shapes("reshape", input.shape(), &shape, "both need the same number of elements"));
    }
    Ok((input.reshaped(shape), Reshape { input: *input.shape() }))
}

/// What [`reshape`] keeps.
pub(crate) struct Reshape {
    input: Shape,
}

impl Backward for Reshape {
    fn backward(&self, _: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(gradient.reshaped(self.input))])
    }
}
