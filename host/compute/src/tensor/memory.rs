//! What an actor's tensors occupy. A buffer is charged while anything of the actor holds it, once however many
//! tensors share it, and the charge ends when the last holder drops it, on whatever way that happens. Elements that are
//! with the host and on the device as well are charged twice.
//!
//! Charges are kept apart from buffers, because a snapshot holds buffers too: whether one is being written at the
//! moment must not decide whether an actor's next operation finds room. A snapshot charges an account of its own.
//!
//! Buffers that nothing holds any more are kept for the next operation of the same actor that needs one of that
//! size. The steps of a training loop ask for the same sizes again and again, and memory that is fresh from the
//! system has to be zeroed first. No other actor ever gets them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::aligned::AlignedNumbers;
use super::error::TensorError;

/// How much memory an actor's tensors may occupy, unless it is configured otherwise: 1 GiB.
pub const TENSOR_BYTES_DEFAULT: u64 = 1 << 30;

/// The most that is kept of an actor's unused buffers: 256 MiB.
const SPARE_BYTES_MAX: usize = 256 << 20;

/// Buffers with fewer elements are not kept: the allocator is as quick with those.
const SPARE_ELEMENTS_MIN: usize = 4096;

/// The memory account of one actor.
#[derive(Debug)]
pub(crate) struct Memory {
    limit_bytes: AtomicU64,
    used_bytes: AtomicU64,
    spare: Arc<Mutex<Spare>>,
}

impl Memory {
    pub(crate) fn new(limit_bytes: u64) -> Arc<Memory> {
        Arc::new(Memory {
            limit_bytes: AtomicU64::new(limit_bytes),
            used_bytes: AtomicU64::new(0),
            spare: Arc::default(),
        })
    }

    /// Another account of the same actor, with nothing charged.
    pub(crate) fn sibling(&self) -> Arc<Memory> {
        let spare = Arc::clone(&self.spare);
        Arc::new(Memory { limit_bytes: AtomicU64::new(self.limit_bytes()), used_bytes: AtomicU64::new(0), spare })
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    /// Changes the limit. What is charged stays.
    pub(crate) fn set_limit_bytes(&self, limit_bytes: u64) {
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Charges the account for so many elements of four bytes.
    pub(crate) fn charge(self: &Arc<Memory>, elements: usize) -> Result<Arc<Charge>, TensorError> {
        let (needed_bytes, limit_bytes) = (bytes_of(elements), self.limit_bytes());
        self.used_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used_bytes| {
                used_bytes.checked_add(needed_bytes).filter(|&sum| sum <= limit_bytes)
            })
            .map_err(|used_bytes| TensorError::OutOfMemory { needed_bytes, used_bytes, limit_bytes })?;
        Ok(Arc::new(Charge { memory: Arc::clone(self), bytes: needed_bytes }))
    }

    /// Charges the account for elements that are there already, whatever the limit.
    pub(crate) fn charge_held(self: &Arc<Memory>, elements: usize) -> Arc<Charge> {
        let bytes = bytes_of(elements);
        self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        Arc::new(Charge { memory: Arc::clone(self), bytes })
    }

    /// Indices that an operation keeps on the tape, on the account.
    pub(crate) fn indices(self: &Arc<Memory>, values: &[u32]) -> Result<Indices, TensorError> {
        let charge = self.charge(values.len())?;
        Ok(Indices { values: values.to_vec(), _charge: charge })
    }

    /// So many numbers, which are whatever they last were. Charge them first.
    pub(crate) fn numbers(&self, elements: usize) -> HostNumbers {
        let mut spare = self.lock_spare();
        let kept = spare.take(elements);
        // What is kept must not take the room of what is used.
        if kept.is_none() && self.used_bytes().saturating_add(spare.bytes as u64) > self.limit_bytes() {
            *spare = Spare::default();
        }
        drop(spare);
        self.hold(kept.unwrap_or_else(|| AlignedNumbers::zeros(elements)))
    }

    /// These values as numbers of this actor.
    pub(crate) fn adopt(&self, values: Vec<f32>) -> HostNumbers {
        self.hold(values.into())
    }

    fn hold(&self, values: AlignedNumbers) -> HostNumbers {
        HostNumbers { values, spare: Arc::clone(&self.spare) }
    }

    /// Gives the buffers that nothing holds back to the system.
    pub(crate) fn release_spare(&self) {
        *self.lock_spare() = Spare::default();
    }

    fn lock_spare(&self) -> std::sync::MutexGuard<'_, Spare> {
        // A list of buffers is whole after any panic.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_of(elements: usize) -> u64 {
    (elements as u64).saturating_mul(size_of::<f32>() as u64)
}

/// Memory that is charged to an account until this is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Charge {
    /// As much once more, for a copy, on the same account.
    pub(crate) fn again(&self) -> Result<Arc<Charge>, TensorError> {
        self.memory.charge(self.bytes as usize / size_of::<f32>())
    }

