//! What an optimiser does to one parameter in one step, with the formulas of PyTorch's optimisers.

use crate::tensor::cpu::{Adam, Sgd};

/// One step without momentum, or with it where there is a velocity. A velocity starts as zero, which makes it the
/// gradient in the first rule.
pub(crate) fn sgd(rule: &Sgd, parameter: &mut [f32], gradient: &[f32], mut velocity: Option<&mut [f32]>) {
    for (place, (parameter, &gradient)) in parameter.iter_mut().zip(gradient).enumerate() {
        let decayed = f64::from(gradient) + rule.weight_decay * f64::from(*parameter);
        let direction = match velocity.as_mut().map(|velocity| &mut velocity[place]) {
            None => decayed,
            Some(velocity) => {
                *velocity = (rule.momentum * f64::from(*velocity) + decayed) as f32;
                if rule.nesterov { decayed + rule.momentum * f64::from(*velocity) } else { f64::from(*velocity) }
            }
        };
        *parameter = (f64::from(*parameter) - rule.learning_rate * direction) as f32;
    }
}

/// One step with the running means of the gradient and of its square.
pub(crate) fn adam(
    rule: &Adam,
    step: u64,
    parameter: &mut [f32],
    gradient: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
) {
    let [correction1, correction2] = [rule.beta1, rule.beta2].map(|beta| 1.0 - libm::pow(beta, step as f64));
    let moments = mean.iter_mut().zip(square);
    for ((parameter, &gradient), (mean, square)) in parameter.iter_mut().zip(gradient).zip(moments) {
        let mut value = f64::from(*parameter);
        let mut gradient = f64::from(gradient);
        if rule.decoupled {
            value *= 1.0 - rule.learning_rate * rule.weight_decay;
        } else {
            gradient += rule.weight_decay * value;
        }
        *mean = (rule.beta1 * f64::from(*mean) + (1.0 - rule.beta1) * gradient) as f32;
        *square = (rule.beta2 * f64::from(*square) + (1.0 - rule.beta2) * gradient * gradient) as f32;
        let denominator = (f64::from(*square) / correction2).sqrt() + rule.epsilon;
        *parameter = (value - rule.learning_rate / correction1 * f64::from(*mean) / denominator) as f32;
    }
}
