//! A tensor as the operations see it: a shape and shared elements in row-major order. Cloning one costs two
//! counters; whoever writes to elements that others hold gets a copy of their own.

use std::sync::Arc;

use super::buffer::Buffer;
use super::error::TensorError;
use super::memory::{Charge, HostNumbers, Memory};
use super::shape::Shape;
use super::wgsl::{DeviceNumbers, Queue};

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
        let mut numbers = memory.numbers(shape.elements());
        fill(&mut numbers.values);
        Ok(Tensor { shape, buffer: Arc::new(Buffer::of_host(numbers)), charge })
    }

    /// A tensor on the device, whose elements are yet to be computed, all of them.
    pub(crate) fn on_device(memory: &Arc<Memory>, queue: &Arc<Queue>, shape: Shape) -> Result<Tensor, TensorError> {
        let charge = memory.charge(shape.elements())?;
        Ok(Tensor { shape, buffer: Arc::new(Buffer::of_device(queue.numbers(shape.elements())?)), charge })
    }

    /// A tensor of these values, of which there must be as many as the shape has elements.
    pub(crate) fn new(memory: &Arc<Memory>, shape: Shape, values: Vec<f32>) -> Result<Tensor, TensorError> {
        if values.len() != shape.elements() {
            let rule = format!("{}, as the shape {shape} has elements", shape.elements());
            return Err(TensorError::argument("create", "the number of values", values.len(), rule));
        }
        let charge = memory.charge(values.len())?;
        Ok(Tensor { shape, buffer: Arc::new(Buffer::of_host(memory.adopt(values))), charge })
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn dimensions(&self) -> &[usize] {
        self.shape.dimensions()
    }

    /// The elements with the host, which waits for the device if only that has them.
    pub(crate) fn values(&self) -> Result<&[f32], TensorError> {
        self.buffer.values(&self.charge)
    }

    /// The elements on the device.
    pub(crate) fn numbers(&self, queue: &Arc<Queue>) -> Result<Arc<DeviceNumbers>, TensorError> {
        self.buffer.numbers(queue, &self.charge)
    }

    /// Whether the device that has this queue has the elements.
    pub(crate) fn is_on(&self, queue: &Arc<Queue>) -> bool {
        self.buffer.is_on(queue)
    }

    /// The elements for writing; a copy of them when another tensor or a snapshot shares them.
    pub(crate) fn values_mut(&mut self, memory: &Arc<Memory>) -> Result<&mut [f32], TensorError> {
        let is_shared = match Arc::get_mut(&mut self.buffer) {
            Some(buffer) => buffer.values_mut(&self.charge)?.is_none(),
            None => true,
        };
        if is_shared {
            let charge = self.charge_of_copy(memory)?;
            let mut copy = memory.numbers(self.shape.elements());
            copy.values.copy_from_slice(self.values()?);
            (self.buffer, self.charge) = (Arc::new(Buffer::of_host(copy)), charge);
        }
        let buffer = Arc::get_mut(&mut self.buffer).expect("a buffer that was just found or made unshared");
        Ok(buffer.values_mut(&self.charge)?.expect("elements that were just found or made unshared"))
    }

    /// The elements for writing on the device; a copy of them when another tensor or a snapshot shares them.
    pub(crate) fn numbers_mut(
        &mut self,
        memory: &Arc<Memory>,
        queue: &Arc<Queue>,
    ) -> Result<Arc<DeviceNumbers>, TensorError> {
        if let Some(buffer) = Arc::get_mut(&mut self.buffer)
            && let Some(numbers) = buffer.numbers_mut(queue, &self.charge)?
        {
            return Ok(numbers);
        }
        let charge = self.charge_of_copy(memory)?;
        let copy = queue.copy(self.numbers(queue)?.as_ref())?;
        (self.buffer, self.charge) = (Arc::new(Buffer::of_device(copy)), charge);
        self.numbers(queue)
    }

    /// Overwrites the elements, of which there are as many.
    pub(crate) fn set(&mut self, memory: &Arc<Memory>, values: &[f32]) -> Result<(), TensorError> {
        let charge = self.charge_of_copy(memory)?;
        let mut numbers = memory.numbers(self.shape.elements());
        numbers.values.copy_from_slice(values);
        (self.buffer, self.charge) = (Arc::new(Buffer::of_host(numbers)), charge);
        Ok(())
    }

    /// Reads back what only the device has, for a snapshot that is made as long as this is held.
    pub(crate) async fn settle(&self) -> Result<Option<Arc<HostNumbers>>, TensorError> {
        self.buffer.settle(self.charge.memory()).await
    }

    /// The same elements as another shape, which must have as many.
    pub(crate) fn reshaped(&self, shape: Shape) -> Tensor {
        assert_eq!(shape.elements(), self.shape.elements(), "a reshape keeps the number of elements");
        Tensor { shape, ..self.clone() }
    }

    /// The elements as a snapshot keeps them, apart from what becomes of these.
    pub(crate) fn shared_buffer(&self) -> Arc<Buffer> {
        Arc::new(self.buffer.shared())
    }

    /// The same shape of these elements, on the books of another account.
    pub(crate) fn with_buffer(&self, buffer: Arc<Buffer>, charge: Arc<Charge>) -> Tensor {
        Tensor { shape: self.shape, buffer, charge }
    }

    /// What two tensors have in common exactly when they share their elements.
    pub(crate) fn buffer_identity(&self) -> usize {
        Arc::as_ptr(&self.buffer).addr()
    }

    /// The charge of a copy. One that no other tensor shares goes over to it: only a snapshot has the old elements then.
    fn charge_of_copy(&self, memory: &Arc<Memory>) -> Result<Arc<Charge>, TensorError> {
        if Arc::strong_count(&self.charge) > 1 { memory.charge(self.shape.elements()) } else { Ok(self.charge.clone()) }
    }
}
