//! Softmax of rows, its logarithm, and the cross-entropy of logits with labels. The largest number of a row is
//! subtracted first, so that nothing overflows.

use super::exp::exp;
use super::level::for_every_level;
use super::reduce::{largest, sum_of, sum_of_pairs, sum_rows};
use super::workers::Workers;

/// eˣ over the sum of all eˣ of the row.
///
/// # Panics
/// When the slices aren't rows of so many columns, or differ in length.
pub fn softmax(workers: Workers<'_>, columns: usize, input: &[f32], output: &mut [f32]) {
    rows(workers, columns, input, output, |input, output| softmax_rows(workers.level(), columns, input, output));
}

/// The logarithm of [`softmax`].
///
/// # Panics
/// As [`softmax`].
pub fn log_softmax(workers: Workers<'_>, columns: usize, input: &[f32], output: &mut [f32]) {
    rows(workers, columns, input, output, |input, output| log_softmax_rows(workers.level(), columns, input, output));
}

/// The gradient of the input of [`softmax`], from its result and that one's gradient.
///
/// # Panics
/// As [`softmax`].
pub fn softmax_backward(workers: Workers<'_>, columns: usize, result: &[f32], gradient: &[f32], output: &mut [f32]) {
    assert_eq!(result.len(), output.len(), "the numbers of the result");
    rows_at(workers, columns, gradient, output, |first, gradient, output| {
        let result = &result[first..][..output.len()];
        softmax_rows_backward(workers.level(), columns, result, gradient, output);
    });
}

/// The gradient of the input of [`log_softmax`], from its result and that one's gradient.
///
/// # Panics
/// As [`softmax`].
pub fn log_softmax_backward(
    workers: Workers<'_>,
    columns: usize,
    result: &[f32],
    gradient: &[f32],
    output: &mut [f32],
) {
    assert_eq!(result.len(), output.len(), "the numbers of the result");
    rows_at(workers, columns, gradient, output, |first, gradient, output| {
        let result = &result[first..][..output.len()];
        log_softmax_rows_backward(workers.level(), columns, result, gradient, output);
    });
}

/// The mean of −log softmax(logits)\[label\] over the rows. Not a number where there is no row.
///
/// # Panics
/// When there aren't as many logits as labels times classes, or a label is no class.
pub fn cross_entropy(workers: Workers<'_>, classes: usize, logits: &[f32], labels: &[u32]) -> f32 {
    check_labels(classes, logits, labels);
    let sum = sum_rows(workers, labels.len(), classes, 1, |range, sum| {
        let logits = &logits[range.start * classes..range.end * classes];
        cross_entropy_rows(workers.level(), classes, logits, &labels[range], &mut sum[0]);
    });
    sum[0] / labels.len() as f32
}

/// The gradient of the logits of [`cross_entropy`], from that of its result.
///
/// # Panics
/// As [`cross_entropy`].
pub fn cross_entropy_backward(
    workers: Workers<'_>,
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    gradient: f32,
    output: &mut [f32],
) {
    check_labels(classes, logits, labels);
    let scale = gradient / labels.len() as f32;
    rows_at(workers, classes, logits, output, |first, logits, output| {
        let labels = &labels[first / classes..][..output.len() / classes];
        cross_entropy_rows_backward(workers.level(), classes, logits, labels, scale, output);
    });
}

fn check_labels(classes: usize, logits: &[f32], labels: &[u32]) {
    assert_eq!(logits.len(), labels.len() * classes, "the numbers of the logits");
    assert!(labels.iter().all(|&label| (label as usize) < classes), "every label is a class");
}

fn rows(
    workers: Workers<'_>,
    columns: usize,
    input: &[f32],
    output: &mut [f32],
    work: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    rows_at(workers, columns, input, output, |_, input, output| work(input, output));
}

/// Runs work for whole rows of the input and the output; it gets the place of the first number, too.
fn rows_at(
    workers: Workers<'_>,
    columns: usize,
    input: &[f32],
    output: &mut [f32],
    work: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) {
    assert_eq!(input.len(), output.len(), "the numbers of the output");
    assert!(output.is_empty() || (columns > 0 && output.len().is_multiple_of(columns)), "whole rows");
    workers.chunks(output, columns, |first, output| work(first, &input[first..][..output.len()], output));
}

/// The logarithm of the sum of all eˣ of a row.
#[inline(always)]
fn log_sum_exp(row: &[f32]) -> f32 {
    let maximum = largest(row);
    libm::logf(sum_of(row, |x| exp(x - maximum))) + maximum
}

for_every_level! {
    fn softmax_rows(columns: usize, input: &[f32], output: &mut [f32]) {
        for (input, output) in input.chunks_exact(columns).zip(output.chunks_exact_mut(columns)) {
            let maximum = largest(input);
            for (output, x) in output.iter_mut().zip(input) {
                *output = exp(x - maximum);
            }
            let factor = 1.0 / sum_of(output, |x| x);
            for output in output {
                *output *= factor;
            }
        }
    }
}

for_every_level! {
    fn log_softmax_rows(columns: usize, input: &[f32], output: &mut [f32]) {
        for (input, output) in input.chunks_exact(columns).zip(output.chunks_exact_mut(columns)) {
            let maximum = largest(input);
            let logarithm = libm::logf(sum_of(input, |x| exp(x - maximum)));
            for (output, x) in output.iter_mut().zip(input) {
                *output = (x - maximum) - logarithm;
            }
        }
    }
}

for_every_level! {
    fn softmax_rows_backward(columns: usize, result: &[f32], gradient: &[f32], output: &mut [f32]) {
        let rows = result.chunks_exact(columns).zip(gradient.chunks_exact(columns));
        for ((result, gradient), output) in rows.zip(output.chunks_exact_mut(columns)) {
            let along = sum_of_pairs(result, gradient, |result, gradient| result * gradient);
            for ((output, result), gradient) in output.iter_mut().zip(result).zip(gradient) {
                *output = result * (gradient - along);
            }
        }
    }
}

for_every_level! {
    fn log_softmax_rows_backward(columns: usize, result: &[f32], gradient: &[f32], output: &mut [f32]) {
        let rows = result.chunks_exact(columns).zip(gradient.chunks_exact(columns));
        for ((result, gradient), output) in rows.zip(output.chunks_exact_mut(columns)) {
            let along = sum_of(gradient, |x| x);
            for ((output, result), gradient) in output.iter_mut().zip(result).zip(gradient) {
                *output = gradient - exp(*result) * along;
            }
        }
    }
}

for_every_level! {
    fn cross_entropy_rows(classes: usize, logits: &[f32], labels: &[u32], sum: &mut f32) {
        for (row, &label) in logits.chunks_exact(classes).zip(labels) {
            *sum += log_sum_exp(row) - row[label as usize];
        }
    }
}

for_every_level! {
    fn cross_entropy_rows_backward(
        classes: usize,
        logits: &[f32],
        labels: &[u32],
        scale: f32,
        output: &mut [f32],
    ) {
        let rows = logits.chunks_exact(classes).zip(output.chunks_exact_mut(classes));
        for ((row, output), &label) in rows.zip(labels) {
            let maximum = largest(row);
            for (output, x) in output.iter_mut().zip(row) {
                *output = exp(x - maximum);
            }
            let factor = scale / sum_of(output, |x| x);
            for output in output.iter_mut() {
                *output *= factor;
            }
            output[label as usize] -= scale;
        }
    }
}
