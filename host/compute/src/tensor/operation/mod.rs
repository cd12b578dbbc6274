//! The operations. Each has a file with its shape rule, its forward computation, which returns the result and what
//! it keeps for the way back, and that way back. They know of tensors and kernels, and nothing of ids or the tape.

pub(crate) mod concatenate;
pub(crate) mod convolution;
pub(crate) mod cross_entropy;
pub(crate) mod dropout;
pub(crate) mod elementwise;
pub(crate) mod embedding;
pub(crate) mod linear;
pub(crate) mod lstm;
pub(crate) mod matmul;
pub(crate) mod normalisation;
pub(crate) mod permute;
pub(crate) mod pooling;
pub(crate) mod reduction;
pub(crate) mod reshape;
pub(crate) mod slice;
pub(crate) mod softmax;
pub(crate) mod squared_error;

mod activation;
mod product;

pub use activation::Activation;

use super::error::TensorError;
use super::shape::Shape;
use super::tape::{Backward, Gradients};
use super::value::Tensor;

/// What the forward computation of an operation returns.
pub(crate) type Forward<B> = Result<(Tensor, B), TensorError>;

/// Checks the shape of a parameter whose shape follows from another tensor's.
fn check_shape(
    operation: &'static str,
    input: &Shape,
    parameter: &Tensor,
    expected: &[usize],
    rule: &'static str,
) -> Result<(), TensorError> {
    if parameter.dimensions() == expected {
        return Ok(());
    }
    Err(TensorError::shapes(operation, input, parameter.shape(), rule))
}
