//! Sums and largest numbers along axes. An axis is reduced in rounds, to a number of parts and in the end to one, so that
//! there is enough to do for all of a device, and the order is one that the length alone decides.

use super::elementwise;
use super::kernel::{GROUP_INVOCATIONS, Kernel};
use super::layout;
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Arithmetic, Around};
use crate::tensor::layout::Layout;
use crate::tensor::shape::{PerAxis, RANK_MAX, Shape};
use crate::tensor::value::Tensor;

const REDUCE: &str = include_str!("kernels/reduce.wgsl");

/// How many numbers an invocation brings together in a round.
const NUMBERS_OF_PART: usize = 64;

/// What two numbers become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduce {
    Sum,
    Max,
}

/// Reduces axes, as a tensor of this shape in which the strides say where each element goes, and multiplies with a factor.
pub(crate) fn reduce(
    site: Site<'_>,
    reduce: Reduce,
    input: &Tensor,
    shape: Shape,
    strides: PerAxis,
    factor: f32,
) -> Result<Tensor, TensorError> {
    match Around::reduced(input.shape(), strides) {
        Some(around) => reduce_axis(site, reduce, around, input, shape, factor),
        None => {
            let (together, around) = axes_together(site, input, strides)?;
            reduce_axis(site, reduce, around, &together, shape, factor)
        }
    }
}

/// Reduces one axis.
pub(super) fn reduce_axis(
    site: Site<'_>,
    reduce: Reduce,
    Around { outer, length, inner }: Around,
    input: &Tensor,
    shape: Shape,
    factor: f32,
) -> Result<Tensor, TensorError> {
    let mut numbers = input.clone();
    let mut length = length;
    loop {
        let parts = length.div_ceil(NUMBERS_OF_PART);
        let is_last = parts == 1;
        let output = site.output(if is_last { shape } else { Shape::new(&[outer, parts, inner])? })?;
        let step = if reduce == Reduce::Sum { "sum + number" } else { "max(sum, number)" };
        let parameters = Words::new().counts([length, inner, parts]).number(if is_last { factor } else { 1.0 });
        let elements = outer * parts * inner;
        let kernel = Kernel::new(REDUCE).with("$STEP", step);
        let parameters = Words::new().count(elements).and(&parameters);
        let (groups, work) = (elements.div_ceil(GROUP_INVOCATIONS), GROUP_INVOCATIONS * NUMBERS_OF_PART);
        site.run(kernel, groups, work, parameters, &[&numbers, &output])?;
        if is_last {
            return Ok(output);
        }
        (numbers, length) = (output, parts);
    }
}

/// The sum of the squares, as a tensor of one number.
pub(crate) fn sum_of_squares(site: Site<'_>, input: &Tensor, factor: f32) -> Result<Tensor, TensorError> {
    let squares = elementwise::combine_same(site, Arithmetic::Multiply, input, input)?;
    let around = Around { outer: 1, length: input.shape().elements(), inner: 1 };
    reduce_axis(site, Reduce::Sum, around, &squares, Shape::SCALAR, factor)
}

/// A tensor with the axes that are reduced behind the others, as one, and where that lies.
fn axes_together(site: Site<'_>, input: &Tensor, strides: PerAxis) -> Result<(Tensor, Around), TensorError> {
    let shape = input.shape();
    let mut order: Vec<usize> = (0..shape.rank()).collect();
    // Those with a stride keep their order, in which they are in the output too.
    order.sort_by_key(|&axis| strides[axis] == 0);
    let from = shape.strides();
    let mut permuted = [0; RANK_MAX];
    for (stride, &axis) in permuted.iter_mut().zip(&order) {
        *stride = from[axis];
    }
    let lengths: Vec<_> = order.iter().map(|&axis| shape.dimensions()[axis]).collect();
    let kept = order.iter().filter(|&&axis| strides[axis] != 0).map(|&axis| shape.dimensions()[axis]);
    let outer: usize = kept.product();
    let ordered = Shape::new(&lengths)?;
    let output = site.output(ordered)?;
    layout::copy(site, &ordered, (input, Layout { start: 0, strides: permuted }), (&output, Layout::of(&ordered)))?;
    Ok((output, Around { outer, length: shape.elements() / outer, inner: 1 }))
}
