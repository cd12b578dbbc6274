//! The compute device: guests' own WGSL kernels on whatever adapter the machine has, through wgpu.
//!
//! A shader is untrusted code, and a driver is no sandbox: it can be made to loop for ever, to compile for
//! minutes, to crash. So nothing of a guest's reaches a driver in this process. Each owner's buffers and
//! pipelines live in a [worker] process of its own, which is killed and replaced when it takes too long; the
//! [limits of kernels](shader) and the fuel of their loops make that rare.
//!
//! ```no_run
//! use belljar_compute::device::{Binding, Command, Device, DeviceConfig, DeviceError, worker};
//!
//! # async fn example() -> Result<(), DeviceError> {
//! let device = Device::open(DeviceConfig::default()).await?;
//! let session = device.session();
//! let buffer = session.create_buffer(16)?;
//! let source = "
//!     @group(0) @binding(0) var<storage, read_write> cells: array<u32>;
//!     @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) at: vec3<u32>) { cells[at.x] = at.x; }";
//! let pipeline = session.create_pipeline(source, "main").await?;
//! let bindings = vec![Binding::whole(0, buffer)];
//! session.submit(vec![Command::Dispatch { pipeline, bindings, workgroups: [1, 1, 1] }]).await?;
//! assert_eq!(session.read(buffer, 12, 4).await?, [3, 0, 0, 0]);
//! # Ok(())
//! # }
//! fn main() {
//!     worker::run_if_asked();
//!     // …
//! }
//! ```

mod adapter;
mod commands;
mod config;
#[expect(clippy::module_inception, reason = "the device as a whole is one part of what the module is about")]
mod device;
mod error;
mod image;
pub(crate) mod memory;
mod nvidia;
mod process;
mod protocol;
mod session;
pub mod shader;
mod transfer;
pub mod worker;

pub use adapter::{Adapter, AdapterKind, AdapterLimits};
pub use commands::{ALIGNMENT_BYTES, Binding, COMMANDS_MAX, Command, WORKGROUPS_MAX};
pub use config::{DeviceConfig, WorkerProgram};
pub use device::{Device, TURN_TIME_MAX};
pub use error::DeviceError;
pub use image::{ENCODED_BESIDE_BUFFERS_BYTES_MAX, Image};
pub use nvidia::{GPUS_MAX, GpuReading, GpuReadingError, gpu_readings};
pub use session::{BUFFERS_MAX, PIPELINES_MAX, QUEUE_LENGTH_MAX, QUEUED_BYTES_MAX, Session, Usage};
