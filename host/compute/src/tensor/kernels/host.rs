//! The kernels of the processors, on elements that the host has.
//!
//! What takes time is in `cpu`. The plain loops of `reference` compute the rest: functions of single elements, which
//! this module hands to the threads in chunks, and layouts that the fast kernels do not know.

#[cfg(test)]
mod tests;

use crate::tensor::cpu::{
    self, Adam, Around, Batched, ConvBackward, ConvGradients, ConvShape, Normalisation, PoolShape, Sgd, Statistics,
};
use crate::tensor::executor::Executor;
use crate::tensor::reference;
use crate::tensor::reference::elementwise::{Arithmetic, Function};
use crate::tensor::reference::lstm::StepValues;
use crate::tensor::reference::softmax::Softmax;
use crate::tensor::shape::{PerAxis, Shape};

/// `output[i] = function(input[i])`.
pub(crate) fn map(executor: &Executor, function: Function, input: &[f32], output: &mut [f32]) {
    executor.for_each_chunk(output, |range, chunk| reference::elementwise::map(function, &input[range], chunk));
}

/// The gradient of [`map`]'s input; see [`Function::slope_of`] for what is kept.
pub(crate) fn map_backward(
    executor: &Executor,
    function: Function,
    kept: &[f32],
    gradient: &[f32],
    output: &mut [f32],
) {
    executor.for_each_chunk(output, |range, chunk| {
        // Nothing is kept where the derivative is the same everywhere.
        let kept = kept.get(range.clone()).unwrap_or_default();
        reference::elementwise::map_backward(function, kept, &gradient[range], chunk);
    });
}

/// Arithmetic with broadcasting by strides.
pub(crate) fn combine(
    _: &Executor,
    arithmetic: Arithmetic,
    shape: &Shape,
    left: (&[f32], PerAxis),
    right: (&[f32], PerAxis),
    output: &mut [f32],
) {
    reference::elementwise::combine(arithmetic, shape, left, right, output);
}

/// Arithmetic of two slices of the same length.
pub(crate) fn combine_same(
    executor: &Executor,
    arithmetic: Arithmetic,
    left: &[f32],
    right: &[f32],
    output: &mut [f32],
) {
    executor.for_each_chunk(output, |range, chunk| {
        reference::elementwise::combine_same(arithmetic, &left[range.clone()], &right[range], chunk);
    });
}

/// A copy from one layout to another.
pub(crate) fn copy(_: &Executor, shape: &Shape, from: (&[f32], PerAxis), to: (&mut [f32], PerAxis)) {
    reference::elementwise::copy(shape, from, to);
}

/// A batch of products of matrices.
pub(crate) fn gemm(executor: &Executor, shape: Batched, left: &[f32], right: &[f32], output: &mut [f32]) {
    if shape.batch == 1 {
        linear(executor, shape, left, right, None, None, output);
    } else {
        cpu::gemm_batched(executor.workers(), shape, left, right, output, false);
    }
}

/// A product of two matrices, in a batch of one, plus a bias for every column, through a function.
pub(crate) fn linear(
    executor: &Executor,
    shape: Batched,
    left: &[f32],
    right: &[f32],
    bias: Option<&[f32]>,
    function: Option<Function>,
    output: &mut [f32],
) {
    let (left, right) = shape.operands(left, right, 0);
    let (relu, function) = split_relu(function);
    cpu::gemm(executor.workers(), left, right, output, cpu::Finish { accumulate: false, bias, relu });
    map_in_place(executor, function, output);
}

/// Convolution, plus bias, through a function.
pub(crate) fn convolution(
    executor: &Executor,
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    function: Option<Function>,
    output: &mut [f32],
) {
    let (relu, function) = split_relu(function);
    cpu::conv2d(executor.workers(), shape, input, weight, bias, relu, output);
    map_in_place(executor, function, output);
}

/// The gradients of [`convolution`], but for functions other than ReLU.
pub(crate) fn convolution_backward(
    executor: &Executor,
    shape: &ConvShape,
    from: ConvBackward<'_>,
    to: ConvGradients<'_>,
) {
    cpu::conv2d_backward(executor.workers(), shape, from, to);
}

/// The largest number of each window.
pub(crate) fn max_pool(executor: &Executor, shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    cpu::max_pool(executor.workers(), shape, input, output);
}

