//! Convolution and its gradients, as products whose operands are found in the images.

use super::product::{Finish, Product, multiply};
use super::reduction::{Reduce, reduce_axis};
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Around, ConvShape, Function};
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

const OPERANDS: &str =
    concat!(include_str!("kernels/convolution.wgsl"), include_str!("kernels/operands_convolution.wgsl"));
const OPERANDS_OF_INPUT: &str =
    concat!(include_str!("kernels/convolution.wgsl"), include_str!("kernels/operands_convolution_input.wgsl"));
const OPERANDS_OF_WEIGHT: &str =
    concat!(include_str!("kernels/convolution.wgsl"), include_str!("kernels/operands_convolution_weight.wgsl"));

/// The largest length with which the kernels compute: sums of two do not overflow.
const LENGTH_MAX: usize = 1 << 30;

/// Whether there are kernels for these sizes.
pub(crate) fn fits(sizes: &ConvShape) -> bool {
    let lengths = [sizes.height, sizes.width].into_iter().chain(sizes.kernel).chain(sizes.stride).chain(sizes.padding);
    lengths.into_iter().all(|length| length <= LENGTH_MAX)
}

/// Convolution, plus bias, through a function, as a tensor of this shape.
pub(crate) fn convolution(
    site: Site<'_>,
    sizes: &ConvShape,
    operands: [&Tensor; 2],
    bias: Option<&Tensor>,
    function: Option<Function>,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let product = Product {
        batch: 1,
        rows: windows(sizes),
        columns: sizes.out_channels,
        terms: taps(sizes) * sizes.in_channels,
        operands,
        source: OPERANDS,
        parameters: parameters(sizes),
    };
    multiply(site, &product, Finish { bias, function }, shape)
}

/// The gradient of the input, which has this shape, from the gradient of the output and the weight.
pub(crate) fn convolution_of_input(
    site: Site<'_>,
    sizes: &ConvShape,
    operands: [&Tensor; 2],
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let product = Product {
        batch: 1,
        rows: sizes.batch * sizes.height * sizes.width,
        columns: sizes.in_channels,
        terms: taps(sizes) * sizes.out_channels,
        operands,
        source: OPERANDS_OF_INPUT,
        parameters: parameters(sizes),
    };
    multiply(site, &product, Finish::default(), shape)
}

/// The gradient of the weight, which has this shape, from the gradient of the output and the input.
pub(crate) fn convolution_of_weight(
    site: Site<'_>,
    sizes: &ConvShape,
    operands: [&Tensor; 2],
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let product = Product {
        batch: 1,
        rows: sizes.out_channels,
        columns: taps(sizes) * sizes.in_channels,
        terms: windows(sizes),
        operands,
        source: OPERANDS_OF_WEIGHT,
        parameters: parameters(sizes),
    };
    multiply(site, &product, Finish::default(), shape)
}

/// The gradient of the bias, from that of the output.
pub(crate) fn convolution_of_bias(site: Site<'_>, sizes: &ConvShape, gradient: &Tensor) -> Result<Tensor, TensorError> {
    let around = Around { outer: 1, length: windows(sizes), inner: sizes.out_channels };
    reduce_axis(site, Reduce::Sum, around, gradient, Shape::new(&[sizes.out_channels])?, 1.0)
}

fn windows(sizes: &ConvShape) -> usize {
    sizes.batch * sizes.out_height() * sizes.out_width()
}

fn taps(sizes: &ConvShape) -> usize {
    sizes.kernel[0] * sizes.kernel[1]
}

fn parameters(sizes: &ConvShape) -> Words {
    Words::new()
        .counts([sizes.height, sizes.width, sizes.in_channels, sizes.out_channels])
        .counts(sizes.kernel)
        .counts([sizes.out_height(), sizes.out_width()])
        .counts(sizes.stride)
        .counts(sizes.padding)
}
