//! Bias and rectified linear units, for layers whose product does not end with them.

use super::level::for_every_level;
use super::workers::Workers;

/// Adds a bias to every row, in place; with `relu`, what is below zero becomes zero.
///
/// # Panics
/// When the values are not rows as long as the bias.
pub fn add_bias(workers: Workers<'_>, bias: &[f32], relu: bool, values: &mut [f32]) {
    if values.is_empty() {
        return;
    }
    assert!(!bias.is_empty() && values.len().is_multiple_of(bias.len()), "rows as long as the bias");
    workers.chunks(values, bias.len(), |_, values| add_to_rows(workers.level(), bias, relu, values));
}

/// What is below zero becomes zero; what is not a number stays so.
///
/// # Panics
/// When the slices differ in length.
pub fn relu(workers: Workers<'_>, input: &[f32], output: &mut [f32]) {
    assert_eq!(input.len(), output.len(), "the numbers of the output");
    workers.chunks(output, 1, |first, output| rectify(workers.level(), &input[first..][..output.len()], output));
}

/// The gradient of the input of [`relu`], from its output: that of the output where it is above zero.
///
/// # Panics
/// When the slices differ in length.
pub fn relu_backward(workers: Workers<'_>, output: &[f32], gradient: &[f32], result: &mut [f32]) {
    assert!(output.len() == result.len() && gradient.len() == result.len(), "the numbers of the gradient");
    workers.chunks(result, 1, |first, result| {
        let range = first..first + result.len();
        where_positive(workers.level(), &output[range.clone()], &gradient[range], result);
    });
}

/// The number, or zero if it is less. Written so that what is not a number stays so.
#[inline(always)]
pub(super) fn rectified(number: f32) -> f32 {
    if number < 0.0 { 0.0 } else { number }
}

for_every_level! {
    fn add_to_rows(bias: &[f32], relu: bool, values: &mut [f32]) {
        for row in values.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                let sum = *value + bias;
                *value = if relu { rectified(sum) } else { sum };
            }
        }
    }
}

for_every_level! {
    fn rectify(input: &[f32], output: &mut [f32]) {
        for (output, input) in output.iter_mut().zip(input) {
            *output = rectified(*input);
        }
    }
}

for_every_level! {
    /// The gradient where the output is above zero, and zero elsewhere.
    pub(super) fn where_positive(output: &[f32], gradient: &[f32], result: &mut [f32]) {
        for ((result, gradient), output) in result.iter_mut().zip(gradient).zip(output) {
            *result = if *output > 0.0 { *gradient } else { 0.0 };
        }
    }
}
