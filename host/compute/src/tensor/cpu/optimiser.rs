//! Steps of optimisers, with the formulas of PyTorch's `torch.optim`. Memory is what limits them, so each goes over
//! its slices once.

use super::level::for_every_level;
use super::workers::{PART_ELEMENTS, Workers};

/// Stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// How far a step goes along the gradient.
    pub learning_rate: f64,
    /// The part of the last step's velocity that stays; 0 for no velocity.
    pub momentum: f64,
    /// The part of the weights that is added to their gradient.
    pub weight_decay: f64,
    /// Whether the step looks ahead along the velocity (Nesterov). Needs a momentum.
    pub nesterov: bool,
}

/// Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// How far a step goes.
    pub learning_rate: f64,
    /// The part that stays of the running mean of the gradient; PyTorch's default is 0.9.
    pub beta1: f64,
    /// The part that stays of the running mean of its square; PyTorch's default is 0.999.
    pub beta2: f64,
    /// What is added to the root of that mean; PyTorch's default is 10⁻⁸.
    pub epsilon: f64,
    /// The part of the weights that is added to their gradient or, when decoupled, that each step takes from them.
    pub weight_decay: f64,
    /// Whether the decay is of the weights themselves (AdamW) rather than a part of the gradient (Adam).
    pub decoupled: bool,
}

/// Moves the weights by one step. A velocity starts as zeros, which makes it the gradient in the first step.
///
/// # Panics
/// When the slices differ in length.
pub fn sgd(workers: Workers<'_>, sgd: &Sgd, weights: &mut [f32], gradient: &[f32], velocity: Option<&mut [f32]>) {
    assert_eq!(weights.len(), gradient.len(), "the numbers of the gradient");
    let level = workers.level();
    match velocity {
        Some(velocity) => {
            assert_eq!(weights.len(), velocity.len(), "the numbers of the velocity");
            let parts = weights.chunks_mut(PART_ELEMENTS).zip(gradient.chunks(PART_ELEMENTS));
            workers.each(parts.zip(velocity.chunks_mut(PART_ELEMENTS)), |_, ((weights, gradient), velocity)| {
                momentum_part(level, sgd, weights, gradient, velocity);
            });
        }
        None => {
            let parts = weights.chunks_mut(PART_ELEMENTS).zip(gradient.chunks(PART_ELEMENTS));
            workers.each(parts, |_, (weights, gradient)| sgd_part(level, sgd, weights, gradient));
        }
    }
}

/// Moves the weights by one step, whose number counts from 1. The means of the gradient and of its square start as
/// zeros.
///
/// # Panics
/// When the slices differ in length.
pub fn adam(
    workers: Workers<'_>,
    adam: &Adam,
    step: u64,
    weights: &mut [f32],
    gradient: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
) {
    assert_eq!(weights.len(), gradient.len(), "the numbers of the gradient");
    assert_eq!(weights.len(), mean.len(), "the numbers of the gradient's mean");
    assert_eq!(weights.len(), square.len(), "the numbers of the mean square");
    let factors = AdamFactors::new(adam, step);
    let values = weights.chunks_mut(PART_ELEMENTS).zip(gradient.chunks(PART_ELEMENTS));
    let moments = mean.chunks_mut(PART_ELEMENTS).zip(square.chunks_mut(PART_ELEMENTS));
    workers.each(values.zip(moments), |_, ((weights, gradient), (mean, square))| {
        adam_part(workers.level(), &factors, weights, gradient, mean, square);
    });
}

/// What a step of Adam multiplies by, computed once and in double precision.
struct AdamFactors {
    keep: f32,
    decay: f32,
    beta1: f32,
    beta2: f32,
    rest1: f32,
    rest2: f32,
    step: f32,
    root: f32,
    epsilon: f32,
}

impl AdamFactors {
    fn new(adam: &Adam, step: u64) -> Self {
        // The system's power may differ from one machine to another in its last bit.
        let [correction1, correction2] = [adam.beta1, adam.beta2].map(|beta| 1.0 - libm::pow(beta, step as f64));
        Self {
            keep: if adam.decoupled { (1.0 - adam.learning_rate * adam.weight_decay) as f32 } else { 1.0 },
            decay: if adam.decoupled { 0.0 } else { adam.weight_decay as f32 },
            beta1: adam.beta1 as f32,
            beta2: adam.beta2 as f32,
            rest1: (1.0 - adam.beta1) as f32,
            rest2: (1.0 - adam.beta2) as f32,
            step: (adam.learning_rate / correction1) as f32,
            root: (1.0 / correction2.sqrt()) as f32,
            epsilon: adam.epsilon as f32,
        }
    }
}

for_every_level! {
    fn adam_part(factors: &AdamFactors, weights: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32]) {
        let values = weights.iter_mut().zip(gradient);
        for ((weight, gradient), (mean, square)) in values.zip(mean.iter_mut().zip(square)) {
            let gradient = gradient + factors.decay * *weight;
            *mean = factors.beta1 * *mean + factors.rest1 * gradient;
            *square = factors.beta2 * *square + factors.rest2 * (gradient * gradient);
            *weight = factors.keep * *weight - factors.step * *mean / (square.sqrt() * factors.root + factors.epsilon);
        }
    }
}

for_every_level! {
    fn sgd_part(sgd: &Sgd, weights: &mut [f32], gradient: &[f32]) {
        let (rate, decay) = (sgd.learning_rate as f32, sgd.weight_decay as f32);
        for (weight, gradient) in weights.iter_mut().zip(gradient) {
            *weight -= rate * (gradient + decay * *weight);
        }
    }
}

for_every_level! {
    fn momentum_part(sgd: &Sgd, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        let (rate, momentum, decay) = (sgd.learning_rate as f32, sgd.momentum as f32, sgd.weight_decay as f32);
        for ((weight, gradient), velocity) in weights.iter_mut().zip(gradient).zip(velocity) {
            let gradient = gradient + decay * *weight;
            *velocity = momentum * *velocity + gradient;
            *weight -= rate * if sgd.nesterov { gradient + momentum * *velocity } else { *velocity };
        }
    }
}
