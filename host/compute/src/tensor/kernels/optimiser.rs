//! The steps of optimisers, which write into tensors.

use super::{Adam, Sgd, host};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// Makes room for what a step of an optimiser writes, so that no more has to be found then.
pub(crate) fn prepare(executor: &Executor, tensor: &mut Tensor) -> Result<(), TensorError> {
    let shape = *tensor.shape();
    if let Some(computed) =
        executor.on_device(&[&shape], |site| tensor.numbers_mut(&executor.memory, site.queue).map(drop))
    {
        return computed;
    }
    tensor.values_mut(&executor.memory).map(drop)
}

/// Has what a step of an optimiser reads on the side that computes, so that no room has to be found for it then.
pub(crate) fn bring(executor: &Executor, tensor: &Tensor) -> Result<(), TensorError> {
    let on_device = executor.on_device(&[tensor.shape()], |site| tensor.numbers(site.queue).map(drop));
    on_device.unwrap_or_else(|| tensor.values().map(drop))
}

/// One step of stochastic gradient descent.
pub(crate) fn sgd(
    executor: &Executor,
    rule: &Sgd,
    parameter: &mut Tensor,
    gradient: &Tensor,
    mut velocity: Option<&mut Tensor>,
) -> Result<(), TensorError> {
    let shape = *parameter.shape();
    if let Some(computed) =
        executor.on_device(&[&shape], |site| wgsl::sgd(site, rule, parameter, gradient, velocity.as_deref_mut()))
    {
        return computed;
    }
    let velocity = velocity.map(|velocity| velocity.values_mut(&executor.memory)).transpose()?;
    let parameter = parameter.values_mut(&executor.memory)?;
    host::sgd(executor, rule, parameter, gradient.values()?, velocity);
    Ok(())
}

/// One step of Adam or AdamW, whose number counts from 1.
pub(crate) fn adam(
    executor: &Executor,
    rule: &Adam,
    step: u64,
    parameter: &mut Tensor,
    gradient: &Tensor,
    [mean, square]: [&mut Tensor; 2],
) -> Result<(), TensorError> {
    let shape = *parameter.shape();
    if let Some(computed) = executor
        .on_device(&[&shape], |site| wgsl::adam(site, rule, step, parameter, gradient, [&mut *mean, &mut *square]))
    {
        return computed;
    }
    let moments = [mean.values_mut(&executor.memory)?, square.values_mut(&executor.memory)?];
    let parameter = parameter.values_mut(&executor.memory)?;
    host::adam(executor, rule, step, parameter, gradient.values()?, moments);
    Ok(())
}
