//! What computes an actor's tensors: the processors, or the machine's compute device.

#[cfg(all(feature = "device", target_os = "linux"))]
use std::sync::Arc;

use super::Tensors;
#[cfg(all(feature = "device", target_os = "linux"))]
use crate::device::{AdapterKind, Device, DeviceError, Usage};
use crate::tensor::error::TensorError;
#[cfg(all(feature = "device", target_os = "linux"))]
use crate::tensor::wgsl::Queue;

/// What an actor wants its tensors to be computed by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// Whatever is fastest: a GPU if there is one and it has room, else the processors.
    #[default]
    Auto,
    /// The processors, whose results are the same to the last bit wherever they are computed.
    Cpu,
    /// The machine's compute device, whichever that is.
    Device,
}

impl Engine {
    /// Whether this is computed on a device with an adapter of that kind. One that computes on the processors is slower than
    /// they are by themselves.
    #[cfg(all(feature = "device", target_os = "linux"))]
    pub fn takes(self, adapter: AdapterKind) -> bool {
        match self {
            Engine::Auto => adapter.is_gpu(),
            Engine::Cpu => false,
            Engine::Device => true,
        }
    }
}

impl Tensors {
    /// What the actor wants its tensors to be computed by; it is a part of the state. The processors compute until the
    /// host [gives them a device](Self::compute_on).
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Changes that, and has the processors compute from now on. What the device has stays there until it is asked for.
    pub fn set_engine(&mut self, engine: Engine) {
        self.engine = engine;
        self.executor.queue = None;
    }

    /// Computes on a device from now on: whatever it has a kernel for. Operations queue their work and return; who asks for
    /// elements waits for it, and blocks its thread. Tensors may take `memory_bytes_max` there, or what the device gives every
    /// owner if that is more. Must be called in a tokio runtime.
    #[cfg(all(feature = "device", target_os = "linux"))]
    pub fn compute_on(&mut self, device: &Device, memory_bytes_max: u64) {
        let queue = self.queue.get_or_insert_with(|| Queue::new(device, memory_bytes_max));
        queue.stop_by(&self.executor.stop);
        self.executor.queue = Some(Arc::clone(queue));
        self.executor.falls_back = self.engine == Engine::Auto;
    }

    /// Whether operations may wait for a device.
    pub fn is_on_device(&self) -> bool {
        self.executor.queue.is_some() || self.queue.is_some()
    }

    /// Waits for all that was queued on the device.
    ///
    /// # Errors
    /// Why the device has failed since this was last called, if it has: what only it had is lost.
    #[cfg(all(feature = "device", target_os = "linux"))]
    pub async fn finish(&self) -> Result<(), DeviceError> {
        match &self.queue {
            Some(queue) => queue.finish().await,
            None => Ok(()),
        }
    }

    /// What was used of the device so far.
    #[cfg(all(feature = "device", target_os = "linux"))]
    pub fn device_usage(&self) -> Usage {
        self.queue.as_ref().map(|queue| queue.usage()).unwrap_or_default()
    }

    /// The process that has what is on the device, if there is one now, for those who watch it.
    #[cfg(all(feature = "device", target_os = "linux"))]
    pub fn device_worker(&self) -> Option<u32> {
        self.queue.as_ref()?.worker_process()
    }

    /// Reads back what only the device has, so that a clone is a snapshot that needs no device. What was read back counts
    /// for no account, as a snapshot does not, and is kept until [`forget_settled`](Self::forget_settled).
    ///
    /// # Errors
    /// [`TensorError::Device`] when it is lost.
    pub async fn settle(&mut self) -> Result<(), TensorError> {
        let entries = self.entries.values();
        let values = entries.flat_map(|entry| [Some(&entry.value), entry.gradient.as_ref()]).flatten();
        let parameters = self.optimisers.values().flat_map(|optimiser| &optimiser.parameters);
        let tensors: Vec<_> = values.chain(parameters.flat_map(|parameter| &parameter.moments)).cloned().collect();
        let mut settled = Vec::new();
        for tensor in tensors {
            settled.extend(tensor.settle().await?);
        }
        self.settled = settled;
        Ok(())
    }

    /// Lets go of what [`settle`](Self::settle) read back; a clone that was made has it still.
    pub fn forget_settled(&mut self) {
        self.settled.clear();
    }
}

#[cfg(all(test, feature = "device", target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_gpus_alone_and_the_others_what_they_name() {
        use AdapterKind::{Cpu, Discrete, Integrated, Other, Virtual};
        let kinds = [Discrete, Integrated, Virtual, Cpu, Other];
        assert_eq!(kinds.map(|kind| Engine::Auto.takes(kind)), [true, true, true, false, false]);
        assert_eq!(kinds.map(|kind| Engine::Cpu.takes(kind)), [false; 5]);
        assert_eq!(kinds.map(|kind| Engine::Device.takes(kind)), [true; 5]);
    }
}
