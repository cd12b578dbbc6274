//! The same elements in other shapes and orders.

use super::Tensors;
use crate::tensor::TensorId;
use crate::tensor::error::TensorError;
use crate::tensor::operation::{concatenate, permute, reshape, slice};
use crate::tensor::shape::Shape;

impl Tensors {
    /// The same elements as another shape, which has as many. They are shared, not copied.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], and those of every operation.
    pub fn reshape(&mut self, input: TensorId, shape: &[u32]) -> Result<TensorId, TensorError> {
        self.unary(input, |_, input| reshape::reshape(input, Shape::from_u32(shape)?))
    }

    /// A tensor whose axis `i` is the input's axis `axes[i]`.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] unless every axis is named once, and those of every operation.
    pub fn permute(&mut self, input: TensorId, axes: &[u32]) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| permute::permute(executor, input, axes))
    }

    /// A tensor with two axes exchanged.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for an axis that is not there, and those of every operation.
    pub fn transpose(&mut self, input: TensorId, first: u32, second: u32) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| {
            let mut axes: Vec<u32> = (0..).take(input.shape().rank()).collect();
            let first = input.shape().axis("transpose", first)?;
            axes.swap(first, input.shape().axis("transpose", second)?);
            permute::permute(executor, input, &axes)
        })
    }

    /// The elements from `start` up to but not including `end` along an axis.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for a range that is not within the axis, and those of every operation.
    pub fn slice(&mut self, input: TensorId, axis: u32, start: u32, end: u32) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| slice::slice(executor, input, axis, start, end))
    }

    /// Tensors, at least one, one after another along an axis.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`] unless all other lengths are equal, [`TensorError::InvalidArgument`], and those
    /// of every operation.
    pub fn concatenate(&mut self, inputs: &[TensorId], axis: u32) -> Result<TensorId, TensorError> {
        self.require(inputs)?;
        let inputs: Vec<_> = inputs.iter().map(|&id| self.variable(id)).collect::<Result<_, _>>()?;
        let values: Vec<_> = inputs.iter().map(|input| &input.value).collect();
        let forward = concatenate::concatenate(&self.executor, &values, axis);
        let output = self.record(forward, &inputs.iter().collect::<Vec<_>>())?;
        self.insert(output)
    }
}
