use super::super::{Adam, Sgd, Workers, adam, sgd};
use super::{Products, assert_near, doubles, everywhere, numbers};

/// Several parts, and an odd number of weights.
const WEIGHTS: usize = 40_001;
const STEPS: u64 = 3;

fn gradient(step: u64) -> Vec<f32> {
    numbers(WEIGHTS, 10 + step as u32)
}

/// The weights after some steps of Adam as its paper and PyTorch's documentation have it.
fn adam_reference(settings: &Adam) -> Vec<f64> {
    let mut weights = doubles(&numbers(WEIGHTS, 1));
    let mut moments = vec![[0.0; 2]; WEIGHTS];
    for step in 1..=STEPS {
        for ((weight, [mean, square]), gradient) in weights.iter_mut().zip(&mut moments).zip(doubles(&gradient(step))) {
            let mut gradient = gradient;
            if settings.decoupled {
                *weight -= settings.learning_rate * settings.weight_decay * *weight;
            } else {
                gradient += settings.weight_decay * *weight;
            }
            *mean = settings.beta1 * *mean + (1.0 - settings.beta1) * gradient;
            *square = settings.beta2 * *square + (1.0 - settings.beta2) * gradient * gradient;
            let mean = *mean / (1.0 - settings.beta1.powi(step as i32));
            let square = *square / (1.0 - settings.beta2.powi(step as i32));
            *weight -= settings.learning_rate * mean / (square.sqrt() + settings.epsilon);
        }
    }
    weights
}

#[test]
fn adam_takes_the_steps_of_its_formula() {
    for (weight_decay, decoupled) in [(0.0, false), (0.1, false), (0.1, true)] {
        let settings = Adam { learning_rate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay, decoupled };
        let right = adam_reference(&settings);
        let kernel = |workers: Workers<'_>| {
            let mut weights = numbers(WEIGHTS, 1);
            let (mut mean, mut square) = (vec![0.0; WEIGHTS], vec![0.0; WEIGHTS]);
            for step in 1..=STEPS {
                adam(workers, &settings, step, &mut weights, &gradient(step), &mut mean, &mut square);
            }
            weights
        };
        everywhere(Products::Plain, kernel, |found| assert_near(found, &right, 1.0, 2.0));
    }
}

#[test]
fn stochastic_gradient_descent_takes_the_steps_of_its_formula() {
    for (momentum, nesterov) in [(None, false), (Some(0.9), false), (Some(0.9), true)] {
        let settings = Sgd { learning_rate: 0.1, momentum: momentum.unwrap_or_default(), weight_decay: 0.01, nesterov };
        let mut right = doubles(&numbers(WEIGHTS, 1));
        let mut velocities = vec![0.0; WEIGHTS];
        for step in 1..=STEPS {
            for ((weight, velocity), gradient) in right.iter_mut().zip(&mut velocities).zip(doubles(&gradient(step))) {
                let gradient = gradient + settings.weight_decay * *weight;
                *velocity = settings.momentum * *velocity + gradient;
                *weight -= settings.learning_rate
                    * if nesterov { gradient + settings.momentum * *velocity } else { *velocity };
            }
        }
        let kernel = |workers: Workers<'_>| {
            let (mut weights, mut velocity) = (numbers(WEIGHTS, 1), vec![0.0; WEIGHTS]);
            for step in 1..=STEPS {
                let velocity = momentum.map(|_| velocity.as_mut_slice());
                sgd(workers, &settings, &mut weights, &gradient(step), velocity);
            }
            weights
        };
        everywhere(Products::Plain, kernel, |found| assert_near(found, &right, 1.0, 2.0));
    }
}
