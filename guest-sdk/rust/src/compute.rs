//! Kernels of the plugin's own, in WGSL, on the machine's GPU. What the device allows, and what becomes of the buffers
//! when a kernel fails, stands in the contract, `wit/compute.wit`.
//!
//! ```no_run
//! use belljar_guest::compute::{self, Buffer, Command, Error, Pipeline};
//!
//! const DOUBLE: &str = "
//!     @group(0) @binding(0) var<storage, read_write> values: array<f32>;
//!
//!     @compute @workgroup_size(64)
//!     fn double(@builtin(global_invocation_id) id: vec3<u32>) {
//!         if id.x < arrayLength(&values) {
//!             values[id.x] *= 2.0;
//!         }
//!     }
//! ";
//!
//! let pipeline = Pipeline::new(DOUBLE, "double")?;
//! let values = Buffer::new(4 * 100)?;
//! values.write_f32(0, &[1.5; 100])?;
//! compute::submit(&[Command::Dispatch {
//!     pipeline: &pipeline,
//!     bindings: &[values.bind(0, 0)],
//!     workgroups: (2, 1, 1),
//! }])?;
//!
//! assert_eq!(values.read_f32(0, 100)?, [3.0; 100]);
//! # Ok::<(), Error>(())
//! ```
//!
//! Buffers and pipelines of an actor are a part of its state. In a unit test there is no device: everything fails with
//! [`Error::NoAdapter`].

use crate::bindings::belljar::plugin::compute as wit;
use crate::host::compute as host;

pub use wit::{AdapterInfo, AdapterKind, LimitError, Limits, Position, ValidationError};

/// Why a call failed. Work is queued, so what is wrong with it may be said by a later call that waits for it. After any
/// error, the next call works again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no adapter that may be used; the text says what there is, and what to do.
    #[error("there is no adapter for kernels: {0}")]
    NoAdapter(String),
    /// The kernel, or how it is used, was refused.
    #[error("the kernel is not valid{}: {}", place(.0.position), .0.message)]
    Validation(ValidationError),
    /// Something is too much.
    #[error("{} {}{}, and {} is {}", .0.found, .0.what, place(.0.position), .0.name, .0.max)]
    Limit(LimitError),
    /// There is no buffer of this id.
    #[error("there is no buffer {0}, or it has been freed")]
    UnknownBuffer(u64),
    /// There is no pipeline of this id.
    #[error("there is no pipeline {0}, or it has been freed")]
    UnknownPipeline(u64),
    /// A range reaches past a buffer's end; the number is its size in bytes.
    #[error("the range reaches past the end of the buffer, which has {0} bytes")]
    OutOfRange(u64),
    /// An offset or a size is not a multiple of this many bytes.
    #[error("offset and size must be multiples of {0} bytes")]
    Unaligned(u64),
    /// The contents of this buffer were lost. Write all of it again, or drop it.
    #[error("the contents of buffer {0} were lost with an earlier kernel: write all of it again")]
    BufferLost(u64),
    /// This pipeline's loops used up their fuel. What it wrote is not its result.
    #[error("the loops of pipeline {0} used up their fuel: split the work into several dispatches")]
    OutOfFuel(u64),
    /// It took too long. The contents of all buffers are lost.
    #[error("the kernel took too long, and the contents of the buffers are lost: {0}")]
    TimedOut(String),
    /// The worker or the device failed. The contents of all buffers are lost.
    #[error("the device failed, and the contents of the buffers are lost: {0}")]
    WorkerLost(String),
    /// The device has no memory left.
    #[error("the device has no memory left; some may be free later")]
    OutOfMemory,
}

impl Error {
    /// Whether the same work may succeed when it is done again, with buffers that were lost written again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::BufferLost(_) | Self::WorkerLost(_) | Self::OutOfMemory)
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NoAdapter(why) => Self::NoAdapter(why),
            wit::Error::Validation(error) => Self::Validation(error),
            wit::Error::Limit(error) => Self::Limit(error),
            wit::Error::UnknownBuffer(id) => Self::UnknownBuffer(id),
            wit::Error::UnknownPipeline(id) => Self::UnknownPipeline(id),
            wit::Error::OutOfRange(size_bytes) => Self::OutOfRange(size_bytes),
            wit::Error::Unaligned(alignment_bytes) => Self::Unaligned(alignment_bytes),
            wit::Error::BufferLost(id) => Self::BufferLost(id),
            wit::Error::OutOfFuel(pipeline) => Self::OutOfFuel(pipeline),
            wit::Error::TimedOut(why) => Self::TimedOut(why),
            wit::Error::WorkerLost(why) => Self::WorkerLost(why),
            wit::Error::OutOfMemory => Self::OutOfMemory,
        }
    }
}