    /// The account.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory.used_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Indices that are charged until this is dropped.
#[derive(Debug)]
pub(crate) struct Indices {
    pub(crate) values: Vec<u32>,
    _charge: Arc<Charge>,
}

/// Elements of a tensor, with the host. They go back to their actor's spare buffers when this is dropped.
#[derive(Debug)]
pub(crate) struct HostNumbers {
    pub(crate) values: AlignedNumbers,
    spare: Arc<Mutex<Spare>>,
}

impl Drop for HostNumbers {
    fn drop(&mut self) {
        if self.values.len() >= SPARE_ELEMENTS_MIN {
            let values = std::mem::take(&mut self.values);
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).put(values);
        }
    }
}

/// Unused buffers by how many elements they have.
#[derive(Debug, Default)]
struct Spare {
    bytes: usize,
    buffers: BTreeMap<usize, Vec<AlignedNumbers>>,
}

impl Spare {
    fn take(&mut self, elements: usize) -> Option<AlignedNumbers> {
        let buffer = self.buffers.get_mut(&elements)?.pop()?;
        self.bytes -= size_of_val(&*buffer);
        Some(buffer)
    }

    fn put(&mut self, buffer: AlignedNumbers) {
        let bytes = size_of_val(&*buffer);
        // Sizes that are not used any more must not keep those that are from being kept.
        if self.bytes + bytes > SPARE_BYTES_MAX {
            *self = Spare::default();
        }
        if bytes <= SPARE_BYTES_MAX {
            self.bytes += bytes;
            self.buffers.entry(buffer.len()).or_default().push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_past_the_limit_is_refused_and_a_dropped_one_makes_room() {
        let memory = Memory::new(1000);
        let charge = memory.charge(200).unwrap();
        let error = memory.charge(51).unwrap_err();
        assert_eq!(error, TensorError::OutOfMemory { needed_bytes: 204, used_bytes: 800, limit_bytes: 1000 });
        drop(charge);
        assert_eq!(memory.used_bytes(), 0);
        assert!(memory.charge(250).is_ok());
    }

    #[test]
    fn an_unused_buffer_is_used_again_for_its_size_alone() {
        let memory = Memory::new(u64::MAX);
        let mut buffer = memory.numbers(5000);
        buffer.values[0] = 7.0;
        drop(buffer);
        assert_eq!(memory.numbers(5001).values[0], 0.0);
        assert_eq!(memory.numbers(5000).values[0], 7.0);
        memory.release_spare();
        assert_eq!(memory.numbers(5000).values[0], 0.0);
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let mut spare = Spare::default();
        for elements in 0..100 {
            spare.put(AlignedNumbers::zeros((1 << 20) + elements));
            assert!(spare.bytes <= SPARE_BYTES_MAX);
        }
        let kept: usize = spare.buffers.values().flatten().map(|buffer| size_of_val(&**buffer)).sum();
        assert_eq!(spare.bytes, kept);
    }
}
