//! How a compute device is set up.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of a [`Device`](super::Device). `Default` gives every one of them a value.
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    /// The program that becomes a worker process.
    pub program: WorkerProgram,
    /// Whether kernels may run on an adapter that computes on the CPU. It is far slower than the host's own
    /// operations and its driver has silent limits of its own, so it is off; for proving kernels right it will do.
    pub allow_cpu: bool,
    /// A part of the name of the adapter to use, in any case of letters. The best one if it is left out.
    pub adapter_name: Option<String>,
    /// Bytes of buffers that each owner may have: 1 GiB. Its tensors may take what it may have of memory to compute with, if
    /// that is more.
    pub memory_bytes_max: u64,
    /// How long a submission may run, or a pipeline take to build: 10 s.
    pub dispatch_time_max: Duration,
    /// Worker processes at a time: 8. Each owner has one of its own while it computes; with more owners than
    /// workers, the one that has been idle longest has its buffers kept by the host meanwhile.
    pub workers_max: usize,
}

impl Default for DeviceConfig {
    fn default() -> Self {
        Self {
            program: WorkerProgram::ThisProgram,
            allow_cpu: false,
            adapter_name: None,
            memory_bytes_max: 1 << 30,
            dispatch_time_max: Duration::from_secs(10),
            workers_max: 8,
        }
    }
}

/// The program that becomes a worker process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerProgram {
    /// The running one, whose `main` calls [`run_if_asked`](super::worker::run_if_asked) first.
    ThisProgram,
    /// Another one that does, such as `belljar-compute-worker`.
    Path(PathBuf),
}
