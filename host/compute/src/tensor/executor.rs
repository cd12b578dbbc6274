//! What an operation runs on and with: the threads, whose work it is, the account that its results are charged
//! to, and the flag by which the host stops it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cpu::Workers;
use super::error::TensorError;
use super::memory::{Charge, Memory};
use super::shape::Shape;
use super::value::Tensor;
use super::wgsl::{self, Queue, Site};
use crate::Threads;

/// The most multiply-adds of one operation: 2⁴⁰, about ten seconds on two cores. An operation cannot be stopped
/// while it runs, so that its length has to be bounded before it starts.
pub const OPERATION_MULTIPLY_ADDS_MAX: u128 = 1 << 40;

/// How many elements a thread computes at once, where each can be computed alone.
const CHUNK_ELEMENTS: usize = 1 << 15;

/// Where operations run.
#[derive(Debug, Clone)]
pub(crate) struct Executor {
    /// None where operations run on the thread that asks for them.
    pub(crate) threads: Option<Arc<Threads>>,
    pub(crate) owner: u64,
    pub(crate) memory: Arc<Memory>,
    /// None where the processors compute everything.
    pub(crate) queue: Option<Arc<Queue>>,
    /// Whether the processors compute what there is no room for on the device.
    pub(crate) falls_back: bool,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Executor {
    /// The thread that asks for operations.
    pub(crate) fn new(memory: Arc<Memory>) -> Executor {
        Executor { threads: None, owner: 0, memory, queue: None, falls_back: false, stop: Arc::default() }
    }

    /// Where the device computes an operation of tensors of these shapes, its result's among them; `None` where the
    /// processors do. The device has room for none that is empty, and some have none for very large ones.
    pub(crate) fn site(&self, shapes: &[&Shape]) -> Option<Site<'_>> {
        let queue = self.queue.as_ref()?;
        let fits = |shape: &&Shape| (1..=queue.elements_max()).contains(&shape.elements());
        shapes.iter().all(fits).then_some(Site { executor: self, queue })
    }

    /// What the device computes of tensors of these shapes; `None` where the processors are to, as [`site`](Self::site) says,
    /// or because there is no room for it there.
    pub(crate) fn on_device<T>(
        &self,
        shapes: &[&Shape],
        compute: impl FnOnce(Site<'_>) -> Result<T, TensorError>,
    ) -> Option<Result<T, TensorError>> {
        match compute(self.site(shapes)?) {
            Err(error @ TensorError::OutOfMemory { .. }) if self.falls_back => {
                tracing::debug!(%error, "the processors compute what the device has no room for");
                None
            }
            computed => Some(computed),
        }
    }

    /// A tensor whose elements `fill` writes, all of them. An empty one is not filled: the other dimensions of an
    /// empty tensor may be so large that merely counting through them takes long.
    pub(crate) fn compute(&self, shape: Shape, fill: impl FnOnce(&mut [f32])) -> Result<Tensor, TensorError> {
        self.check_stop()?;
        Tensor::compute(&self.memory, shape, |values| {
            if !values.is_empty() {
                fill(values);
            }
        })
    }

    /// A tensor whose elements are yet to be written, all of them, by a kernel with several outputs.
    pub(crate) fn unwritten(&self, shape: Shape) -> Result<Tensor, TensorError> {
        self.compute(shape, |_| {})
    }

    /// A tensor of one value throughout.
    pub(crate) fn full(&self, shape: Shape, value: f32) -> Result<Tensor, TensorError> {
        if let Some(filled) = self.on_device(&[&shape], |site| wgsl::fill(site, shape, value)) {
            return filled;
        }
        self.compute(shape, |values| values.fill(value))
    }

    /// What the fast kernels run on.
    pub(crate) fn workers(&self) -> Workers<'_> {
        Workers::new(self.threads.as_deref(), self.owner)
    }

    /// Charges what a kernel needs beside its operands and its result, until what this returns is dropped.
    pub(crate) fn reserve(&self, scratch_elements: usize) -> Result<Arc<Charge>, TensorError> {
        self.memory.charge(scratch_elements)
    }

    /// Computes chunks of an output in parallel; `work` gets each with the range of its elements.
    pub(crate) fn for_each_chunk(&self, output: &mut [f32], work: impl Fn(Range<usize>, &mut [f32]) + Sync) {
        if output.len() <= CHUNK_ELEMENTS {
            return work(0..output.len(), output);
        }
        // Each chunk is locked once; the locks only hand the chunks to other threads.
        let chunks: Vec<_> = output.chunks_mut(CHUNK_ELEMENTS).map(Mutex::new).collect();
        self.workers().run(chunks.len(), &|part| {
            let mut chunk = chunks[part].lock().unwrap_or_else(PoisonError::into_inner);
            let start = part * CHUNK_ELEMENTS;
            work(start..start + chunk.len(), &mut chunk);
        });
    }

    /// Refuses an operation that would compute for too long.
    pub(crate) fn check_work(&self, operation: &'static str, factors: &[usize]) -> Result<(), TensorError> {
        let multiply_adds = factors.iter().fold(1u128, |product, &factor| product.saturating_mul(factor as u128));
        if multiply_adds <= OPERATION_MULTIPLY_ADDS_MAX {
            return Ok(());
        }
        Err(TensorError::TooMuchWork { operation, multiply_adds, limit: OPERATION_MULTIPLY_ADDS_MAX })
    }

    /// Fails once the host has raised the flag.
    pub(crate) fn check_stop(&self) -> Result<(), TensorError> {
        if self.stop.load(Ordering::Relaxed) { Err(TensorError::Stopped) } else { Ok(()) }
    }
}
