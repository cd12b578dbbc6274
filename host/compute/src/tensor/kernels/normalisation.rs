//! Normalisation of groups of elements, and its gradients.

use super::{Arithmetic, Function, Normalisation, combine, host, map};
use crate::tensor::cpu::Statistics;
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// The mean and the variance of each group, as tensors.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub(crate) mean: Tensor,
    pub(crate) variance: Tensor,
}

impl Moments {
    fn values(&self) -> Result<Statistics<'_>, TensorError> {
        Ok(Statistics { mean: self.mean.values()?, variance: self.variance.values()? })
    }
}

/// The mean and the variance of each group.
pub(crate) fn statistics(executor: &Executor, sizes: &Normalisation, input: &Tensor) -> Result<Moments, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::statistics(site, sizes, input)) {
        return computed;
    }
    let groups = Shape::new(&[sizes.groups()])?;
    let (mut mean, mut variance) = (executor.unwritten(groups)?, executor.unwritten(groups)?);
    let outputs = (mean.values_mut(&executor.memory)?, variance.values_mut(&executor.memory)?);
    host::statistics(executor, sizes, input.values()?, outputs.0, outputs.1);
    Ok(Moments { mean, variance })
}

/// The running moments, moved by a part towards a batch's, of which the variance is taken times a factor.
pub(crate) fn moved(
    executor: &Executor,
    running: &Tensor,
    batch: &Tensor,
    part: f64,
    factor: f64,
) -> Result<Tensor, TensorError> {
    if executor.site(&[running.shape()]).is_some() {
        let old = map(executor, Function::Multiply((1.0 - part) as f32), running)?;
        let new = map(executor, Function::Multiply((part * factor) as f32), batch)?;
        return combine(executor, Arithmetic::Add, *running.shape(), &old, &new);
    }
    let (running_values, batch) = (running.values()?, batch.values()?);
    executor.compute(*running.shape(), |output| {
        for ((out, &old), &new) in output.iter_mut().zip(running_values).zip(batch) {
            *out = ((1.0 - part) * f64::from(old) + part * factor * f64::from(new)) as f32;
        }
    })
}

/// Each group normalised, scaled and shifted.
pub(crate) fn normalise(
    executor: &Executor,
    sizes: &Normalisation,
    moments: &Moments,
    input: &Tensor,
    [weight, bias]: [&Tensor; 2],
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[input.shape()], |site| wgsl::normalise(site, sizes, moments, input, [weight, bias]))
    {
        return computed;
    }
    let (statistics, values) = (moments.values()?, input.values()?);
    let (weight, bias) = (weight.values()?, bias.values()?);
    executor.compute(*input.shape(), |output| {
        host::normalise(executor, sizes, statistics, values, weight, bias, output);
    })
}

/// The gradient of [`normalise`]'s input, whose own the moments are or are not.
pub(crate) fn normalise_backward_input(
    executor: &Executor,
    sizes: &Normalisation,
    (moments, own): (&Moments, bool),
    [input, weight]: [&Tensor; 2],
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| {
        wgsl::normalise_backward_input(site, sizes, (moments, own), [input, weight], gradient)
    }) {
        return computed;
    }
    let statistics = moments.values()?;
    let (values, weight, gradient) = (input.values()?, weight.values()?, gradient.values()?);
    executor.compute(*input.shape(), |output| {
        host::normalise_backward_input(executor, sizes, statistics, own, values, weight, gradient, output);
    })
}

/// The gradients of [`normalise`]'s weight and bias, which have this shape.
pub(crate) fn normalise_backward_parameters(
    executor: &Executor,
    sizes: &Normalisation,
    moments: &Moments,
    input: &Tensor,
    gradient: &Tensor,
    shape: Shape,
) -> Result<[Tensor; 2], TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| {
        wgsl::normalise_backward_parameters(site, sizes, moments, input, gradient, shape)
    }) {
        return computed;
    }
    let (mut weight, mut bias) = (executor.unwritten(shape)?, executor.unwritten(shape)?);
    let outputs = (weight.values_mut(&executor.memory)?, bias.values_mut(&executor.memory)?);
    let (statistics, input, gradient) = (moments.values()?, input.values()?, gradient.values()?);
    host::normalise_backward_parameters(executor, sizes, statistics, input, gradient, outputs.0, outputs.1);
    Ok([weight, bias])
}
