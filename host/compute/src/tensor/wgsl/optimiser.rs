//! What an optimiser does to one parameter in one step, where it is on the device.

use super::kernel::{GROUP_INVOCATIONS, Kernel};
use super::queue::DeviceNumbers;
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Adam, Sgd};
use crate::tensor::value::Tensor;

const SGD: &str = include_str!("kernels/sgd.wgsl");
const SGD_MOMENTUM: &str = include_str!("kernels/sgd_momentum.wgsl");
const ADAM: &str = include_str!("kernels/adam.wgsl");

/// One step of stochastic gradient descent.
pub(crate) fn sgd(
    site: Site<'_>,
    rule: &Sgd,
    weights: &mut Tensor,
    gradient: &Tensor,
    velocity: Option<&mut Tensor>,
) -> Result<(), TensorError> {
    let elements = weights.shape().elements();
    let memory = &site.executor.memory;
    let weights = weights.numbers_mut(memory, site.queue)?;
    let gradient = gradient.numbers(site.queue)?;
    let parameters = Words::new().count(elements).number(rule.learning_rate as f32).number(rule.weight_decay as f32);
    match velocity {
        None => run(site, SGD, elements, parameters, &[&weights, &gradient]),
        Some(velocity) => {
            let velocity = velocity.numbers_mut(memory, site.queue)?;
            let parameters = parameters.number(rule.momentum as f32).flag(rule.nesterov);
            run(site, SGD_MOMENTUM, elements, parameters, &[&weights, &gradient, &velocity])
        }
    }
}

/// One step of Adam or AdamW, whose number counts from 1.
pub(crate) fn adam(
    site: Site<'_>,
    rule: &Adam,
    step: u64,
    weights: &mut Tensor,
    gradient: &Tensor,
    [mean, square]: [&mut Tensor; 2],
) -> Result<(), TensorError> {
    let elements = weights.shape().elements();
    let memory = &site.executor.memory;
    let [correction1, correction2] = [rule.beta1, rule.beta2].map(|beta| 1.0 - libm::pow(beta, step as f64));
    // Decoupled, the decay makes the weight smaller, else the gradient larger.
    let (kept, decay) = match rule.decoupled {
        true => (1.0 - rule.learning_rate * rule.weight_decay, 0.0),
        false => (1.0, rule.weight_decay),
    };
    let numbers = [
        kept,
        decay,
        rule.beta1,
        1.0 - rule.beta1,
        rule.beta2,
        1.0 - rule.beta2,
        1.0 / correction2,
        rule.epsilon,
        rule.learning_rate / correction1,
    ];
    let parameters = numbers.iter().fold(Words::new().count(elements), |words, &number| words.number(number as f32));
    let weights = weights.numbers_mut(memory, site.queue)?;
    let gradient = gradient.numbers(site.queue)?;
    let (mean, square) = (mean.numbers_mut(memory, site.queue)?, square.numbers_mut(memory, site.queue)?);
    run(site, ADAM, elements, parameters, &[&weights, &gradient, &mean, &square])
}

fn run(
    site: Site<'_>,
    shader: &'static str,
    elements: usize,
    parameters: Words,
    operands: &[&DeviceNumbers],
) -> Result<(), TensorError> {
    let groups = elements.div_ceil(GROUP_INVOCATIONS);
    site.run_on(Kernel::new(shader), groups, GROUP_INVOCATIONS, parameters, operands)
}
