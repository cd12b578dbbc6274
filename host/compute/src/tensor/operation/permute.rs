//! The same elements with the axes in another order.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels;
use crate::tensor::shape::{RANK_MAX, Shape};
use crate::tensor::value::Tensor;

/// A tensor whose axis `i` is the input's axis `axes[i]`.
pub(crate) fn permute(executor: &Executor, input: &Tensor, axes: &[u32]) -> Forward<Permute> {
    let shape = input.shape();
    let wrong = || {
        let rule = format!("every axis of a tensor of shape {shape}, once");
        TensorError::argument("permute", "the list of axes", format!("{axes:?}"), rule)
    };
    if axes.len() != shape.rank() {
        return Err(wrong());
    }
    let mut order = Vec::with_capacity(axes.len());
    for &axis in axes {
        let axis = shape.axis("permute", axis)?;
        if order.contains(&axis) {
            return Err(wrong());
        }
        order.push(axis);
    }
    let mut inverse = vec![0; order.len()];
    for (to, &from) in order.iter().enumerate() {
        inverse[from] = to;
    }
    Ok((compute(executor, input, &order)?, Permute { inverse }))
}

/// What [`permute`] keeps.
pub(crate) struct Permute {
    inverse: Vec<usize>,
}

impl Backward for Permute {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(compute(executor, gradient, &self.inverse)?)])
    }
}

/// The permutation by axes that have been checked.
pub(super) fn compute(executor: &Executor, input: &Tensor, order: &[usize]) -> Result<Tensor, TensorError> {
    let from = input.shape().strides();
    let mut strides = [0; RANK_MAX];
    for (stride, &axis) in strides.iter_mut().zip(order) {
        *stride = from[axis];
    }
    let shape = Shape::new(&order.iter().map(|&axis| input.dimensions()[axis]).collect::<Vec<_>>())?;
    kernels::lay_out(executor, shape, input, strides)
}