/// What kernels run on, and what it allows.
///
/// # Errors
///
/// [`Error::NoAdapter`].
pub fn request_adapter() -> Result<AdapterInfo, Error> {
    Ok(host::request_adapter()?)
}

/// Queues commands, which run in order: each sees what the ones before it wrote. Returns before they have run.
///
/// # Errors
///
/// A command that is not possible, or what went wrong with work that was queued earlier.
pub fn submit(commands: &[Command<'_>]) -> Result<(), Error> {
    let commands: Vec<_> = commands.iter().map(Command::wit).collect();
    Ok(host::submit(&commands)?)
}

/// Waits for the work that is queued. Returns how long it took on the device since the last call, in nanoseconds, where
/// the adapter can tell.
///
/// # Errors
///
/// What went wrong with the work.
pub fn finish() -> Result<Option<u64>, Error> {
    Ok(host::finish()?)
}

/// Memory of the device. It is freed when the value is dropped; one in an actor's state lives as long as the actor,
/// through its checkpoints. Kernels write to it, so nothing here needs it to be `mut`.
#[derive(Debug)]
pub struct Buffer {
    id: u64,
}

#[expect(clippy::missing_errors_doc, reason = "each fails as the type of the error says")]
impl Buffer {
    /// Zeros: so many bytes, a multiple of 4.
    pub fn new(size_bytes: u64) -> Result<Self, Error> {
        Ok(Self { id: host::create_buffer(size_bytes)? })
    }

    /// Queues bytes to be written from an offset on, both multiples of 4.
    pub fn write(&self, offset_bytes: u64, bytes: &[u8]) -> Result<(), Error> {
        Ok(host::write_buffer(self.id, offset_bytes, bytes)?)
    }

    /// Queues numbers to be written from an offset in bytes on.
    pub fn write_f32(&self, offset_bytes: u64, values: &[f32]) -> Result<(), Error> {
        Ok(host::write_buffer_f32(self.id, offset_bytes, values)?)
    }

    /// Waits for the work that is queued, and reads bytes from an offset on, both multiples of 4.
    pub fn read(&self, offset_bytes: u64, size_bytes: u64) -> Result<Vec<u8>, Error> {
        Ok(host::read_buffer(self.id, offset_bytes, size_bytes)?)
    }

    /// Waits for the work that is queued, and reads so many numbers from an offset in bytes on.
    pub fn read_f32(&self, offset_bytes: u64, count: u64) -> Result<Vec<f32>, Error> {
        Ok(host::read_buffer_f32(self.id, offset_bytes, count)?)
    }

    /// The whole buffer as `@group(group) @binding(binding)` of a kernel.
    pub fn bind(&self, group: u32, binding: u32) -> Binding<'_> {
        Binding { group, binding, buffer: self, offset_bytes: 0, size_bytes: None }
    }

    /// Whether the contents were lost with a kernel that failed, and were not wholly written since.
    pub fn is_lost(&self) -> bool {
        host::lost_buffers().contains(&self.id)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Nobody could do anything about an error.
        let _ = host::destroy_buffer(self.id);
    }
}

/// A kernel that was built for the device. It is freed when the value is dropped.
#[derive(Debug)]
pub struct Pipeline {
    id: u64,
}

impl Pipeline {
    /// Builds the `@compute` function `entry_point` of WGSL source.
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] and [`Error::Limit`] with the place in the source, or the device's own.
    pub fn new(source: &str, entry_point: &str) -> Result<Self, Error> {
        Ok(Self { id: host::create_compute_pipeline(source, entry_point)? })
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = host::destroy_compute_pipeline(self.id);
    }
}

/// A buffer, or a part of it, as `@group(group) @binding(binding)` of a kernel.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The group, from 0 to 2.
    pub group: u32,
    /// The number in the group.
    pub binding: u32,
    /// What the kernel sees.
    pub buffer: &'a Buffer,
    /// Where the part begins.
    pub offset_bytes: u64,
    /// How large it is; `None` for all the rest.
    pub size_bytes: Option<u64>,
}

