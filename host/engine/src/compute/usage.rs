//! What an instance has had the host compute: figures for whoever watches it. They are no part of its state, and begin anew
//! with each instance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an instance has had the host compute since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputeUsage {
    /// What it takes of memory: boards, tensors, and buffers of the device.
    pub memory_bytes: u64,
    /// Operations on boards and tensors.
    pub operations: u64,
    /// How long they took, with the wait for their turns, in nanoseconds.
    pub busy_ns: u64,
    /// Kernels that ran on the device.
    pub dispatches: u64,
    /// How long the device was at work for it, in nanoseconds.
    pub device_busy_ns: u64,
    /// Bytes written to buffers of the device.
    pub device_bytes_written: u64,
    /// Bytes read from buffers of the device.
    pub device_bytes_read: u64,
    /// Processes for its kernels that were killed, or died.
    pub workers_lost: u64,
}

impl ComputeUsage {
    /// Counts an operation on boards or tensors.
    pub(crate) fn operated(&mut self, took: Duration) {
        self.operations += 1;
        self.busy_ns = self.busy_ns.saturating_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}
