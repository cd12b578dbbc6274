//! The kernels that the operations call, one function each: the one place that says which code computes what. Each is
//! computed on the device, where the actor computes there and the device has a kernel and room for it, and else by the
//! processors. The operations have checked every shape before they come here.

mod host;
mod lstm;

use super::error::TensorError;
use super::executor::Executor;
use super::layout::{Block, Layout};
use super::shape::{PerAxis, Shape};
use super::tape::Gradients;
use super::value::Tensor;
use super::wgsl::{self, Reduce, Site};

pub(crate) use super::cpu::{Adam, Around, Batched, ConvShape, Group, Normalisation, PoolShape, Sgd};
pub(crate) use super::reference::elementwise::{Arithmetic, SlopeOf};
pub(crate) use super::reference::softmax::Softmax;
pub(crate) use super::wgsl::Pool;
pub(crate) use lstm::{LstmValues, Steps, lstm, lstm_backward};

pub use super::reference::elementwise::Function;

/// A function of every element.
pub(crate) fn map(executor: &Executor, function: Function, input: &Tensor) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::map(site, function, input)) {
        return computed;
    }
    let input_values = input.values()?;
    executor.compute(*input.shape(), |output| host::map(executor, function, input_values, output))
}

/// The gradient of [`map`]'s input; see [`Function::slope_of`] for what is kept.
pub(crate) fn map_backward(
    executor: &Executor,
    function: Function,
    kept: Option<&Tensor>,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    let on_device = executor.on_device(&[gradient.shape()], |site| match (function, kept) {
        (Function::Add(_), _) => Ok(gradient.clone()),
        (_, Some(kept)) => wgsl::map_backward(site, function, kept, gradient),
        // The derivative is the same everywhere, and the function a multiple.
        (_, None) => wgsl::map(site, function, gradient),
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let kept = kept.map_or(Ok(&[][..]), Tensor::values)?;
    let gradient_values = gradient.values()?;
    executor.compute(*gradient.shape(), |output| {
        host::map_backward(executor, function, kept, gradient_values, output);
    })
}

/// Arithmetic of two tensors, which are broadcast to this shape.
pub(crate) fn combine(
    executor: &Executor,
    arithmetic: Arithmetic,
    shape: Shape,
    left: &Tensor,
    right: &Tensor,
) -> Result<Tensor, TensorError> {
    let is_same = left.shape() == right.shape();
    let strides = [left, right].map(|tensor| tensor.shape().strides_in(&shape));
    let on_device = executor.on_device(&[&shape, left.shape(), right.shape()], |site| {
        if is_same {
            wgsl::combine_same(site, arithmetic, left, right)
        } else {
            wgsl::combine(site, arithmetic, shape, (left, strides[0]), (right, strides[1]))
        }
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let (left, right) = (left.values()?, right.values()?);
    executor.compute(shape, |output| {
        if is_same {
            host::combine_same(executor, arithmetic, left, right, output);
        } else {
            host::combine(executor, arithmetic, &shape, (left, strides[0]), (right, strides[1]), output);
        }
    })
}

/// The elements of a shape from where they lie in a tensor.
pub(crate) fn lay_out(
    executor: &Executor,
    shape: Shape,
    input: &Tensor,
    strides: PerAxis,
) -> Result<Tensor, TensorError> {
    let on_device = executor.on_device(&[&shape, input.shape()], |site| {
        let output = site.output(shape)?;
        let from = Layout { start: 0, strides };
        wgsl::copy(site, &shape, (input, from), (&output, Layout::of(&shape)))?;
        Ok(output)
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let input = input.values()?;
    executor.compute(shape, |output| host::copy(executor, &shape, (input, strides), (output, shape.strides())))
}

/// A range of an axis.
pub(crate) fn take(executor: &Executor, shape: Shape, input: &Tensor, block: Block) -> Result<Tensor, TensorError> {
    let on_device = executor.on_device(&[&shape, input.shape()], |site| {
        let output = site.output(shape)?;
        let (lines, inside) = Layout::of_block(&shape, block)?;
        wgsl::copy(site, &lines, (input, inside), (&output, Layout::of(&lines)))?;
        Ok(output)
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let input = input.values()?;
    executor.compute(shape, |output| {
        for (from, to) in block.of(input).zip(output.chunks_exact_mut(block.length.max(1))) {
            to.copy_from_slice(from);
        }
    })
}

/// Tensors, each in its range of an axis; together they are all of the shape.
pub(crate) fn join(executor: &Executor, shape: Shape, parts: &[(&Tensor, Block)]) -> Result<Tensor, TensorError> {
    let on_device = executor.on_device(&[&shape], |site| {
        let output = site.output(shape)?;
        for (part, block) in parts.iter().filter(|(part, _)| part.shape().elements() > 0) {
            let (lines, inside) = Layout::of_block(part.shape(), *block)?;
            wgsl::copy(site, &lines, (part, Layout::of(&lines)), (&output, inside))?;
        }
        Ok(output)
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let parts = parts.iter().map(|(part, block)| Ok((part.values()?, *block))).collect::<Result<Vec<_>, _>>()?;
    executor.compute(shape, |output| {
        for (part, block) in parts {
            for (to, from) in block.of_mut(output).zip(part.chunks_exact(block.length.max(1))) {
                to.copy_from_slice(from);
            }
        }
    })
}

/// A tensor in its range of an axis, and else zeros.
pub(crate) fn put(executor: &Executor, shape: Shape, part: &Tensor, block: Block) -> Result<Tensor, TensorError> {
    let on_device = executor.on_device(&[&shape, part.shape()], |site| {
        let output = wgsl::fill(site, shape, 0.0)?;
        let (lines, inside) = Layout::of_block(part.shape(), block)?;
        wgsl::copy(site, &lines, (part, Layout::of(&lines)), (&output, inside))?;
        Ok(output)
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let part = part.values()?;
    executor.compute(shape, |output| {
        output.fill(0.0);
        for (to, from) in block.of_mut(output).zip(part.chunks_exact(block.length.max(1))) {
            to.copy_from_slice(from);
        }
    })
}

/// A batch of products of matrices, as a tensor of this shape.
pub(crate) fn gemm(
    executor: &Executor,
    product: Batched,
    left: &Tensor,
    right: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    gemm_from(executor, product, (left, 0), (right, 0), shape)
}

/// [`gemm`] of operands that begin somewhere in their tensors.
pub(crate) fn gemm_from(
    executor: &Executor,
    product: Batched,
    (left, left_start): (&Tensor, usize),
    (right, right_start): (&Tensor, usize),
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[left.shape(), right.shape(), &shape], |site| {
        wgsl::gemm(site, product, (left, left_start), (right, right_start), None, None, shape)
    }) {
        return computed;
    }
    let Batched { batch, m, n, k, .. } = product;
    let left = &left.values()?[left_start..][..batch * m * k];
    let right = &right.values()?[right_start..][..batch * k * n];
    executor.compute(shape, |output| host::gemm(executor, product, left, right, output))
}

/// Tensors one after the other along a new first axis, each the elements of one shape from where they lie.
pub(crate) fn stack(
    executor: &Executor,
    shape: Shape,
    each: &Shape,
    parts: &[(&Tensor, Layout)],
) -> Result<Tensor, TensorError> {
    let elements = each.elements();
    let place = |index: usize| Layout { start: index * elements, ..Layout::of(each) };
    let on_device = executor.on_device(&[&shape], |site| {
        let output = site.output(shape)?;
        for (index, (part, layout)) in parts.iter().enumerate() {
            wgsl::copy(site, each, (part, *layout), (&output, place(index)))?;
        }
        Ok(output)
    });
    if let Some(computed) = on_device {
        return computed;
    }
    let parts = parts.iter().map(|(part, layout)| Ok((part.values()?, *layout))).collect::<Result<Vec<_>, _>>()?;
    executor.compute(shape, |output| {
        for ((from, layout), to) in parts.into_iter().zip(output.chunks_exact_mut(elements)) {
            host::copy(executor, each, (&from[layout.start..], layout.strides), (to, each.strides()));
        }
    })
}

/// A product of two matrices, in a batch of one, plus a bias for every column, through a function, as a tensor of this
/// shape.
pub(crate) fn linear(
    executor: &Executor,
    product: Batched,
    [input, weight]: [&Tensor; 2],
    bias: Option<&Tensor>,
    function: Option<Function>,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape(), weight.shape(), &shape], |site| {
        wgsl::gemm(site, product, (input, 0), (weight, 0), bias, function, shape)
    }) {
        return computed;
    }
    let (input, weight, bias) = (input.values()?, weight.values()?, bias.map(Tensor::values).transpose()?);
    executor.compute(shape, |output| host::linear(executor, product, input, weight, bias, function, output))
}

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
    let to = super::cpu::ConvGradients { input: next()?, weight: next()?, bias: next()? };
    let from = super::cpu::ConvBackward {
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

/// One number of each window, as a tensor of this shape.
pub(crate) fn pool(
    executor: &Executor,
    kind: Pool,
    sizes: &PoolShape,
    input: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if wgsl::pools(sizes)
        && let Some(computed) =
            executor.on_device(&[input.shape(), &shape], |site| wgsl::pool(site, kind, sizes, input, shape))
    {
        return computed;
    }
    let input = input.values()?;
    executor.compute(shape, |output| match kind {
        Pool::Max => host::max_pool(executor, sizes, input, output),
        Pool::Mean => host::average_pool(executor, sizes, input, output),
    })
}

/// The gradient of [`pool`]'s input, for the largest numbers.
pub(crate) fn max_pool_backward(
    executor: &Executor,
    sizes: &PoolShape,
    input: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if wgsl::pools(sizes)
        && let Some(computed) = executor
            .on_device(&[input.shape(), gradient.shape()], |site| wgsl::max_pool_backward(site, sizes, input, gradient))
    {
        return computed;
    }
    let (values, gradient) = (input.values()?, gradient.values()?);
    executor.compute(*input.shape(), |output| host::max_pool_backward(executor, sizes, values, gradient, output))
}

/// The gradient of [`pool`]'s input, which has this shape, for the means.
pub(crate) fn average_pool_backward(
    executor: &Executor,
    sizes: &PoolShape,
    gradient: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if wgsl::pools(sizes)
        && let Some(computed) = executor
            .on_device(&[gradient.shape(), &shape], |site| wgsl::average_pool_backward(site, sizes, gradient, shape))
    {
        return computed;
    }
    let gradient = gradient.values()?;
    executor.compute(shape, |output| host::average_pool_backward(executor, sizes, gradient, output))
}

/// The mean and the variance of each group, as tensors.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub(crate) mean: Tensor,
    pub(crate) variance: Tensor,
}

impl Moments {
    fn values(&self) -> Result<super::cpu::Statistics<'_>, TensorError> {
        Ok(super::cpu::Statistics { mean: self.mean.values()?, variance: self.variance.values()? })
    }
}

/// The mean and the variance of each group.
pub(crate) fn statistics(executor: &Executor, sizes: &Normalisation, input: &Tensor) -> Result<Moments, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::statistics(site, sizes, input)) {
        return computed;
    }
    let groups = Shape::new(&[sizes.groups()])?;
    let (mut mean, mut variance) = (executor.unwritten(groups)?, executor.unwritten(groups)?);
    let outputs = (mean.values_mut(&executor.memory)?, variance.values_mut(&executor.memory)?);
    host::statistics(executor, sizes, input.values()?, outputs.0, outputs.1);
    Ok(Moments { mean, variance })
}

/// The running moments, moved by a part towards a batch's, of which the variance is taken times a factor.
pub(crate) fn moved(
    executor: &Executor,
    running: &Tensor,
    batch: &Tensor,
    part: f64,
    factor: f64,
) -> Result<Tensor, TensorError> {
    if executor.site(&[running.shape()]).is_some() {
        let old = map(executor, Function::Multiply((1.0 - part) as f32), running)?;
        let new = map(executor, Function::Multiply((part * factor) as f32), batch)?;
        return combine(executor, Arithmetic::Add, *running.shape(), &old, &new);
    }
    let (running_values, batch) = (running.values()?, batch.values()?);
    executor.compute(*running.shape(), |output| {
        for ((out, &old), &new) in output.iter_mut().zip(running_values).zip(batch) {
            *out = ((1.0 - part) * f64::from(old) + part * factor * f64::from(new)) as f32;
        }
    })
}

/// Each group normalised, scaled and shifted.
pub(crate) fn normalise(
    executor: &Executor,
    sizes: &Normalisation,
    moments: &Moments,
    input: &Tensor,
    [weight, bias]: [&Tensor; 2],
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[input.shape()], |site| wgsl::normalise(site, sizes, moments, input, [weight, bias]))
    {
        return computed;
    }
    let (statistics, values) = (moments.values()?, input.values()?);
    let (weight, bias) = (weight.values()?, bias.values()?);
    executor.compute(*input.shape(), |output| {
        host::normalise(executor, sizes, statistics, values, weight, bias, output);
    })
}

/// The gradient of [`normalise`]'s input, whose own the moments are or are not.
pub(crate) fn normalise_backward_input(
    executor: &Executor,
    sizes: &Normalisation,
    (moments, own): (&Moments, bool),
    [input, weight]: [&Tensor; 2],
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| {
        wgsl::normalise_backward_input(site, sizes, (moments, own), [input, weight], gradient)
    }) {
        return computed;
    }
    let statistics = moments.values()?;
    let (values, weight, gradient) = (input.values()?, weight.values()?, gradient.values()?);
    executor.compute(*input.shape(), |output| {
        host::normalise_backward_input(executor, sizes, statistics, own, values, weight, gradient, output);
    })
}

/// The gradients of [`normalise`]'s weight and bias, which have this shape.
pub(crate) fn normalise_backward_parameters(
    executor: &Executor,
    sizes: &Normalisation,
    moments: &Moments,
    input: &Tensor,
    gradient: &Tensor,
    shape: Shape,
) -> Result<[Tensor; 2], TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| {
        wgsl::normalise_backward_parameters(site, sizes, moments, input, gradient, shape)
    }) {
        return computed;
    }
    let (mut weight, mut bias) = (executor.unwritten(shape)?, executor.unwritten(shape)?);
    let outputs = (weight.values_mut(&executor.memory)?, bias.values_mut(&executor.memory)?);
    let (statistics, input, gradient) = (moments.values()?, input.values()?, gradient.values()?);
    host::normalise_backward_parameters(executor, sizes, statistics, input, gradient, outputs.0, outputs.1);
    Ok([weight, bias])
}

/// Softmax along an axis.
pub(crate) fn softmax(
    executor: &Executor,
    kind: Softmax,
    around: Around,
    input: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::softmax(site, kind, around, input)) {
        return computed;
    }
    let values = input.values()?;
    executor.compute(*input.shape(), |output| host::softmax(executor, kind, around, values, output))
}

/// The gradient of [`softmax`]'s input, from its result.
pub(crate) fn softmax_backward(
    executor: &Executor,
    kind: Softmax,
    around: Around,
    result: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[gradient.shape()], |site| wgsl::softmax_backward(site, kind, around, result, gradient))
    {
        return computed;
    }
    let (result, values) = (result.values()?, gradient.values()?);
    executor.compute(*gradient.shape(), |output| {
        host::softmax_backward(executor, kind, around, result, values, output);
    })
}

