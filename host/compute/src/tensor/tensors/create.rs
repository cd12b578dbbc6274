//! Making tensors, reading and writing them, and freeing them.

use super::Tensors;
use crate::tensor::TensorId;
use crate::tensor::error::TensorError;
use crate::tensor::kernels;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

impl Tensors {
    /// A tensor of these values, in row-major order.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] when there are not as many as the shape has elements, and those of every
    /// function that makes a tensor: [`TensorError::InvalidShape`], [`TensorError::OutOfMemory`],
    /// [`TensorError::TooMany`] and [`TensorError::Stopped`].
    pub fn create(&mut self, shape: &[u32], values: Vec<f32>) -> Result<TensorId, TensorError> {
        self.executor.check_stop()?;
        let tensor = Tensor::new(&self.executor.memory, Shape::from_u32(shape)?, values)?;
        self.insert_constant(tensor)
    }

    /// A tensor of zeros.
    ///
    /// # Errors
    /// Those of every function that makes a tensor.
    pub fn zeros(&mut self, shape: &[u32]) -> Result<TensorId, TensorError> {
        self.full(shape, 0.0)
    }

    /// A tensor of one value throughout.
    ///
    /// # Errors
    /// Those of every function that makes a tensor.
    pub fn full(&mut self, shape: &[u32], value: f32) -> Result<TensorId, TensorError> {
        let tensor = self.executor.full(Shape::from_u32(shape)?, value)?;
        self.insert_constant(tensor)
    }

    /// Random numbers, each equally likely, from `low` up to but not including `high`. Element i depends on the seed
    /// and on i alone: it is made of word i of ChaCha with 8 rounds, whose key is the seed.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] unless `low` is less than `high` and both are finite.
    pub fn random_uniform(&mut self, shape: &[u32], low: f32, high: f32, seed: u64) -> Result<TensorId, TensorError> {
        if !(low.is_finite() && high.is_finite() && low < high) {
            let rule = "finite numbers, of which the first is less";
            return Err(TensorError::argument("random-uniform", "the range", format!("{low}..{high}"), rule));
        }
        let tensor = kernels::uniform(&self.executor, Shape::from_u32(shape)?, seed, low, high)?;
        self.insert_constant(tensor)
    }

    /// Normally distributed random numbers. Elements 2i and 2i + 1 depend on the seed and on i alone: the method of
    /// Box and Muller makes them of two words of ChaCha with 8 rounds, whose key is the seed.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] unless both numbers are finite and the deviation is not negative.
    pub fn random_normal(
        &mut self,
        shape: &[u32],
        mean: f32,
        deviation: f32,
        seed: u64,
    ) -> Result<TensorId, TensorError> {
        if !mean.is_finite() {
            return Err(TensorError::argument("random-normal", "the mean", mean, "finite"));
        }
        if !(deviation.is_finite() && deviation >= 0.0) {
            return Err(TensorError::argument("random-normal", "the deviation", deviation, "finite and not negative"));
        }
        let tensor = kernels::normal(&self.executor, Shape::from_u32(shape)?, seed, mean, deviation)?;
        self.insert_constant(tensor)
    }

    /// The lengths of a tensor's dimensions.
    ///
    /// # Errors
    /// [`TensorError::UnknownTensor`].
    pub fn shape(&self, id: TensorId) -> Result<Vec<u32>, TensorError> {
        Ok(self.entry(id)?.value.shape().to_u32())
    }

    /// A tensor's elements, in row-major order. Those that the device computed are waited for, which blocks the thread.
    ///
    /// # Errors
    /// [`TensorError::UnknownTensor`]; [`TensorError::Device`] and [`TensorError::OutOfMemory`] for those of the device.
    pub fn values(&self, id: TensorId) -> Result<&[f32], TensorError> {
        self.entry(id)?.value.values()
    }

    /// Overwrites a tensor's elements. What was computed from the earlier ones stays as it is, and so do their
    /// gradients; a tensor that was itself computed has no gradient any more.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] when there are not as many values as elements, [`TensorError::UnknownTensor`],
    /// [`TensorError::OutOfMemory`] when the elements are shared and must be copied first.
    pub fn set(&mut self, id: TensorId, values: &[f32]) -> Result<(), TensorError> {
        let memory = self.executor.memory.clone();
        let entry = self.entry_mut(id)?;
        let elements = entry.value.shape().elements();
        if values.len() != elements {
            let rule = format!("{elements}, as the shape {} has elements", entry.value.shape());
            return Err(TensorError::argument("set", "the number of values", values.len(), rule));
        }
        entry.value.set(&memory, values)?;
        entry.source = None;
        Ok(())
    }

    /// Frees a tensor and its gradient. What the tape and the optimisers keep of it stays until they are dropped.
    ///
    /// # Errors
    /// [`TensorError::UnknownTensor`].
    pub fn free(&mut self, id: TensorId) -> Result<(), TensorError> {
        self.entries.remove(&id).map(drop).ok_or(TensorError::UnknownTensor { id })
    }
}