/// The gradient of [`max_pool`]'s input.
pub(crate) fn max_pool_backward(
    executor: &Executor,
    shape: &PoolShape,
    input: &[f32],
    gradient: &[f32],
    output: &mut [f32],
) {
    cpu::max_pool_backward(executor.workers(), shape, input, gradient, output);
}

/// The mean of each window.
pub(crate) fn average_pool(executor: &Executor, shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    cpu::average_pool(executor.workers(), shape, input, output);
}

/// The gradient of [`average_pool`]'s input.
pub(crate) fn average_pool_backward(executor: &Executor, shape: &PoolShape, gradient: &[f32], output: &mut [f32]) {
    cpu::average_pool_backward(executor.workers(), shape, gradient, output);
}

/// The mean and the variance of each group.
pub(crate) fn statistics(
    executor: &Executor,
    shape: &Normalisation,
    input: &[f32],
    mean: &mut [f32],
    variance: &mut [f32],
) {
    cpu::statistics(executor.workers(), shape, input, mean, variance);
}

/// Each group normalised, scaled and shifted.
pub(crate) fn normalise(
    executor: &Executor,
    shape: &Normalisation,
    statistics: Statistics<'_>,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    cpu::normalise(executor.workers(), shape, statistics, input, weight, bias, output);
}

/// The gradient of [`normalise`]'s input, whose own the statistics are or are not.
#[expect(clippy::too_many_arguments, reason = "a gradient takes what the operation took")]
pub(crate) fn normalise_backward_input(
    executor: &Executor,
    shape: &Normalisation,
    statistics: Statistics<'_>,
    own: bool,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    output: &mut [f32],
) {
    cpu::normalise_backward_input(executor.workers(), shape, statistics, own, input, weight, gradient, output);
}

/// The gradients of [`normalise`]'s weight and bias.
pub(crate) fn normalise_backward_parameters(
    executor: &Executor,
    shape: &Normalisation,
    statistics: Statistics<'_>,
    input: &[f32],
    gradient: &[f32],
    weight: &mut [f32],
    bias: &mut [f32],
) {
    cpu::normalise_backward_parameters(executor.workers(), shape, statistics, input, gradient, weight, bias);
}

/// Softmax along an axis. The fast kernels are for the last one.
pub(crate) fn softmax(executor: &Executor, kind: Softmax, around: Around, input: &[f32], output: &mut [f32]) {
    match (around.inner, kind) {
        (1, Softmax::Plain) => cpu::softmax(executor.workers(), around.length, input, output),
        (1, Softmax::Logarithm) => cpu::log_softmax(executor.workers(), around.length, input, output),
        _ => reference::softmax::forward(kind, around, input, output),
    }
}

/// The gradient of [`softmax`]'s input, from its result.
pub(crate) fn softmax_backward(
    executor: &Executor,
    kind: Softmax,
    around: Around,
    result: &[f32],
    gradient: &[f32],
    output: &mut [f32],
) {
    let (workers, columns) = (executor.workers(), around.length);
    match (around.inner, kind) {
        (1, Softmax::Plain) => cpu::softmax_backward(workers, columns, result, gradient, output),
        (1, Softmax::Logarithm) => cpu::log_softmax_backward(workers, columns, result, gradient, output),
        _ => reference::softmax::backward(kind, around, result, gradient, output),
    }
}

/// The mean cross-entropy of rows of logits with their labels.
pub(crate) fn cross_entropy(executor: &Executor, classes: usize, logits: &[f32], labels: &[u32]) -> f32 {
    // Without classes there are no rows either, since no label is below 0.
    cpu::cross_entropy(executor.workers(), classes.max(1), logits, labels)
}

/// The gradient of [`cross_entropy`]'s logits.
pub(crate) fn cross_entropy_backward(
    executor: &Executor,
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    gradient: f32,
    output: &mut [f32],
) {
    cpu::cross_entropy_backward(executor.workers(), classes, logits, labels, gradient, output);
}

/// One step of a long short-term memory.
pub(crate) fn lstm_step(
    _: &Executor,
    hidden: usize,
    gates: &mut [f32],
    before: &[f32],
    cell: &mut [f32],
    state: &mut [f32],
) {
    reference::lstm::step(hidden, gates, before, cell, state);
}

/// The gradients of [`lstm_step`].
pub(crate) fn lstm_step_backward(
    _: &Executor,
    hidden: usize,
    values: StepValues<'_>,
    state_gradient: &[f32],
    cell_gradient: &mut [f32],
    sums_gradient: &mut [f32],
) {
    reference::lstm::step_backward(hidden, values, state_gradient, cell_gradient, sums_gradient);
}