/// The mean cross-entropy of rows of logits with their labels.
pub(crate) fn cross_entropy(
    executor: &Executor,
    classes: usize,
    logits: &Tensor,
    labels: &[u32],
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[logits.shape()], |site| wgsl::cross_entropy(site, classes, logits, labels))
    {
        return computed;
    }
    let logits = logits.values()?;
    executor.compute(Shape::SCALAR, |output| output[0] = host::cross_entropy(executor, classes, logits, labels))
}

/// The gradient of [`cross_entropy`]'s logits, from that of the mean.
pub(crate) fn cross_entropy_backward(
    executor: &Executor,
    classes: usize,
    logits: &Tensor,
    labels: &[u32],
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor
        .on_device(&[logits.shape()], |site| wgsl::cross_entropy_backward(site, classes, logits, labels, gradient))
    {
        return computed;
    }
    let (values, gradient) = (logits.values()?, gradient.values()?[0]);
    executor.compute(*logits.shape(), |output| {
        host::cross_entropy_backward(executor, classes, values, labels, gradient, output);
    })
}

/// The mean of the squares of all elements.
pub(crate) fn mean_of_squares(executor: &Executor, input: &Tensor) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| {
        wgsl::sum_of_squares(site, input, (1.0 / input.shape().elements() as f64) as f32)
    }) {
        return computed;
    }
    let sum = sum_of_squares(executor, input)?;
    let mean = (sum / input.shape().elements() as f64) as f32;
    executor.full(Shape::SCALAR, mean)
}