/// One command of a submission.
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    /// Runs a kernel.
    Dispatch {
        /// The kernel.
        pipeline: &'a Pipeline,
        /// The buffers that it declares.
        bindings: &'a [Binding<'a>],
        /// Workgroups along x, y and z.
        workgroups: (u32, u32, u32),
    },
    /// Copies from one buffer to another.
    Copy {
        /// From where.
        source: &'a Buffer,
        /// From which byte on.
        source_offset_bytes: u64,
        /// To where.
        destination: &'a Buffer,
        /// From which byte on.
        destination_offset_bytes: u64,
        /// How much.
        size_bytes: u64,
    },
    /// Fills a part of a buffer with zeros.
    Clear {
        /// Which buffer.
        buffer: &'a Buffer,
        /// From which byte on.
        offset_bytes: u64,
        /// How much.
        size_bytes: u64,
    },
}

impl Command<'_> {
    fn wit(&self) -> wit::Command {
        match *self {
            Self::Dispatch { pipeline, bindings, workgroups } => {
                let bind_group = bindings.iter().map(Binding::wit).collect();
                wit::Command::DispatchWorkgroups(wit::Dispatch { pipeline: pipeline.id, bind_group, workgroups })
            }
            Self::Copy { source, source_offset_bytes, destination, destination_offset_bytes, size_bytes } => {
                wit::Command::CopyBufferToBuffer(wit::BufferCopy {
                    source: source.id,
                    source_offset: source_offset_bytes,
                    destination: destination.id,
                    destination_offset: destination_offset_bytes,
                    size: size_bytes,
                })
            }
            Self::Clear { buffer, offset_bytes, size_bytes } => wit::Command::ClearBuffer(wit::BufferClear {
                buffer: buffer.id,
                offset: offset_bytes,
                size: size_bytes,
            }),
        }
    }
}

impl Binding<'_> {
    fn wit(&self) -> wit::BindGroupEntry {
        let Self { group, binding, buffer, offset_bytes, size_bytes } = *self;
        wit::BindGroupEntry { group, binding, buffer: buffer.id, offset: offset_bytes, size: size_bytes }
    }
}

/// A place in a kernel's source for a message, or nothing.
fn place(position: Option<Position>) -> String {
    position.map(|Position { line, column }| format!(" (line {line}, column {column})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_device_in_a_unit_test() {
        assert!(matches!(request_adapter(), Err(Error::NoAdapter(_))));
        assert!(matches!(Buffer::new(4), Err(Error::NoAdapter(_))));
        assert!(matches!(Pipeline::new("", "main"), Err(Error::NoAdapter(_))));
        assert!(matches!(finish(), Err(Error::NoAdapter(_))));
    }

    #[test]
    fn an_error_in_a_kernel_says_where_it_is() {
        let position = Some(Position { line: 3, column: 7 });
        let error = Error::Validation(ValidationError { position, message: "no such name".to_owned() });
        assert_eq!(error.to_string(), "the kernel is not valid (line 3, column 7): no such name");

        let (what, name) = ("statements".to_owned(), "statements_max".to_owned());
        let error = Error::Limit(LimitError { position: None, what, name, found: 12_000, max: 10_000 });
        assert_eq!(error.to_string(), "12000 statements, and statements_max is 10000");
    }

    #[test]
    fn a_command_names_its_buffers_and_its_kernel() {
        let (buffer, pipeline) = (Buffer { id: 7 }, Pipeline { id: 9 });

        let bindings = [Binding { offset_bytes: 256, size_bytes: Some(64), ..buffer.bind(1, 2) }];
        let dispatch = Command::Dispatch { pipeline: &pipeline, bindings: &bindings, workgroups: (5, 6, 1) };

        let wit::Command::DispatchWorkgroups(dispatch) = dispatch.wit() else { panic!("another command") };
        assert_eq!((dispatch.pipeline, dispatch.workgroups), (9, (5, 6, 1)));
        let entry = dispatch.bind_group[0];
        assert_eq!((entry.group, entry.binding, entry.buffer), (1, 2, 7));
        assert_eq!((entry.offset, entry.size), (256, Some(64)));
    }
}
