//! Batch and layer normalisation over channels, which are the last dimension.

use super::{Backward, Forward, Gradients, check_shape};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Group, Moments, Normalisation};
use crate::tensor::value::Tensor;

/// Brings every channel of `[.., channels]` to mean 0 and variance 1 over all other axes, or by the running
/// moments; then multiplies it with its weight and adds its bias.
pub(crate) fn batch_norm(
    executor: &Executor,
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    running: &Moments,
    training: bool,
    epsilon: f64,
) -> Forward<Normalised> {
    let shape = shape("batch-norm", Group::Column, input, weight, bias, epsilon)?;
    for moment in [&running.mean, &running.variance] {
        let rule = "running moments need one number for each channel";
        check_shape("batch-norm", input.shape(), moment, &[shape.columns], rule)?;
    }
    let given = (!training).then(|| running.clone());
    let moments = match given {
        Some(moments) => moments,
        None if shape.rows < 2 => {
            let rule = "with at least two values for each channel while training";
            return Err(TensorError::argument("batch-norm", "the input's shape", input.shape(), rule));
        }
        None => kernels::statistics(executor, &shape, input)?,
    };
    normalise(executor, shape, moments, training, input, weight, bias)
}

/// Brings every row of `[.., channels]` to mean 0 and variance 1; then multiplies each channel with its weight and
/// adds its bias.
pub(crate) fn layer_norm(
    executor: &Executor,
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f64,
) -> Forward<Normalised> {
    let shape = shape("layer-norm", Group::Row, input, weight, bias, epsilon)?;
    let moments = kernels::statistics(executor, &shape, input)?;
    normalise(executor, shape, moments, true, input, weight, bias)
}

/// What both normalisations keep.
pub(crate) struct Normalised {
    shape: Normalisation,
    moments: Moments,
    /// Whether the moments are the input's own, so that the gradient goes through them.
    own: bool,
    input: Tensor,
    weight: Tensor,
}

impl Normalised {
    /// The moments, and over how many values each was taken.
    pub(crate) fn moments(&self) -> (&Moments, usize) {
        (&self.moments, self.shape.group_elements())
    }
}

impl Backward for Normalised {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let of_input = || {
            let moments = (&self.moments, self.own);
            let operands = [&self.input, &self.weight];
            kernels::normalise_backward_input(executor, &self.shape, moments, operands, gradient)
        };
        let of_input = needed[0].then(of_input).transpose()?;
        if !needed[1] && !needed[2] {
            return Ok(vec![of_input, None, None]);
        }
        let [weight, bias] = kernels::normalise_backward_parameters(
            executor,
            &self.shape,
            &self.moments,
            &self.input,
            gradient,
            *self.weight.shape(),
        )?;
        Ok(vec![of_input, Some(weight), Some(bias)])
    }
}

fn shape(
    operation: &'static str,
    group: Group,
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f64,
) -> Result<Normalisation, TensorError> {
    let Some((outer, &[columns])) = input.shape().split_last(1) else {
        let rule = "a shape [.., channels]";
        return Err(TensorError::argument(operation, "the input's shape", input.shape(), rule));
    };
    if !epsilon.is_finite() || epsilon < 0.0 {
        return Err(TensorError::argument(operation, "epsilon", epsilon, "a number that is not negative"));
    }
    for parameter in [weight, bias] {
        let rule = "the weight and the bias need one number for each channel, the last dimension";
        check_shape(operation, input.shape(), parameter, &[columns], rule)?;
    }
    Ok(Normalisation { group, rows: outer.iter().product(), columns, epsilon: epsilon as f32 })
}

fn normalise(
    executor: &Executor,
    shape: Normalisation,
    moments: Moments,
    own: bool,
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
) -> Forward<Normalised> {
    let output = kernels::normalise(executor, &shape, &moments, input, [weight, bias])?;
    Ok((output, Normalised { shape, moments, own, input: input.clone(), weight: weight.clone() }))
}