/// The gradient of [`mean_of_squares`]' input, from that of the mean.
pub(crate) fn mean_of_squares_backward(
    executor: &Executor,
    input: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    if executor.site(&[input.shape()]).is_some() {
        // Without waiting for the gradient.
        let scaled = combine(executor, Arithmetic::Multiply, *input.shape(), input, gradient)?;
        let factor = 2.0 / input.shape().elements() as f64;
        return map(executor, Function::Multiply(factor as f32), &scaled);
    }
    let factor = 2.0 * f64::from(gradient.values()?[0]) / input.shape().elements() as f64;
    map(executor, Function::Multiply(factor as f32), input)
}

/// The sum of the squares of all elements.
pub(crate) fn sum_of_squares(executor: &Executor, input: &Tensor) -> Result<f64, TensorError> {
    let on_device = executor.on_device(&[input.shape()], |site| {
        let sum = wgsl::sum_of_squares(site, input, 1.0)?;
        Ok(sum.values()?[0].into())
    });
    if let Some(computed) = on_device {
        return computed;
    }
    Ok(host::sum_of_squares(executor, input.values()?))
}

/// Sums, times a factor, as a tensor of this shape, in which the strides say where each element goes.
pub(crate) fn sum(
    executor: &Executor,
    input: &Tensor,
    shape: Shape,
    strides: PerAxis,
    factor: f64,
) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape(), &shape], |site| {
        wgsl::reduce(site, Reduce::Sum, input, shape, strides, factor as f32)
    }) {
        return computed;
    }
    let values = input.values()?;
    executor.compute(shape, |output| host::sum(executor, input.shape(), values, strides, factor, output))
}

