//! What can go wrong with the compute device.

use std::time::Duration;

use thiserror::Error;

use super::shader::{Position, ShaderError};

/// Why a call of the compute device failed. After each of them the next call works again.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// This machine has no adapter that the configuration lets kernels run on.
    #[error("no compute adapter: {0}")]
    NoAdapter(String),

    /// The worker process could not be started.
    #[error("can't start the compute worker: {0}")]
    CannotStart(String),

    /// The kernel is not WGSL, or not a compute kernel, or the device refused it.
    #[error("{}{message}", at(.position))]
    Validation {
        /// Where in the source, if it is at one place.
        position: Option<Position>,
        /// What is wrong.
        message: String,
    },

    /// Something is past a limit of Belljar or of the adapter.
    #[error("{}{found} {what}; {name} allows {max}", at(.position))]
    Limit {
        /// Where in the kernel's source, if it is there at one place.
        position: Option<Position>,
        /// What is limited, such as `statements`.
        what: String,
        /// The name of the limit.
        name: String,
        /// How much there is.
        found: u64,
        /// How much there may be.
        max: u64,
    },

    /// There is no buffer of this id, or it was freed.
    #[error("there is no buffer {0}")]
    UnknownBuffer(u64),

    /// There is no pipeline of this id, or it was freed.
    #[error("there is no pipeline {0}")]
    UnknownPipeline(u64),

    /// A range reaches past a buffer's end.
    #[error("{length_bytes} bytes from {offset_bytes} on are past the end of buffer {buffer}, which has {size_bytes}")]
    OutOfRange {
        /// The buffer.
        buffer: u64,
        /// Where the range begins, in bytes.
        offset_bytes: u64,
        /// How long it is, in bytes.
        length_bytes: u64,
        /// The buffer's size in bytes.
        size_bytes: u64,
    },

    /// A size or an offset is not a multiple of what it must be a multiple of.
    #[error("{value} bytes are not a multiple of {alignment_bytes}")]
    Unaligned {
        /// The size or offset in bytes.
        value: u64,
        /// What it must be a multiple of.
        alignment_bytes: u64,
    },

    /// The buffer's contents went with a worker that was killed. Writing the whole buffer makes it whole again.
    #[error("the contents of buffer {0} were lost with a worker; write all of it again")]
    BufferLost(u64),

    /// A loop of a kernel used up its fuel, or was cut short by the driver. What it wrote is not its result.
    #[error("pipeline {pipeline} ran out of fuel: an invocation's loops made more iterations than the {fuel} allowed")]
    OutOfFuel {
        /// The pipeline.
        pipeline: u64,
        /// The iterations that the loops of an invocation may make together.
        fuel: u32,
    },

    /// The device took too long, and the worker was killed. The contents of this owner's buffers are lost.
    #[error("the compute worker was killed: it took longer than {} s to {what}", .limit.as_secs_f64())]
    TimedOut {
        /// What it was doing.
        what: &'static str,
        /// How long it may take.
        limit: Duration,
    },

    /// The worker died, or its device was lost. The contents of this owner's buffers are lost.
    #[error("the compute worker was lost: {0}")]
    WorkerLost(String),

    /// The device has no memory left.
    #[error("the compute device has no memory left")]
    OutOfMemory,

    /// Whoever had work sent to the device gave up before all of it was there.
    #[error("work for the compute device was given up on its way there")]
    GivenUp,

    /// The image of a session is damaged, or of another version.
    #[error("this is not a session's image: {0}")]
    BadImage(String),

    /// The device was closed.
    #[error("the compute device is closed")]
    Closed,
}

impl DeviceError {
    /// Whether the same call can succeed later, though nothing is changed: the device's memory may be free
    /// again, and a worker that something else killed is replaced.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::WorkerLost(_) | Self::OutOfMemory)
    }

    /// Whether it tells the owner that contents of buffers are gone.
    pub(super) fn tells_loss(&self) -> bool {
        matches!(self, Self::WorkerLost(_) | Self::TimedOut { .. } | Self::BufferLost(_))
    }

    pub(super) fn limit(what: &str, name: &str, found: u64, max: u64) -> Self {
        Self::Limit { position: None, what: what.into(), name: name.into(), found, max }
    }
}

impl From<ShaderError> for DeviceError {
    fn from(error: ShaderError) -> Self {
        match error {
            ShaderError::Invalid { position, message } => Self::Validation { position, message },
            ShaderError::Limit { position, what, name, found, max } => Self::Limit { position, what, name, found, max },
        }
    }
}

fn at(position: &Option<Position>) -> String {
    position.map_or_else(String::new, |Position { line, column }| format!("line {line}, column {column}: "))
}
