//! A linear map of the last dimension: a matrix, a bias and an activation.

use super::activation::{Activated, Activation};
use super::matmul::multiply;
use super::product::Product;
use super::reduction::sum_rows;
use super::{Backward, Forward, Gradients, check_shape};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels;
use crate::tensor::value::Tensor;

/// `activation(input · weightᵀ + bias)` for an input `[.., in]`, a weight `[out, in]` and a bias `[out]`.
pub(crate) fn linear(
    executor: &Executor,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
) -> Forward<Linear> {
    let (Some((outer, &[inputs])), &[outputs, weight_inputs]) = (input.shape().split_last(1), weight.dimensions())
    else {
        let rule = "the input needs the shape [.., in] and the weight [out, in]";
        return Err(TensorError::shapes("linear", input.shape(), weight.shape(), rule));
    };
    if inputs != weight_inputs {
        let rule = "the last dimension of the input must be that of the weight";
        return Err(TensorError::shapes("linear", input.shape(), weight.shape(), rule));
    }
    if let Some(bias) = bias {
        let rule = "the bias must be as long as there are outputs";
        check_shape("linear", weight.shape(), bias, &[outputs], rule)?;
    }
    let product = Product { rows: outer.iter().product(), inputs, outputs };
    executor.check_work("linear", &[product.rows, inputs, outputs])?;
    let _scratch = executor.reserve(product.forward().scratch_len())?;
    let shape = input.shape().with(outer.len(), outputs)?;
    let output = kernels::linear(executor, product.forward(), [input, weight], bias, activation.function(), shape)?;
    let activated = Activated::new(activation, &output);
    Ok((output, Linear { product, input: input.clone(), weight: weight.clone(), activated }))
}

/// What [`linear`] keeps.
pub(crate) struct Linear {
    product: Product,
    input: Tensor,
    weight: Tensor,
    activated: Activated,
}

impl Backward for Linear {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let gradient = self.activated.backward(executor, gradient)?;
        let multiply = |gemm, right, shape| multiply(executor, "linear", gemm, &gradient, right, shape);
        let input = || multiply(self.product.of_input(), &self.weight, *self.input.shape());
        let weight = || multiply(self.product.of_weight(), &self.input, *self.weight.shape());
        let mut gradients = vec![needed[0].then(input).transpose()?, needed[1].then(weight).transpose()?];
        if let Some(&needed) = needed.get(2) {
            gradients.push(needed.then(|| sum_rows(executor, &gradient, self.product.outputs)).transpose()?);
        }
        Ok(gradients)
    }
}