/// The largest numbers, as a tensor of this shape, in which the strides say where each element goes.
pub(crate) fn max(executor: &Executor, input: &Tensor, shape: Shape, strides: PerAxis) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[input.shape(), &shape], |site| wgsl::reduce(site, Reduce::Max, input, shape, strides, 1.0))
    {
        return computed;
    }
    let values = input.values()?;
    executor.compute(shape, |output| host::max(executor, input.shape(), values, strides, output))
}

/// 1 where a number is the largest, and else 0.
pub(crate) fn is_largest(executor: &Executor, input: &Tensor, largest: &Tensor) -> Result<Tensor, TensorError> {
    if let Some(computed) = executor.on_device(&[input.shape()], |site| wgsl::is_equal(site, input, largest)) {
        return computed;
    }
    let (values, largest) = (input.values()?, largest.values()?);
    executor.compute(*input.shape(), |output| {
        for ((out, number), largest) in output.iter_mut().zip(values).zip(largest) {
            *out = if number == largest { 1.0 } else { 0.0 };
        }
    })
}

/// The places of the largest numbers along an axis.
pub(crate) fn argmax(executor: &Executor, around: Around, input: &Tensor) -> Result<Vec<u32>, TensorError> {
    Ok(host::argmax(executor, around, input.values()?))
}

