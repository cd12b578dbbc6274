//! The functions that an operation can apply to its result on the way: those whose derivative can be computed from
//! their value, so that the number before need not be kept.

use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Function};
use crate::tensor::value::Tensor;

/// What is applied to the result of a linear map or a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// The result where it is positive, else 0.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

impl Activation {
    pub(crate) fn function(self) -> Option<Function> {
        match self {
            Activation::None => None,
            Activation::Relu => Some(Function::Relu),
            Activation::Tanh => Some(Function::Tanh),
            Activation::Sigmoid => Some(Function::Sigmoid),
        }
    }
}

/// What is kept of a result to go back through its activation.
pub(super) struct Activated {
    kept: Option<(Function, Tensor)>,
}

impl Activated {
    pub(super) fn new(activation: Activation, result: &Tensor) -> Activated {
        Activated { kept: activation.function().map(|function| (function, result.clone())) }
    }

    /// The gradient before the activation, from that after it.
    pub(super) fn backward(&self, executor: &Executor, gradient: &Tensor) -> Result<Tensor, TensorError> {
        let Some((function, result)) = &self.kept else {
            return Ok(gradient.clone());
        };
        kernels::map_backward(executor, *function, Some(result), gradient)
    }

    /// The value of ReLU, where the activation is that, for a kernel that goes back through it by itself.
    pub(super) fn relu(&self) -> Option<&Tensor> {
        self.kept.as_ref().filter(|(function, _)| *function == Function::Relu).map(|(_, result)| result)
    }
}
