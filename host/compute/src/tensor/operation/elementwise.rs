//! Functions of one tensor, and arithmetic of two with NumPy's broadcasting.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Arithmetic, Function, SlopeOf};
use crate::tensor::operation::reduction;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// A function of every element.
pub(crate) fn map(executor: &Executor, function: Function, input: &Tensor) -> Forward<Map> {
    let output = kernels::map(executor, function, input)?;
    let kept = match function.slope_of() {
        SlopeOf::Nothing => None,
        SlopeOf::Argument => Some(input.clone()),
        SlopeOf::Value => Some(output.clone()),
    };
    Ok((output, Map { function, kept }))
}

/// What [`map`] keeps.
pub(crate) struct Map {
    function: Function,
    kept: Option<Tensor>,
}

impl Backward for Map {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(kernels::map_backward(executor, self.function, self.kept.as_ref(), gradient)?)])
    }
}

/// Arithmetic of two tensors.
pub(crate) fn combine(executor: &Executor, arithmetic: Arithmetic, left: &Tensor, right: &Tensor) -> Forward<Combine> {
    let output = compute(executor, arithmetic, left, right)?;
    let kept = match arithmetic {
        Arithmetic::Add | Arithmetic::Subtract => None,
        Arithmetic::Multiply | Arithmetic::Divide => Some((left.clone(), right.clone())),
    };
    Ok((output, Combine { arithmetic, shapes: [*left.shape(), *right.shape()], kept }))
}

/// Arithmetic of two tensors that nothing will go back through.
pub(super) fn compute(
    executor: &Executor,
    arithmetic: Arithmetic,
    left: &Tensor,
    right: &Tensor,
) -> Result<Tensor, TensorError> {
    let shape = Shape::broadcast(name(arithmetic), left.shape(), right.shape())?;
    kernels::combine(executor, arithmetic, shape, left, right)
}

/// What [`combine`] keeps.
pub(crate) struct Combine {
    arithmetic: Arithmetic,
    shapes: [Shape; 2],
    kept: Option<(Tensor, Tensor)>,
}

impl Combine {
    /// The gradient of the left side, before it is summed over where that was repeated.
    fn of_left(&self, executor: &Executor, gradient: &Tensor) -> Result<Tensor, TensorError> {
        match (self.arithmetic, &self.kept) {
            (Arithmetic::Multiply | Arithmetic::Divide, Some((_, right))) => {
                compute(executor, self.arithmetic, gradient, right)
            }
            _ => Ok(gradient.clone()),
        }
    }

    /// The same of the right side.
    fn of_right(&self, executor: &Executor, gradient: &Tensor) -> Result<Tensor, TensorError> {
        match (self.arithmetic, &self.kept) {
            (Arithmetic::Multiply, Some((left, _))) => compute(executor, Arithmetic::Multiply, gradient, left),
            (Arithmetic::Divide, Some((left, right))) => {
                // −g · l / r², in an order in which r² cannot overflow.
                let quotient = compute(executor, Arithmetic::Divide, left, right)?;
                let product = compute(executor, Arithmetic::Multiply, gradient, &quotient)?;
                let (negative, _) = map(executor, Function::Negate, &product)?;
                compute(executor, Arithmetic::Divide, &negative, right)
            }
            (Arithmetic::Subtract, _) => Ok(map(executor, Function::Negate, gradient)?.0),
            _ => Ok(gradient.clone()),
        }
    }
}

impl Backward for Combine {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let [left_shape, right_shape] = &self.shapes;
        let left = needed[0].then(|| reduction::sum_to(executor, &self.of_left(executor, gradient)?, left_shape));
        let right = needed[1].then(|| reduction::sum_to(executor, &self.of_right(executor, gradient)?, right_shape));
        Ok(vec![left.transpose()?, right.transpose()?])
    }
}

fn name(arithmetic: Arithmetic) -> &'static str {
    match arithmetic {
        Arithmetic::Add => "add",
        Arithmetic::Subtract => "subtract",
        Arithmetic::Multiply => "multiply",
        Arithmetic::Divide => "divide",
    }
}
