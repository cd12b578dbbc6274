//! Pooling of images. Each number of a result is computed by one invocation, which looks at all that it comes from.

use super::kernel::{GROUP_INVOCATIONS, Kernel};
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::PoolShape;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

const POOL: &str = include_str!("kernels/pool.wgsl");
const POOL_BACKWARD: &str = include_str!("kernels/pool_backward.wgsl");
const POOL_PARAMETERS: &str = include_str!("kernels/pool_parameters.wgsl");
const LARGEST_OF_WINDOW: &str = include_str!("kernels/largest_of_window.wgsl");

/// The most numbers that an invocation looks at, rows of windows counted.
const NUMBERS_MAX: usize = 30_000;

/// Which number of a window is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    Max,
    Mean,
}

/// Whether there are kernels for these sizes, also for the way back.
pub(crate) fn pools(sizes: &PoolShape) -> bool {
    numbers_of_pixel(sizes) <= NUMBERS_MAX && sizes.stride.iter().all(|&stride| stride <= 1 << 30)
}

/// One number for each window, as a tensor of this shape.
pub(crate) fn pool(
    site: Site<'_>,
    pool: Pool,
    sizes: &PoolShape,
    input: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let kernel = match pool {
        Pool::Max => Kernel::new(POOL)
            .with("$START", "input[start]")
            .with("$STEP", "max(result, number)")
            .with("$RESULT", "result"),
        Pool::Mean => {
            let mean = "result / f32(parameters.window_height * parameters.window_width)";
            Kernel::new(POOL).with("$START", "0.0").with("$STEP", "result + number").with("$RESULT", mean)
        }
    };
    let output = site.output(shape)?;
    run(site, kernel, sizes, shape.elements(), &[input, &output])?;
    Ok(output)
}

/// The gradient of [`pool`]'s input, which has this shape, for the largest numbers.
pub(crate) fn max_pool_backward(
    site: Site<'_>,
    sizes: &PoolShape,
    input: &Tensor,
    gradient: &Tensor,
) -> Result<Tensor, TensorError> {
    let kernel = Kernel::new(POOL_BACKWARD)
        .with("$LARGEST", LARGEST_OF_WINDOW)
        .with("$COUNTS", "is_first_largest(start, index)")
        .with("$RESULT", "sum");
    let output = site.output(*input.shape())?;
    run(site, kernel, sizes, input.shape().elements(), &[gradient, &output, input])?;
    Ok(output)
}

/// The gradient of [`pool`]'s input, which has this shape, for the means.
pub(crate) fn average_pool_backward(
    site: Site<'_>,
    sizes: &PoolShape,
    gradient: &Tensor,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let part = "sum / f32(parameters.window_height * parameters.window_width)";
    let kernel = Kernel::new(POOL_BACKWARD).with("$LARGEST", "").with("$COUNTS", "true").with("$RESULT", part);
    let output = site.output(shape)?;
    run(site, kernel, sizes, shape.elements(), &[gradient, &output])?;
    Ok(output)
}

fn run(
    site: Site<'_>,
    kernel: Kernel,
    sizes: &PoolShape,
    elements: usize,
    operands: &[&Tensor],
) -> Result<(), TensorError> {
    let parameters = Words::new()
        .counts([elements, sizes.height, sizes.width, sizes.channels])
        .counts(sizes.window)
        .counts([sizes.out_height(), sizes.out_width()])
        .counts(sizes.stride);
    let work = GROUP_INVOCATIONS * numbers_of_pixel(sizes);
    let kernel = kernel.with("$PARAMETERS", POOL_PARAMETERS);
    site.run(kernel, elements.div_ceil(GROUP_INVOCATIONS), work, parameters, operands)
}

/// How many numbers an invocation looks at for a pixel on the way back: those of all windows that it is in.
fn numbers_of_pixel(sizes: &PoolShape) -> usize {
    let windows = sizes.window.iter().zip(sizes.stride).map(|(&window, stride)| window.div_ceil(stride));
    windows.chain(sizes.window).fold(1, |numbers: usize, count| numbers.saturating_mul(count + 1))
}