/// The rows of a table that the indices name, as a tensor of this shape.
pub(crate) fn rows_of(
    executor: &Executor,
    table: &Tensor,
    indices: &[u32],
    shape: Shape,
) -> Result<Tensor, TensorError> {
    if let Some(computed) =
        executor.on_device(&[table.shape(), &shape], |site| wgsl::rows_of(site, table, indices, shape))
    {
        return computed;
    }
    let values = table.values()?;
    executor.compute(shape, |output| host::rows_of(values, indices, output))
}

/// The gradient of [`rows_of`]'s table, which has this shape.
pub(crate) fn rows_of_backward(
    executor: &Executor,
    indices: &[u32],
    gradient: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let on_device =
        executor.on_device(&[gradient.shape(), &shape], |site| wgsl::rows_of_backward(site, indices, gradient, shape));
    if let Some(table) = on_device.transpose()?.flatten() {
        return Ok(table);
    }
    let gradient = gradient.values()?;
    executor.compute(shape, |output| host::rows_of_backward(indices, gradient, output))
}

/// Makes room for what a step of an optimiser writes, so that no more has to be found then.
pub(crate) fn prepare(executor: &Executor, tensor: &mut Tensor) -> Result<(), TensorError> {
    let shape = *tensor.shape();
    if let Some(computed) =
        executor.on_device(&[&shape], |site| tensor.numbers_mut(&executor.memory, site.queue).map(drop))
    {
        return computed;
    }
    tensor.values_mut(&executor.memory).map(drop)
}

