//! A tensor as the operations see it: a shape and shared elements in row-major order. Cloning one costs two
//! counters; whoever writes to elements that others hold gets a copy of their own.

use std::sync::Arc;

use super::error::TensorError;
use super::memory::{Buffer, Charge, Memory};
use super::shape::Shape;

/// A shape and its elements.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    shape: Shape,
    buffer: Arc<Buffer>,
    charge: Arc<Charge>,
}

impl Tensor {
    /// A tensor whose elements `fill` writes, all of them: what it finds there is left from earlier ones.
    pub(crate) fn compute(
        memory: &Arc<Memory>,
        shape: Shape,
        fill: impl FnOnce(&mut [f32]),
    ) -> Result<Tensor, TensorError> {
        let charge = memory.charge(shape.elements())?;
        let mut buffer = memory.buffer(shape.elements());
        fill(&mut buffer.values);
        Ok(Tensor { shape, buffer: Arc::new(buffer), charge })
    }

    /// A tensor of these values, of which there must be as many as the shape has elements.
    pub(crate) fn new(memory: &Arc<Memory>, shape: Shape, values: Vec<f32>) -> Result<Tensor, TensorError> {
        if values.len() != shape.elements() {
            let rule = format!("{}, as the shape {shape} has elements", shape.elements());
            return Err(TensorError::argument("create", "the number of values", values.len(), rule));
        }
        let charge = memory.charge(values.len())?;
        Ok(Tensor { shape, buffer: Arc::new(memory.adopt(values)), charge })
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn dimensions(&self) -> &[usize] {
        self.shape.dimensions()
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.buffer.values
    }

    /// The elements for writing; a copy of them when another tensor or a snapshot shares them.
    pub(crate) fn values_mut(&mut self, memory: &Arc<Memory>) -> Result<&mut [f32], TensorError> {
        if Arc::get_mut(&mut self.buffer).is_none() {
            // A charge that no other tensor shares goes over to the copy: only a snapshot holds the old buffer then.
            if Arc::strong_count(&self.charge) > 1 {
                self.charge = memory.charge(self.shape.elements())?;
            }
            let mut copy = memory.buffer(self.shape.elements());
            copy.values.copy_from_slice(&self.buffer.values);
            self.buffer = Arc::new(copy);
        }
        let buffer = Arc::get_mut(&mut self.buffer).expect("a buffer that was just found or made unshared");
        Ok(&mut buffer.values)
    }

    /// The same elements as another shape, which must have as many.
    pub(crate) fn reshaped(&self, shape: Shape) -> Tensor {
        assert_eq!(shape.elements(), self.shape.elements(), "a reshape keeps the number of elements");
        Tensor { shape, ..self.clone() }
    }

    /// The same elements on the books of another account.
    pub(crate) fn charged(&self, charge: Arc<Charge>) -> Tensor {
        Tensor { charge, ..self.clone() }
    }

    /// What two tensors have in common exactly when they share their elements.
    pub(crate) fn buffer_identity(&self) -> usize {
        Arc::as_ptr(&self.buffer).addr()
    }
}
