//! The steps of optimisers, which write into tensors.

use super::{Adam, Sgd, host};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl::{self, Site};

/// Has what a step of an optimiser writes and reads on the side that is to compute it, all on one side, so that no room has
/// to be found then.
pub(crate) fn prepare(executor: &Executor, written: &mut [&mut Tensor], read: &Tensor) -> Result<(), TensorError> {
    let on_device = executor.on_device(&[read.shape()], |site| {
        read.numbers(site.queue)?;
        written.iter_mut().try_for_each(|tensor| tensor.numbers_mut(&executor.memory, site.queue).map(drop))
    });
    if let Some(prepared) = on_device {
        return prepared;
    }
    read.values()?;
    written.iter_mut().try_for_each(|tensor| tensor.values_mut(&executor.memory).map(drop))
}

/// Where the device computes a step for which this parameter was [prepared](prepare).
fn site<'a>(executor: &'a Executor, parameter: &Tensor) -> Option<Site<'a>> {
    executor.site(&[parameter.shape()]).filter(|site| parameter.is_on(site.queue))
}

/// One step of stochastic gradient descent.
pub(crate) fn sgd(
    executor: &Executor,
    rule: &Sgd,
    parameter: &mut Tensor,
    gradient: &Tensor,
    velocity: Option<&mut Tensor>,
) -> Result<(), TensorError> {
    if let Some(site) = site(executor, parameter) {
        return wgsl::sgd(site, rule, parameter, gradient, velocity);
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
    if let Some(site) = site(executor, parameter) {
        return wgsl::adam(site, rule, step, parameter, gradient, [mean, square]);
    }
    let moments = [mean.values_mut(&executor.memory)?, square.values_mut(&executor.memory)?];
    let parameter = parameter.values_mut(&executor.memory)?;
    host::adam(executor, rule, step, parameter, gradient.values()?, moments);
    Ok(())
}