/// Has what a step of an optimiser reads on the side that computes, so that no room has to be found for it then.
pub(crate) fn bring(executor: &Executor, tensor: &Tensor) -> Result<(), TensorError> {
    let on_device = executor.on_device(&[tensor.shape()], |site| tensor.numbers(site.queue).map(drop));
    on_device.unwrap_or_else(|| tensor.values().map(drop))
}

/// One step of stochastic gradient descent.
pub(crate) fn sgd(
    executor: &Executor,
    rule: &Sgd,
    parameter: &mut Tensor,
    gradient: &Tensor,
    mut velocity: Option<&mut Tensor>,
) -> Result<(), TensorError> {
    let shape = *parameter.shape();
    if let Some(computed) =
        executor.on_device(&[&shape], |site| wgsl::sgd(site, rule, parameter, gradient, velocity.as_deref_mut()))
    {
        return computed;
    }
    let velocity = velocity.map(|velocity| velocity.values_mut(&executor.memory)).transpose()?;
    let parameter = parameter.values_mut(&executor.memory)?;
    host::sgd(executor, rule, parameter, gradient.values()?, velocity);
    Ok(())
}

/// One step of Adam or AdamW, whose number counts from 1.
pub(crate) fn adam(
    executor: &Executor,
    rule: &Adam,
    step: u64,
    parameter: &mut Tensor,
    gradient: &Tensor,
    [mean, square]: [&mut Tensor; 2],
) -> Result<(), TensorError> {
    let shape = *parameter.shape();
    if let Some(computed) = executor
        .on_device(&[&shape], |site| wgsl::adam(site, rule, step, parameter, gradient, [&mut *mean, &mut *square]))
    {
        return computed;
    }
    let moments = [mean.values_mut(&executor.memory)?, square.values_mut(&executor.memory)?];
    let parameter = parameter.values_mut(&executor.memory)?;
    host::adam(executor, rule, step, parameter, gradient.values()?, moments);
    Ok(())
}

/// Uniform random numbers.
pub(crate) fn uniform(
    executor: &Executor,
    shape: Shape,
    seed: u64,
    low: f32,
    high: f32,
) -> Result<Tensor, TensorError> {
    executor.compute(shape, |output| host::uniform(executor, seed, low, high, output))
}

/// Normal random numbers.
pub(crate) fn normal(
    executor: &Executor,
    shape: Shape,
    seed: u64,
    mean: f32,
    deviation: f32,
) -> Result<Tensor, TensorError> {
    executor.compute(shape, |output| host::normal(executor, seed, mean, deviation, output))
}

/// Which elements are kept by dropout, and their factor.
pub(crate) fn dropout_mask(
    executor: &Executor,
    shape: Shape,
    seed: u64,
    probability: f32,
) -> Result<Tensor, TensorError> {
    executor.compute(shape, |output| host::dropout_mask(executor, seed, probability, output))
}

impl Around {
    /// The axes that a reduction takes away, where they lie together: those longer than one along which the output has no
    /// stride. The others lie in the output as they do in the input.
    pub(crate) fn reduced(shape: &Shape, output_strides: PerAxis) -> Option<Around> {
        let mut around = Around { outer: 1, length: 1, inner: 1 };
        let axes = shape.dimensions().iter().zip(output_strides).filter(|&(&length, _)| length != 1);
        let mut reduced = axes.clone().map(|(_, stride)| stride == 0);
        // Those before the first reduced axis, those until the next one that is kept, and those behind it.
        let Some(first) = reduced.position(|reduced| reduced) else {
            return Some(Around { outer: shape.elements(), ..around });
        };
        let last = first + 1 + reduced.clone().take_while(|&reduced| reduced).count();
        for (place, (&length, stride)) in axes.enumerate() {
            if place < first {
                around.outer *= length;
            } else if place < last {
                around.length *= length;
            } else if stride == 0 {
                return None;
            } else {
                around.inner *= length;
            }
        }
        Some(around)
    }
}
