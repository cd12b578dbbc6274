//! Optimisers: what they keep of each parameter, and their step. The formulas are those of PyTorch's `SGD`, `Adam`
//! and `AdamW`.

use std::iter;

use super::TensorId;
use super::error::TensorError;
use super::executor::Executor;
use super::kernels::{self, Adam, Sgd};
use super::value::Tensor;

/// The most optimisers of an actor.
pub const OPTIMISERS_MAX: usize = 1024;

/// The rule of an optimiser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    Sgd(Sgd),
    Adam(Adam),
}

impl Rule {
    /// # Errors
    /// [`TensorError::InvalidArgument`] for a number that the formulas have no sense for.
    pub(crate) fn checked(self) -> Result<Rule, TensorError> {
        match self {
            Rule::Sgd(sgd) => {
                check("sgd", "the learning rate", sgd.learning_rate, NOT_NEGATIVE)?;
                check("sgd", "the momentum", sgd.momentum, NOT_NEGATIVE)?;
                check("sgd", "the weight decay", sgd.weight_decay, NOT_NEGATIVE)?;
                if sgd.nesterov && sgd.momentum == 0.0 {
                    return Err(TensorError::argument("sgd", "the momentum", 0, "above 0 with nesterov"));
                }
            }
            Rule::Adam(adam) => {
                check("adam", "the learning rate", adam.learning_rate, NOT_NEGATIVE)?;
                check("adam", "beta1", adam.beta1, BELOW_ONE)?;
                check("adam", "beta2", adam.beta2, BELOW_ONE)?;
                check("adam", "epsilon", adam.epsilon, NOT_NEGATIVE)?;
                check("adam", "the weight decay", adam.weight_decay, NOT_NEGATIVE)?;
            }
        }
        Ok(self)
    }

    /// The same rule with another learning rate, which is yet to be checked.
    pub(crate) fn with_learning_rate(self, learning_rate: f64) -> Rule {
        match self {
            Rule::Sgd(sgd) => Rule::Sgd(Sgd { learning_rate, ..sgd }),
            Rule::Adam(adam) => Rule::Adam(Adam { learning_rate, ..adam }),
        }
    }

    /// How many tensors are kept of each parameter: the velocity, or the means of the gradient and of its square.
    pub(crate) fn moments(self) -> usize {
        match self {
            Rule::Sgd(sgd) => usize::from(sgd.momentum > 0.0),
            Rule::Adam(_) => 2,
        }
    }
}

/// A rule and what it keeps of its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Optimiser {
    pub(crate) rule: Rule,
    pub(crate) parameters: Vec<Parameter>,
}

/// What an optimiser keeps of one parameter.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) id: TensorId,
    /// How many steps this parameter had a gradient in.
    pub(crate) steps: u64,
    /// As many as [`Rule::moments`] says, or none before the first step.
    pub(crate) moments: Vec<Tensor>,
}

impl Parameter {
    pub(crate) fn new(id: TensorId) -> Parameter {
        Parameter { id, steps: 0, moments: Vec::new() }
    }

    /// Makes room for everything that [`Parameter::step`] reads and writes, so that it fails only with the device.
    pub(crate) fn prepare(
        &mut self,
        rule: Rule,
        executor: &Executor,
        value: &mut Tensor,
        gradient: &Tensor,
    ) -> Result<(), TensorError> {
        executor.check_stop()?;
        // All of them or none: a state with fewer could not be read again.
        let missing = self.moments.len()..rule.moments();
        let missing = missing.map(|_| executor.full(*value.shape(), 0.0)).collect::<Result<Vec<_>, _>>()?;
        self.moments.extend(missing);
        let mut written: Vec<&mut Tensor> = iter::once(value).chain(&mut self.moments).collect();
        kernels::prepare(executor, &mut written, gradient)
    }

    /// One step of the parameter along its gradient.
    pub(crate) fn step(
        &mut self,
        rule: Rule,
        executor: &Executor,
        value: &mut Tensor,
        gradient: &Tensor,
    ) -> Result<(), TensorError> {
        // No actor lives for so many steps, but bytes may say so.
        let step = self.steps.saturating_add(1);
        match (rule, &mut self.moments[..]) {
            (Rule::Sgd(sgd), moments) => kernels::sgd(executor, &sgd, value, gradient, moments.first_mut())?,
            (Rule::Adam(adam), [mean, square]) => {
                kernels::adam(executor, &adam, step, value, gradient, [mean, square])?;
            }
            (Rule::Adam(_), _) => {}
        }
        self.steps = step;
        Ok(())
    }
}

type Bound = (fn(f64) -> bool, &'static str);

const NOT_NEGATIVE: Bound = (|number| number.is_finite() && number >= 0.0, "a number that is not negative");
const BELOW_ONE: Bound = (|number| (0.0..1.0).contains(&number), "at least 0 and less than 1");

fn check(operation: &'static str, argument: &'static str, number: f64, (fits, rule): Bound) -> Result<(), TensorError> {
    if fits(number) { Ok(()) } else { Err(TensorError::argument(operation, argument, number, rule)) }
}
