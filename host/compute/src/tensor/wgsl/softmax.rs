//! Softmax along an axis, its logarithm, and the cross-entropy of it: compositions of reductions and arithmetic. The
//! largest number is subtracted first, so that nothing overflows.

use super::elementwise::{combine, combine_same, map};
use super::kernel::{GROUP_INVOCATIONS, Kernel};
use super::reduction::{Reduce, reduce_axis};
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Arithmetic, Around, Function, Softmax};
use crate::tensor::shape::{PerAxis, RANK_MAX, Shape};
use crate::tensor::value::Tensor;

const CROSS_ENTROPY: &str = include_str!("kernels/cross_entropy.wgsl");
const CROSS_ENTROPY_BACKWARD: &str = include_str!("kernels/cross_entropy_backward.wgsl");

/// Softmax along an axis.
pub(crate) fn softmax(site: Site<'_>, kind: Softmax, around: Around, input: &Tensor) -> Result<Tensor, TensorError> {
    let lines = Lines::new(site, around)?;
    let shifted = lines.combine(Arithmetic::Subtract, input, &lines.reduce(Reduce::Max, input)?)?;
    let exponentials = map(site, Function::Exp, &shifted)?;
    let sum = lines.reduce(Reduce::Sum, &exponentials)?;
    let result = match kind {
        Softmax::Plain => lines.combine(Arithmetic::Divide, &exponentials, &sum)?,
        Softmax::Logarithm => lines.combine(Arithmetic::Subtract, &shifted, &map(site, Function::Log, &sum)?)?,
    };
    Ok(result.reshaped(*input.shape()))
}

/// The gradient of [`softmax`]'s input, from its result.
pub(crate) fn softmax_backward(
    site: Site<'_>,
    kind: Softmax,
    around: Around,
    result: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    let lines = Lines::new(site, around)?;
    let flat = |tensor: &Tensor| tensor.reshaped(lines.shape);
    let (result, gradient_of_lines) = (flat(result), flat(gradient));
    let input = match kind {
        Softmax::Plain => {
            let products = combine_same(site, Arithmetic::Multiply, &gradient_of_lines, &result)?;
            let sum = lines.reduce(Reduce::Sum, &products)?;
            let difference = lines.combine(Arithmetic::Subtract, &gradient_of_lines, &sum)?;
            combine_same(site, Arithmetic::Multiply, &result, &difference)?
        }
        Softmax::Logarithm => {
            let sum = lines.reduce(Reduce::Sum, &gradient_of_lines)?;
            let share = lines.combine(Arithmetic::Multiply, &map(site, Function::Exp, &result)?, &sum)?;
            combine_same(site, Arithmetic::Subtract, &gradient_of_lines, &share)?
        }
    };
    Ok(input.reshaped(*gradient.shape()))
}

/// The mean cross-entropy of rows of logits with their labels.
pub(crate) fn cross_entropy(
    site: Site<'_>,
    classes: usize,
    logits: &Tensor,
    labels: &[u32],
) -> Result<Tensor, TensorError> {
    let rows = labels.len();
    let logarithms = softmax(site, Softmax::Logarithm, Around { outer: rows, length: classes, inner: 1 }, logits)?;
    let losses = site.output(Shape::new(&[rows])?)?;
    let labels = site.indices(labels)?;
    let operands = [&*logarithms.numbers(site.queue)?, &labels.numbers, &*losses.numbers(site.queue)?];
    let parameters = Words::new().counts([rows, classes]);
    let groups = rows.div_ceil(GROUP_INVOCATIONS);
    site.run_on(Kernel::new(CROSS_ENTROPY), groups, GROUP_INVOCATIONS, parameters, &operands)?;
    let around = Around { outer: 1, length: rows, inner: 1 };
    reduce_axis(site, Reduce::Sum, around, &losses, Shape::SCALAR, (1.0 / rows as f64) as f32)
}

/// The gradient of [`cross_entropy`]'s logits, from that of the mean.
pub(crate) fn cross_entropy_backward(
    site: Site<'_>,
    classes: usize,
    logits: &Tensor,
    labels: &[u32],
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    let rows = labels.len();
    let logarithms = softmax(site, Softmax::Logarithm, Around { outer: rows, length: classes, inner: 1 }, logits)?;
    let output = site.output(*logits.shape())?;
    let labels = site.indices(labels)?;
    let numbers = [&logarithms, gradient, &output].map(|tensor| tensor.numbers(site.queue));
    let [logarithms, gradient, result] = numbers;
    let operands = [&*logarithms?, &labels.numbers, &*gradient?, &*result?];
    let parameters = Words::new().counts([rows * classes, classes]).number((1.0 / rows as f64) as f32);
    let groups = (rows * classes).div_ceil(GROUP_INVOCATIONS);
    site.run_on(Kernel::new(CROSS_ENTROPY_BACKWARD), groups, GROUP_INVOCATIONS, parameters, &operands)?;
    Ok(output)
}

/// A tensor as lines along an axis.
struct Lines<'a> {
    site: Site<'a>,
    around: Around,
    /// `[outer, length, inner]`.
    shape: Shape,
    /// `[outer, inner]`: one number for each line.
    one_each: Shape,
}

impl<'a> Lines<'a> {
    fn new(site: Site<'a>, around: Around) -> Result<Lines<'a>, TensorError> {
        let Around { outer, length, inner } = around;
        Ok(Lines { site, around, shape: Shape::new(&[outer, length, inner])?, one_each: Shape::new(&[outer, inner])? })
    }

    fn reduce(&self, reduce: Reduce, input: &Tensor) -> Result<Tensor, TensorError> {
        reduce_axis(self.site, reduce, self.around, input, self.one_each, 1.0)
    }

    /// Arithmetic of every number and that of its line.
    fn combine(&self, arithmetic: Arithmetic, numbers: &Tensor, one_each: &Tensor) -> Result<Tensor, TensorError> {
        let mut strides: PerAxis = [0; RANK_MAX];
        (strides[0], strides[2]) = (self.around.inner, 1);
        combine(self.site, arithmetic, self.shape, (numbers, self.shape.strides()), (one_each, strides))
    }
}
