//! What instances compute with in the host: boards, tensors, and buffers on the machine's compute device, a part of their
//! state that no snapshot of their memory can carry; and what all of them compute on.

mod device;
mod processors;
mod state;
mod usage;

use std::sync::atomic::{AtomicU64, Ordering};

use belljar_compute::automaton::{Boards, DeviceStepper};
use belljar_compute::device::{Device, Session};
use belljar_compute::tensor::{TensorError, Tensors};

use device::DeviceUse;
pub use processors::Processors;
pub(crate) use processors::Stop;
pub use state::{ComputeState, DamagedCompute};
pub use usage::ComputeUsage;

pub use belljar_compute::device::worker::run_if_asked as run_worker_if_asked;
pub use belljar_compute::device::{Adapter, AdapterKind, AdapterLimits, DeviceConfig, DeviceError, WorkerProgram};
pub use belljar_compute::device::{GpuReading, GpuReadingError, gpu_readings};

/// What one instance computes with.
pub(crate) struct Compute {
    pub boards: Boards,
    pub tensors: Tensors,
    device: DeviceUse,
    /// Tells instances apart where they take turns on the threads.
    pub owner: u64,
    /// Operations on boards and tensors, and their time.
    pub usage: ComputeUsage,
    /// Whether what the guest wants its tensors to be computed by has been looked for.
    pub has_found_engine: bool,
    /// Whether what is computed must come to the same again, as in a replay.
    pub is_exact: bool,
    /// What all of it together may take of the host's memory.
    memory_bytes_max: u64,
}

impl Compute {
    /// Nothing yet, and what all of it together may take.
    pub(crate) fn new(memory_bytes_max: u64) -> Compute {
        static OWNERS: AtomicU64 = AtomicU64::new(0);
        let owner = OWNERS.fetch_add(1, Ordering::Relaxed);
        let (boards, tensors) = (Boards::new(memory_bytes_max), Tensors::new(memory_bytes_max));
        let (device, usage) = (DeviceUse::default(), ComputeUsage::default());
        Compute { boards, tensors, device, owner, usage, has_found_engine: false, is_exact: false, memory_bytes_max }
    }

    /// The boards, which may take what the others leave.
    pub(crate) fn boards_with_room(&mut self) -> &mut Boards {
        self.boards.set_memory_bytes_max(self.left_of([self.tensors.memory_bytes(), self.device.memory_bytes()]));
        &mut self.boards
    }

    /// The tensors, which may take what the others leave.
    pub(crate) fn tensors_with_room(&mut self) -> &mut Tensors {
        self.tensors.forget_settled();
        self.tensors.set_memory_bytes_max(self.left_of([self.boards.memory_bytes(), self.device.memory_bytes()]));
        &mut self.tensors
    }

    /// Has tensors computed on a device, where they may take all that the instance may take.
    pub(crate) fn compute_tensors_on(&mut self, device: &Device) {
        self.tensors.compute_on(device, self.memory_bytes_max);
    }

    /// What buffers of the device may take: what the others leave.
    pub(crate) fn device_bytes_max(&self) -> u64 {
        self.left_of([self.boards.memory_bytes(), self.tensors.memory_bytes()])
    }

    fn left_of(&self, others: [u64; 2]) -> u64 {
        others.iter().fold(self.memory_bytes_max, |left, bytes| left.saturating_sub(*bytes))
    }

    /// The instance's session on the device, which is opened if there is none.
    pub(crate) async fn session(&mut self, processors: &Processors) -> Result<&Session, DeviceError> {
        let memory_bytes_max = self.device_bytes_max();
        self.device.session(processors, memory_bytes_max).await
    }

    /// What steps the instance's boards on a device, in what memory all the rest leaves, to be given back.
    pub(crate) fn take_stepper(&mut self, device: &Device) -> DeviceStepper {
        let memory_bytes_max = self.memory_bytes_max.saturating_sub(self.memory_bytes());
        self.device.take_stepper(device, memory_bytes_max)
    }

    /// Takes back what steps boards. If it has failed, what it had on the device is freed.
    pub(crate) fn give_stepper(&mut self, stepper: DeviceStepper, has_failed: bool) {
        self.device.give_stepper(stepper, has_failed);
    }

    /// Waits for what the guest has queued on the device and not waited for, kernels and operations on tensors. Fails also
    /// where tensors were lost in this call that the guest knows of.
    pub(crate) async fn finish(&self) -> Result<(), DeviceError> {
        self.tensors.finish().await?;
        self.device.finish().await
    }

    /// The buffers whose contents were lost, and that were not wholly written since.
    pub(crate) fn lost_buffers(&self) -> Vec<u64> {
        self.device.lost_buffers()
    }

    /// Reads back what the guest has on the device, for [`Compute::state`].
    pub(crate) async fn settle(&mut self) -> Result<(), SettleError> {
        self.tensors.settle().await?;
        Ok(self.device.settle().await?)
    }

    /// All that was computed so far.
    pub(crate) fn usage(&self) -> ComputeUsage {
        let device = self.device.usage() + self.tensors.device_usage();
        ComputeUsage {
            memory_bytes: self.memory_bytes(),
            dispatches: device.dispatches,
            device_busy_ns: device.busy_ns,
            device_bytes_written: device.bytes_written,
            device_bytes_read: device.bytes_read,
            workers_lost: device.workers_lost,
            ..self.usage
        }
    }

    /// What it takes of the host's memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.boards.memory_bytes() + self.tensors.memory_bytes() + self.device.memory_bytes()
    }

    /// All of it as it is now, of the device as it was when it was last settled. It shares its contents with the instance
    /// until that changes them.
    pub(crate) fn state(&self) -> ComputeState {
        let image = self.device.image().clone();
        ComputeState { boards: self.boards.clone(), tensors: self.tensors.clone(), image }
    }

    /// Has this instead, within its own limit.
    pub(crate) fn set_state(&mut self, state: ComputeState) {
        (self.boards, self.tensors) = (state.boards, state.tensors);
        self.has_found_engine = false;
        self.device = DeviceUse::new(state.image);
    }
}

/// Why what is on the device cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) enum SettleError {
    Device(#[from] DeviceError),
    Tensors(#[from] TensorError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_and_tensors_share_one_limit() {
        let mut compute = Compute::new(4000);
        compute.tensors_with_room().zeros(&[900]).unwrap();
        assert!(compute.tensors_with_room().zeros(&[900]).is_err());
        assert_eq!(compute.memory_bytes(), 3600);
        assert_eq!(compute.state().memory_bytes(), 3600);
    }
}
