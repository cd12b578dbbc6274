//! Pooling of images `[batch, height, width, channels]`.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Pool, PoolShape};
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// As how many multiply-adds a number of a window counts: each is looked at alone, where products go by whole vectors.
const MULTIPLY_ADDS_OF_COMPARISON: usize = 64;

/// The largest number of each window of `[rows, columns]`.
pub(crate) fn max_pool2d(executor: &Executor, input: &Tensor, window: [u32; 2], stride: [u32; 2]) -> Forward<MaxPool> {
    let (pool, shape) = pool_shape(executor, "max-pool2d", input, window, stride)?;
    let output = kernels::pool(executor, Pool::Max, &pool, input, shape)?;
    Ok((output, MaxPool { pool, input: input.clone() }))
}

/// The mean of each window of `[rows, columns]`.
pub(crate) fn average_pool2d(
    executor: &Executor,
    input: &Tensor,
    window: [u32; 2],
    stride: [u32; 2],
) -> Forward<AveragePool> {
    let (pool, shape) = pool_shape(executor, "average-pool2d", input, window, stride)?;
    let output = kernels::pool(executor, Pool::Mean, &pool, input, shape)?;
    Ok((output, AveragePool { pool, input: *input.shape() }))
}

/// What [`max_pool2d`] keeps.
pub(crate) struct MaxPool {
    pool: PoolShape,
    input: Tensor,
}

impl Backward for MaxPool {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(kernels::max_pool_backward(executor, &self.pool, &self.input, gradient)?)])
    }
}

/// What [`average_pool2d`] keeps.
pub(crate) struct AveragePool {
    pool: PoolShape,
    input: Shape,
}

impl Backward for AveragePool {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        Ok(vec![Some(kernels::average_pool_backward(executor, &self.pool, gradient, self.input)?)])
    }
}

fn pool_shape(
    executor: &Executor,
    operation: &'static str,
    input: &Tensor,
    window: [u32; 2],
    stride: [u32; 2],
) -> Result<(PoolShape, Shape), TensorError> {
    let &[batch, height, width, channels] = input.dimensions() else {
        let rule = "a shape [batch, height, width, channels]";
        return Err(TensorError::argument(operation, "the input's shape", input.shape(), rule));
    };
    let (window, stride) = (window.map(|length| length as usize), stride.map(|length| length as usize));
    if stride.contains(&0) {
        return Err(TensorError::argument(operation, "the stride", format!("{stride:?}"), "at least 1"));
    }
    if window.contains(&0) || window[0] > height || window[1] > width {
        let rule = format!("at least 1, and no larger than the images of {}", input.shape());
        return Err(TensorError::argument(operation, "the window", format!("{window:?}"), rule));
    }
    let pool = PoolShape { batch, height, width, channels, window, stride };
    let shape = Shape::new(&[batch, pool.out_height(), pool.out_width(), channels])?;
    executor.check_work(operation, &[shape.elements(), window[0], window[1], MULTIPLY_ADDS_OF_COMPARISON])?;
    Ok((pool, shape))
}