/// Sums, times a factor, to where the output's strides lay each element. The fast kernels are for reduced axes that lie
/// together.
pub(crate) fn sum(
    executor: &Executor,
    shape: &Shape,
    input: &[f32],
    output_strides: PerAxis,
    factor: f64,
    output: &mut [f32],
) {
    match Around::reduced(shape, output_strides) {
        Some(around) => cpu::sum_axis(executor.workers(), around, factor as f32, input, output),
        None => reference::reduction::sum(shape, input, output_strides, factor, output),
    }
}

/// The largest numbers, to where the output's strides lay each element.
pub(crate) fn max(executor: &Executor, shape: &Shape, input: &[f32], output_strides: PerAxis, output: &mut [f32]) {
    match Around::reduced(shape, output_strides) {
        Some(around) => cpu::max_axis(executor.workers(), around, input, output),
        None => reference::reduction::max(shape, input, output_strides, output),
    }
}

/// The places of the largest numbers along an axis.
pub(crate) fn argmax(_: &Executor, around: Around, input: &[f32]) -> Vec<u32> {
    reference::reduction::argmax(around, input)
}

/// The sum of the squares.
pub(crate) fn sum_of_squares(executor: &Executor, input: &[f32]) -> f64 {
    cpu::sum_of_squares(executor.workers(), input)
}

/// One step of stochastic gradient descent.
pub(crate) fn sgd(
    executor: &Executor,
    rule: &Sgd,
    parameter: &mut [f32],
    gradient: &[f32],
    velocity: Option<&mut [f32]>,
) {
    cpu::sgd(executor.workers(), rule, parameter, gradient, velocity);
}

/// One step of Adam or AdamW, whose number counts from 1.
pub(crate) fn adam(
    executor: &Executor,
    rule: &Adam,
    step: u64,
    parameter: &mut [f32],
    gradient: &[f32],
    [mean, square]: [&mut [f32]; 2],
) {
    cpu::adam(executor.workers(), rule, step, parameter, gradient, mean, square);
}

/// Uniform random numbers.
pub(crate) fn uniform(executor: &Executor, seed: u64, low: f32, high: f32, output: &mut [f32]) {
    executor.for_each_chunk(output, |range, chunk| reference::random::uniform(seed, low, high, range.start, chunk));
}

/// Normal random numbers.
pub(crate) fn normal(executor: &Executor, seed: u64, mean: f32, deviation: f32, output: &mut [f32]) {
    executor.for_each_chunk(output, |range, chunk| {
        reference::random::normal(seed, mean, deviation, range.start, chunk);
    });
}

/// Which elements are kept by dropout, and their factor.
pub(crate) fn dropout_mask(executor: &Executor, seed: u64, probability: f32, output: &mut [f32]) {
    executor.for_each_chunk(output, |range, chunk| {
        reference::random::dropout_mask(seed, probability, range.start, chunk);
    });
}

/// The rows of a table that the indices name.
pub(crate) fn rows_of(table: &[f32], indices: &[u32], output: &mut [f32]) {
    let columns = output.len() / indices.len().max(1);
    for (to, &index) in output.chunks_exact_mut(columns.max(1)).zip(indices) {
        to.copy_from_slice(&table[index as usize * columns..][..columns]);
    }
}

/// The gradient of [`rows_of`]'s table.
pub(crate) fn rows_of_backward(indices: &[u32], gradient: &[f32], output: &mut [f32]) {
    let columns = gradient.len() / indices.len().max(1);
    output.fill(0.0);
    for (from, &index) in gradient.chunks_exact(columns.max(1)).zip(indices) {
        let row = &mut output[index as usize * columns..][..columns];
        row.iter_mut().zip(from).for_each(|(sum, number)| *sum += number);
    }
}

/// Whether a kernel is to end with ReLU, and else the function that is left to do.
fn split_relu(function: Option<Function>) -> (bool, Option<Function>) {
    if function == Some(Function::Relu) { (true, None) } else { (false, function) }
}

fn map_in_place(executor: &Executor, function: Option<Function>, values: &mut [f32]) {
    if let Some(function) = function {
        executor.for_each_chunk(values, |_, chunk| reference::elementwise::map_in_place(function, chunk));
    }
}
