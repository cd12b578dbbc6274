//! Functions of elements, arithmetic, products of matrices and reductions.

use super::Tensors;
use crate::tensor::TensorId;
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Arithmetic, Function, Softmax};
use crate::tensor::operation::reduction::{self, Axes};
use crate::tensor::operation::{elementwise, matmul, softmax};

impl Tensors {
    /// A function of every element.
    ///
    /// # Errors
    /// Those of every operation: [`TensorError::UnknownTensor`], [`TensorError::OutOfMemory`],
    /// [`TensorError::TooMany`], [`TensorError::Stopped`].
    pub fn apply(&mut self, input: TensorId, function: Function) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| elementwise::map(executor, function, input))
    }

    /// The sum of two tensors whose shapes broadcast as in NumPy.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], and those of every operation.
    pub fn add(&mut self, left: TensorId, right: TensorId) -> Result<TensorId, TensorError> {
        self.combine(Arithmetic::Add, left, right)
    }

    /// The difference of two tensors whose shapes broadcast as in NumPy.
    ///
    /// # Errors
    /// As [`Tensors::add`].
    pub fn subtract(&mut self, left: TensorId, right: TensorId) -> Result<TensorId, TensorError> {
        self.combine(Arithmetic::Subtract, left, right)
    }

    /// The product of the elements of two tensors whose shapes broadcast as in NumPy.
    ///
    /// # Errors
    /// As [`Tensors::add`].
    pub fn multiply(&mut self, left: TensorId, right: TensorId) -> Result<TensorId, TensorError> {
        self.combine(Arithmetic::Multiply, left, right)
    }

    /// The quotient of the elements of two tensors whose shapes broadcast as in NumPy.
    ///
    /// # Errors
    /// As [`Tensors::add`].
    pub fn divide(&mut self, left: TensorId, right: TensorId) -> Result<TensorId, TensorError> {
        self.combine(Arithmetic::Divide, left, right)
    }

    /// The product of matrices `[.., m, k]` and `[.., k, n]`; the dimensions before broadcast as in NumPy.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], [`TensorError::TooMuchWork`], and those of every operation.
    pub fn matmul(&mut self, left: TensorId, right: TensorId) -> Result<TensorId, TensorError> {
        self.binary(left, right, matmul::matmul)
    }

    /// The sum along these axes, or along all when none is named. `keep` leaves each with a length of one.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for an axis that is not there, and those of every operation.
    pub fn sum(&mut self, input: TensorId, axes: &[u32], keep: bool) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| {
            reduction::sum(executor, input, Axes::new("sum", input.shape(), axes, keep)?)
        })
    }

    /// The mean along these axes, or along all when none is named; not-a-number along an empty one.
    ///
    /// # Errors
    /// As [`Tensors::sum`].
    pub fn mean(&mut self, input: TensorId, axes: &[u32], keep: bool) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| {
            reduction::mean(executor, input, Axes::new("mean", input.shape(), axes, keep)?)
        })
    }

    /// The largest number along these axes, or along all when none is named; not-a-number where there is one. Equal
    /// largest numbers share the gradient evenly.
    ///
    /// # Errors
    /// As [`Tensors::sum`]; [`TensorError::InvalidArgument`] also along an empty axis.
    pub fn max(&mut self, input: TensorId, axes: &[u32], keep: bool) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| {
            reduction::max(executor, input, Axes::new("max", input.shape(), axes, keep)?)
        })
    }

    /// The place of the first largest number along an axis, for each of the other elements in row-major order.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for an axis that is empty or not there, [`TensorError::UnknownTensor`].
    pub fn argmax(&self, input: TensorId, axis: u32) -> Result<Vec<u32>, TensorError> {
        reduction::argmax(&self.executor, &self.entry(input)?.value, axis)
    }

    /// eˣ over the sum of all eˣ along an axis.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for an axis that is not there, and those of every operation.
    pub fn softmax(&mut self, input: TensorId, axis: u32) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| softmax::softmax(executor, Softmax::Plain, input, axis))
    }

    /// The logarithm of the softmax along an axis.
    ///
    /// # Errors
    /// As [`Tensors::softmax`].
    pub fn log_softmax(&mut self, input: TensorId, axis: u32) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| softmax::softmax(executor, Softmax::Logarithm, input, axis))
    }

    fn combine(&mut self, arithmetic: Arithmetic, left: TensorId, right: TensorId) -> Result<TensorId, TensorError> {
        self.binary(left, right, |executor, left, right| elementwise::combine(executor, arithmetic, left, right))
    }
}
