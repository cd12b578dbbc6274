//! One element at a time: functions of one number, arithmetic of two with broadcasting, and one number throughout.

use super::kernel::Kernel;
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Arithmetic, Function};
use crate::tensor::shape::{PerAxis, Shape};
use crate::tensor::value::Tensor;

const MAP: &str = include_str!("kernels/map.wgsl");
const MAP_BACKWARD: &str = include_str!("kernels/map_backward.wgsl");
const COMBINE: &str = include_str!("kernels/combine.wgsl");
const COMBINE_BY_STRIDES: &str = include_str!("kernels/combine_by_strides.wgsl");
const FILL: &str = include_str!("kernels/fill.wgsl");

/// A function of every element.
pub(crate) fn map(site: Site<'_>, function: Function, input: &Tensor) -> Result<Tensor, TensorError> {
    let output = site.output(*input.shape())?;
    let (text, number) = text_of(function);
    let kernel = Kernel::new(MAP).with("$FUNCTION", text);
    site.run_each(kernel, input.shape().elements(), Words::new().number(number), &[input, &output])?;
    Ok(output)
}

/// The gradient of [`map`]'s input, for a function of which its argument or its value is kept.
pub(crate) fn map_backward(
    site: Site<'_>,
    function: Function,
    kept: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    let output = site.output(*gradient.shape())?;
    let (text, number) = text_of_slope(function);
    let kernel = Kernel::new(MAP_BACKWARD).with("$GRADIENT", text);
    site.run_each(kernel, gradient.shape().elements(), Words::new().number(number), &[kept, gradient, &output])?;
    Ok(output)
}

/// Arithmetic of two tensors of one shape.
pub(crate) fn combine_same(
    site: Site<'_>,
    arithmetic: Arithmetic,
    left: &Tensor,
    right: &Tensor,
) -> Result<Tensor, TensorError> {
    let output = site.output(*left.shape())?;
    let kernel = Kernel::new(COMBINE).with("$RESULT", text_of_arithmetic(arithmetic));
    site.run_each(kernel, left.shape().elements(), Words::new(), &[left, right, &output])?;
    Ok(output)
}

/// 1 where two tensors of one shape are equal, and else 0.
pub(crate) fn is_equal(site: Site<'_>, left: &Tensor, right: &Tensor) -> Result<Tensor, TensorError> {
    let output = site.output(*left.shape())?;
    let kernel = Kernel::new(COMBINE).with("$RESULT", "select(0.0, 1.0, l == r)");
    site.run_each(kernel, left.shape().elements(), Words::new(), &[left, right, &output])?;
    Ok(output)
}

/// Arithmetic with broadcasting by strides.
pub(crate) fn combine(
    site: Site<'_>,
    arithmetic: Arithmetic,
    shape: Shape,
    (left, left_strides): (&Tensor, PerAxis),
    (right, right_strides): (&Tensor, PerAxis),
) -> Result<Tensor, TensorError> {
    let output = site.output(shape)?;
    let kernel = Kernel::new(COMBINE_BY_STRIDES).with("$RESULT", text_of_arithmetic(arithmetic));
    let parameters = Words::new().count(shape.rank());
    let parameters = parameters.in_vectors([shape.per_axis(), left_strides, right_strides]);
    site.run_each(kernel, shape.elements(), parameters, &[left, right, &output])?;
    Ok(output)
}

/// A tensor of one value throughout.
pub(crate) fn fill(site: Site<'_>, shape: Shape, value: f32) -> Result<Tensor, TensorError> {
    let output = site.output(shape)?;
    site.run_each(Kernel::new(FILL), shape.elements(), Words::new().number(value), &[&output])?;
    Ok(output)
}

/// Arithmetic of `l` and `r` in WGSL.
fn text_of_arithmetic(arithmetic: Arithmetic) -> &'static str {
    match arithmetic {
        Arithmetic::Add => "l + r",
        Arithmetic::Subtract => "l - r",
        Arithmetic::Multiply => "l * r",
        Arithmetic::Divide => "l / r",
    }
}

/// A function of `x` in WGSL, and its number.
pub(super) fn text_of(function: Function) -> (&'static str, f32) {
    match function {
        Function::Negate => ("-x", 0.0),
        Function::Exp => ("exponential(x)", 0.0),
        Function::Log => ("log(x)", 0.0),
        Function::Sqrt => ("sqrt(x)", 0.0),
        Function::Tanh => ("hyperbolic_tangent(x)", 0.0),
        Function::Sigmoid => ("sigmoid(x)", 0.0),
        Function::Relu => ("select(x, 0.0, x < 0.0)", 0.0),
        Function::LeakyRelu(slope) => ("select(x, number * x, x < 0.0)", slope),
        Function::Gelu => ("x * normal_distribution(x)", 0.0),
        Function::Add(number) => ("x + number", number),
        Function::Multiply(number) => ("x * number", number),
        Function::Power(number) => ("power(x, number)", number),
    }
}

/// The gradient of a function's argument in WGSL, from the gradient `g` of its value and the number `k` that is kept, its
/// argument or its value; and its number.
fn text_of_slope(function: Function) -> (&'static str, f32) {
    match function {
        Function::Negate => ("-g", 0.0),
        Function::Add(_) => ("g", 0.0),
        Function::Multiply(number) => ("g * number", number),
        Function::Exp => ("g * k", 0.0),
        Function::Log => ("g / k", 0.0),
        Function::Sqrt => ("g * 0.5 / k", 0.0),
        Function::Tanh => ("g * (1.0 - k * k)", 0.0),
        Function::Sigmoid => ("g * k * (1.0 - k)", 0.0),
        Function::Relu => ("select(0.0, g, k > 0.0)", 0.0),
        Function::LeakyRelu(slope) => ("select(number * g, g, k > 0.0)", slope),
        Function::Gelu => ("g * (normal_distribution(k) + k * normal_density(k))", 0.0),
        Function::Power(number) => ("g * number * power(k, number - 1.0)", number),
    }
}
