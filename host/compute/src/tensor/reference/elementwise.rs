//! One element at a time: functions of one number, arithmetic of two with broadcasting, and copies between layouts.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::tensor::rows::for_each_row;
use crate::tensor::shape::{PerAxis, Shape};

/// How many numbers a function is applied to at once where they are.
const BLOCK: usize = 64;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// −x.
    Negate,
    /// eˣ.
    Exp,
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x where it is positive, else 0.
    Relu,
    /// x where it is positive, else x times this slope.
    LeakyRelu(f32),
    /// x · Φ(x), where Φ is the distribution function of the normal distribution, computed with the error function.
    Gelu,
    /// x + this number.
    Add(f32),
    /// x · this number.
    Multiply(f32),
    /// x to the power of this number.
    Power(f32),
}

/// Which number the derivative of a function is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlopeOf {
    /// None: it is the same everywhere.
    Nothing,
    /// The function's argument.
    Argument,
    /// The function's value, so that the argument need not be kept.
    Value,
}

impl Function {
    /// Which number [`Function::slope`] takes.
    pub(crate) fn slope_of(self) -> SlopeOf {
        match self {
            Function::Negate | Function::Add(_) | Function::Multiply(_) => SlopeOf::Nothing,
            Function::Log | Function::LeakyRelu(_) | Function::Gelu | Function::Power(_) => SlopeOf::Argument,
            Function::Exp | Function::Sqrt | Function::Tanh | Function::Sigmoid | Function::Relu => SlopeOf::Value,
        }
    }
}

/// `output[i] = function(input[i])`.
pub(crate) fn map(function: Function, input: &[f32], output: &mut [f32]) {
    match function {
        Function::Negate => each(input, output, |x| -x),
        Function::Exp => each(input, output, libm::expf),
        Function::Log => each(input, output, libm::logf),
        Function::Sqrt => each(input, output, f32::sqrt),
        Function::Tanh => each(input, output, libm::tanhf),
        Function::Sigmoid => each(input, output, sigmoid),
        Function::Relu => each(input, output, |x| if x < 0.0 { 0.0 } else { x }),
        Function::LeakyRelu(slope) => each(input, output, |x| if x < 0.0 { slope * x } else { x }),
        Function::Gelu => each(input, output, |x| (f64::from(x) * normal_distribution(x.into())) as f32),
        Function::Add(number) => each(input, output, |x| x + number),
        Function::Multiply(number) => each(input, output, |x| x * number),
        Function::Power(number) => each(input, output, |x| libm::powf(x, number)),
    }
}

/// `output[i] = gradient[i] · function'`, where the derivative is computed from `kept[i]` as
/// [`Function::slope_of`] says. `kept` may be empty when that is nothing. At a kink it is that of the flat side.
pub(crate) fn map_backward(function: Function, kept: &[f32], gradient: &[f32], output: &mut [f32]) {
    match function {
        Function::Negate => each(gradient, output, |g| -g),
        Function::Add(_) => output.copy_from_slice(gradient),
        Function::Multiply(number) => each(gradient, output, |g| g * number),
        Function::Exp => pairs(kept, gradient, output, |y, g| g * y),
        Function::Log => pairs(kept, gradient, output, |x, g| g / x),
        Function::Sqrt => pairs(kept, gradient, output, |y, g| g * 0.5 / y),
        Function::Tanh => pairs(kept, gradient, output, |y, g| g * (1.0 - y * y)),
        Function::Sigmoid => pairs(kept, gradient, output, |y, g| g * y * (1.0 - y)),
        Function::Relu => pairs(kept, gradient, output, |y, g| if y > 0.0 { g } else { 0.0 }),
        Function::LeakyRelu(slope) => pairs(kept, gradient, output, |x, g| if x > 0.0 { g } else { slope * g }),
        Function::Gelu => pairs(kept, gradient, output, |x, g| {
            let x = f64::from(x);
            let density = libm::exp(-0.5 * x * x) / (2.0 * PI).sqrt();
            (f64::from(g) * (normal_distribution(x) + x * density)) as f32
        }),
        Function::Power(number) => pairs(kept, gradient, output, |x, g| g * number * libm::powf(x, number - 1.0)),
    }
}

/// Arithmetic of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// `output = left ∘ right` for every element of `shape`, in which both are laid out by their strides.
pub(crate) fn combine(
    arithmetic: Arithmetic,
    shape: &Shape,
    (left, left_strides): (&[f32], PerAxis),
    (right, right_strides): (&[f32], PerAxis),
    output: &mut [f32],
) {
    let strides = [left_strides, right_strides, shape.strides()];
    let mut rows = |compute: fn(f32, f32) -> f32| {
        for_each_row(shape, strides, |[a, b, out], length| {
            for index in 0..length {
                output[out.at(index)] = compute(left[a.at(index)], right[b.at(index)]);
            }
        });
    };
    match arithmetic {
        Arithmetic::Add => rows(|a, b| a + b),
        Arithmetic::Subtract => rows(|a, b| a - b),
        Arithmetic::Multiply => rows(|a, b| a * b),
        Arithmetic::Divide => rows(|a, b| a / b),
    }
}

/// [`combine`] where both have the output's shape.
pub(crate) fn combine_same(arithmetic: Arithmetic, left: &[f32], right: &[f32], output: &mut [f32]) {
    match arithmetic {
        Arithmetic::Add => pairs(left, right, output, |a, b| a + b),
        Arithmetic::Subtract => pairs(left, right, output, |a, b| a - b),
        Arithmetic::Multiply => pairs(left, right, output, |a, b| a * b),
        Arithmetic::Divide => pairs(left, right, output, |a, b| a / b),
    }
}

/// Copies every element of `shape` from where its strides say it lies in `from` to where they say in `to`.
pub(crate) fn copy(shape: &Shape, (from, from_strides): (&[f32], PerAxis), (to, to_strides): (&mut [f32], PerAxis)) {
    for_each_row(shape, [from_strides, to_strides], |[from_row, to_row], length| {
        if from_row.step == 1 && to_row.step == 1 {
            to[to_row.start..][..length].copy_from_slice(&from[from_row.start..][..length]);
        } else {
            for index in 0..length {
                to[to_row.at(index)] = from[from_row.at(index)];
            }
        }
    });
}

/// [`map`] of numbers where they are.
pub(crate) fn map_in_place(function: Function, values: &mut [f32]) {
    let mut block = [0.0; BLOCK];
    for values in values.chunks_mut(BLOCK) {
        let block = &mut block[..values.len()];
        block.copy_from_slice(values);
        map(function, block, values);
    }
}

/// 1 / (1 + e⁻ˣ), whichever sign x has: where e⁻ˣ is infinite, this is zero.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

fn normal_distribution(x: f64) -> f64 {
    0.5 * (1.0 + libm::erf(x * FRAC_1_SQRT_2))
}

fn each(input: &[f32], output: &mut [f32], compute: impl Fn(f32) -> f32) {
    for (out, &x) in output.iter_mut().zip(input) {
        *out = compute(x);
    }
}

fn pairs(left: &[f32], right: &[f32], output: &mut [f32], compute: impl Fn(f32, f32) -> f32) {
    for ((out, &a), &b) in output.iter_mut().zip(left).zip(right) {
        *out = compute(a, b);
    }
}
