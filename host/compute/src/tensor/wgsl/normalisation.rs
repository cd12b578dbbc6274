//! Batch and layer normalisation of a matrix whose columns are the channels: each column, or each row, is a group.

use super::elementwise::{combine, combine_same};
use super::kernel::Kernel;
use super::reduction::{Reduce, reduce_axis};
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Arithmetic, Around, Group, Moments, Normalisation};
use crate::tensor::shape::{PerAxis, RANK_MAX, Shape};
use crate::tensor::value::Tensor;

const NORMALISE: &str = include_str!("kernels/normalise.wgsl");
const NORMALISE_BACKWARD: &str = include_str!("kernels/normalise_backward.wgsl");
const NORMALISE_BACKWARD_GIVEN: &str = include_str!("kernels/normalise_backward_given.wgsl");

/// The mean and the variance of each group.
pub(crate) fn statistics(site: Site<'_>, sizes: &Normalisation, input: &Tensor) -> Result<Moments, TensorError> {
    let mean = mean_of_groups(site, sizes, input)?;
    let matrix = Shape::new(&[sizes.rows, sizes.columns])?;
    let (all, one) = (matrix.strides(), strides_of_groups(sizes));
    let deviations = combine(site, Arithmetic::Subtract, matrix, (input, all), (&mean, one))?;
    let squares = combine_same(site, Arithmetic::Multiply, &deviations, &deviations)?;
    Ok(Moments { variance: mean_of_groups(site, sizes, &squares)?, mean })
}

/// Each group normalised, scaled and shifted.
pub(crate) fn normalise(
    site: Site<'_>,
    sizes: &Normalisation,
    moments: &Moments,
    input: &Tensor,
    [weight, bias]: [&Tensor; 2],
) -> Result<Tensor, TensorError> {
    let output = site.output(*input.shape())?;
    let bindings = "@group(0) @binding(5) var<storage, read> weight: array<f32>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;";
    let kernel = Kernel::new(NORMALISE).with("$BINDINGS", bindings);
    let kernel = kernel.with("$RESULT", "normal * weight[column] + bias[column]");
    let operands = [input, &moments.mean, &moments.variance, &output, weight, bias];
    site.run_each(kernel, elements(sizes), parameters(sizes), &operands)?;
    Ok(output)
}

/// The gradient of [`normalise`]'s input, whose own the moments are or are not.
pub(crate) fn normalise_backward_input(
    site: Site<'_>,
    sizes: &Normalisation,
    (moments, own): (&Moments, bool),
    [input, weight]: [&Tensor; 2],
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    let matrix = Shape::new(&[sizes.rows, sizes.columns])?;
    let columns = strides([0, 1]);
    let weighted = combine(site, Arithmetic::Multiply, matrix, (gradient, matrix.strides()), (weight, columns))?;
    let output = site.output(*input.shape())?;
    if !own {
        let kernel = Kernel::new(NORMALISE_BACKWARD_GIVEN);
        site.run_each(kernel, elements(sizes), parameters(sizes), &[&weighted, &moments.variance, &output])?;
        return Ok(output);
    }
    let normal = normal(site, sizes, moments, input)?.reshaped(matrix);
    let means = mean_of_groups(site, sizes, &weighted)?;
    let products = combine_same(site, Arithmetic::Multiply, &weighted, &normal)?;
    let slopes = mean_of_groups(site, sizes, &products)?;
    let operands = [&normal, &weighted, &moments.variance, &means, &slopes, &output];
    site.run_each(Kernel::new(NORMALISE_BACKWARD), elements(sizes), parameters(sizes), &operands)?;
    Ok(output)
}

/// The gradients of [`normalise`]'s weight and bias, which have this shape.
pub(crate) fn normalise_backward_parameters(
    site: Site<'_>,
    sizes: &Normalisation,
    moments: &Moments,
    input: &Tensor,
    gradient: &Tensor,
    shape: Shape,
) -> Result<[Tensor; 2], TensorError> {
    let normal = normal(site, sizes, moments, input)?;
    let products = combine_same(site, Arithmetic::Multiply, gradient, &normal)?;
    let columns = Around { outer: 1, length: sizes.rows, inner: sizes.columns };
    let sum = |input| reduce_axis(site, Reduce::Sum, columns, input, shape, 1.0);
    Ok([sum(&products)?, sum(gradient)?])
}

/// Each group brought to mean 0 and variance 1.
fn normal(site: Site<'_>, sizes: &Normalisation, moments: &Moments, input: &Tensor) -> Result<Tensor, TensorError> {
    let output = site.output(*input.shape())?;
    let kernel = Kernel::new(NORMALISE).with("$BINDINGS", "").with("$RESULT", "normal");
    site.run_each(kernel, elements(sizes), parameters(sizes), &[input, &moments.mean, &moments.variance, &output])?;
    Ok(output)
}

fn mean_of_groups(site: Site<'_>, sizes: &Normalisation, input: &Tensor) -> Result<Tensor, TensorError> {
    let around = match sizes.group {
        Group::Column => Around { outer: 1, length: sizes.rows, inner: sizes.columns },
        Group::Row => Around { outer: sizes.rows, length: sizes.columns, inner: 1 },
    };
    let factor = (1.0 / sizes.group_elements() as f64) as f32;
    reduce_axis(site, Reduce::Sum, around, input, Shape::new(&[sizes.groups()])?, factor)
}

fn strides_of_groups(sizes: &Normalisation) -> PerAxis {
    match sizes.group {
        Group::Column => strides([0, 1]),
        Group::Row => strides([1, 0]),
    }
}

fn strides([row, column]: [usize; 2]) -> PerAxis {
    let mut strides = [0; RANK_MAX];
    (strides[0], strides[1]) = (row, column);
    strides
}

fn elements(sizes: &Normalisation) -> usize {
    sizes.rows * sizes.columns
}

fn parameters(sizes: &Normalisation) -> Words {
    Words::new().count(sizes.columns).flag(sizes.group == Group::Row).number(sizes.epsilon)
}
