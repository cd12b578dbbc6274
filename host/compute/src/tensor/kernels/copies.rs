//! Elements in another order, or in other places.

use super::host;
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::layout::{Block, Layout};
use crate::tensor::shape::{PerAxis, Shape};
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

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
