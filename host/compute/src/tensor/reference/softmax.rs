//! Softmax along an axis, and the cross-entropy of it. An axis of `length` lies between `outer` and `inner` other
//! elements. The largest number is subtracted first, so that nothing overflows.

use crate::tensor::cpu::Around;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Softmax {
    /// eˣ over the sum of all eˣ.
    Plain,
    /// Its logarithm.
    Logarithm,
}

/// The softmax, or its logarithm, along an axis.
pub(crate) fn forward(kind: Softmax, around: Around, input: &[f32], output: &mut [f32]) {
    for_each_line(around, |line| {
        let logarithm = log_sum_exp(line.clone().map(|place| input[place]));
        for place in line {
            let log = f64::from(input[place]) - logarithm;
            output[place] = match kind {
                Softmax::Plain => libm::exp(log) as f32,
                Softmax::Logarithm => log as f32,
            };
        }
    });
}

/// The gradient of the input, from the result of [`forward`].
pub(crate) fn backward(kind: Softmax, around: Around, result: &[f32], gradient: &[f32], output: &mut [f32]) {
    for_each_line(around, |line| {
        let product = |place: usize| match kind {
            Softmax::Plain => f64::from(gradient[place]) * f64::from(result[place]),
            Softmax::Logarithm => f64::from(gradient[place]),
        };
        let sum: f64 = line.clone().map(product).sum();
        for place in line {
            let (gradient, result) = (f64::from(gradient[place]), f64::from(result[place]));
            output[place] = match kind {
                Softmax::Plain => (result * (gradient - sum)) as f32,
                Softmax::Logarithm => (gradient - libm::exp(result) * sum) as f32,
            };
        }
    });
}

/// The mean of `−log softmax(logits)[label]` over the rows of `classes` logits. Every label is below `classes`.
#[cfg(test)]
pub(crate) fn cross_entropy(classes: usize, logits: &[f32], labels: &[u32]) -> f32 {
    let mut sum = 0.0;
    for (row, &label) in logits.chunks_exact(classes.max(1)).zip(labels) {
        sum += log_sum_exp(row.iter().copied()) - f64::from(row[label as usize]);
    }
    (sum / labels.len() as f64) as f32
}

/// The gradient of the logits of [`cross_entropy`] for a gradient of its result.
#[cfg(test)]
pub(crate) fn cross_entropy_backward(
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    gradient: f32,
    output: &mut [f32],
) {
    let scale = f64::from(gradient) / labels.len() as f64;
    let rows = logits.chunks_exact(classes.max(1)).zip(output.chunks_exact_mut(classes.max(1)));
    for ((row, out), &label) in rows.zip(labels) {
        let logarithm = log_sum_exp(row.iter().copied());
        for (class, (out, &logit)) in out.iter_mut().zip(row).enumerate() {
            let target = if class == label as usize { 1.0 } else { 0.0 };
            *out = (scale * (libm::exp(f64::from(logit) - logarithm) - target)) as f32;
        }
    }
}

fn log_sum_exp(numbers: impl Iterator<Item = f32> + Clone) -> f64 {
    let largest = f64::from(numbers.clone().fold(f32::NEG_INFINITY, f32::max));
    largest + libm::log(numbers.map(|x| libm::exp(f64::from(x) - largest)).sum())
}

fn for_each_line(
    Around { outer, length, inner }: Around,
    mut visit: impl FnMut(std::iter::StepBy<std::ops::Range<usize>>),
) {
    if length == 0 {
        return;
    }
    for o in 0..outer {
        for i in 0..inner {
            let start = o * length * inner + i;
            visit((start..start + (length - 1) * inner + 1).step_by(inner));
        }
    }
}
