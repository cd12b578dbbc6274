//! Convolution of images, and its gradients.

use super::{ConvShape, Function, host};
use crate::tensor::cpu::{ConvBackward, ConvGradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::shape::Shape;
use crate::tensor::tape::Gradients;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl::{self, Site};

/// Convolution, plus bias, through a function, as a tensor of this shape.
pub(crate) fn convolution(
    executor: &Executor,
    sizes: &ConvShape,
    [input, weight]: [&Tensor; 2],
    bias: Option<&Tensor>,
    function: Option<Function>,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if wgsl::fits(sizes)
        && let Some(computed) = executor.on_device(&[input.shape(), weight.shape(), &shape], |site| {
            wgsl::convolution(site, sizes, [input, weight], bias, function, shape)
        })
    {
        return computed;
    }
    let (input, weight, bias) = (input.values()?, weight.values()?, bias.map(Tensor::values).transpose()?);
    executor.compute(shape, |output| host::convolution(executor, sizes, input, weight, bias, function, output))
}

/// What a convolution was computed from, and the gradient of its output.
#[derive(Clone, Copy)]
pub(crate) struct ConvOperands<'a> {
    pub(crate) input: &'a Tensor,
    pub(crate) weight: &'a Tensor,
    /// The output, if the convolution ended with ReLU: the gradient is that of the numbers after it.
    pub(crate) activated: Option<&'a Tensor>,
    pub(crate) gradient: &'a Tensor,
}

/// The gradients of [`convolution`]'s input, weight and bias, of which those are computed that are needed. Functions other
/// than ReLU have been gone back through.
pub(crate) fn convolution_backward(
    executor: &Executor,
    sizes: &ConvShape,
    from: ConvOperands<'_>,
    needed: &[bool],
) -> Result<Gradients, TensorError> {
    let shapes = [*from.input.shape(), *from.weight.shape(), Shape::new(&[sizes.out_channels])?];
    if wgsl::fits(sizes)
        && let Some(computed) = executor.on_device(&[&shapes[0], &shapes[1], from.gradient.shape()], |site| {
            convolution_backward_on_device(site, sizes, from, &shapes, needed)
        })
    {
        return computed;
    }
    let output = |(shape, &needed): (Shape, &bool)| needed.then(|| executor.unwritten(shape)).transpose();
    let mut gradients = shapes.into_iter().zip(needed).map(output).collect::<Result<Gradients, _>>()?;
    let mut outputs = gradients.iter_mut().map(|output| match output {
        Some(output) => output.values_mut(&executor.memory).map(Some),
        None => Ok(None),
    });
    let mut next = || Ok::<_, TensorError>(outputs.next().transpose()?.flatten());
    let to = ConvGradients { input: next()?, weight: next()?, bias: next()? };
    let from = ConvBackward {
        input: from.input.values()?,
        weight: from.weight.values()?,
        activated: from.activated.map(Tensor::values).transpose()?,
        gradient: from.gradient.values()?,
    };
    host::convolution_backward(executor, sizes, from, to);
    drop(outputs);
    Ok(gradients)
}

fn convolution_backward_on_device(
    site: Site<'_>,
    sizes: &ConvShape,
    from: ConvOperands<'_>,
    shapes: &[Shape; 3],
    needed: &[bool],
) -> Result<Gradients, TensorError> {
    let gradient = match from.activated {
        Some(activated) => &wgsl::map_backward(site, Function::Relu, activated, from.gradient)?,
        None => from.gradient,
    };
    let of = |place: usize| needed.get(place) == Some(&true);
    let input = || wgsl::convolution_of_input(site, sizes, [gradient, from.weight], shapes[0]);
    let weight = || wgsl::convolution_of_weight(site, sizes, [gradient, from.input], shapes[1]);
    let bias = || wgsl::convolution_of_bias(site, sizes, gradient);
    let mut gradients =
        vec![of(0).then(input).transpose()?, of(1).then(weight).transpose()?, of(2).then(bias).transpose()?];
    gradients.truncate(needed.len());
    Ok(gradients)
}
