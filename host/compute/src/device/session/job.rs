//! What a session's queue is made of.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::device::commands::Command;
use crate::device::error::DeviceError;
use crate::device::image::{Image, PipelineImage};

/// Where the answer goes.
pub(super) type Answering = oneshot::Sender<Result<Answer, DeviceError>>;

/// Something to do, and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) action: Action,
    pub(super) reply: Option<Answering>,
    /// Its part of what may be queued, until it is done.
    pub(super) _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(super) enum Action {
    Write { buffer: u64, offset_bytes: u64, bytes: Bytes },
    Read { buffer: u64, offset_bytes: u64, length_bytes: u64 },
    CreatePipeline { id: u64, pipeline: Arc<PipelineImage> },
    Reserve { buffer: u64 },
    FreeBuffer { buffer: u64 },
    FreePipeline { pipeline: u64 },
    Submit { commands: Vec<Command> },
    Finish,
    Save,
}

impl Action {
    /// What it takes of memory while it is queued, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => bytes.len(),
            Self::CreatePipeline { pipeline, .. } => pipeline.source.len(),
            Self::Submit { commands } => commands.iter().map(Command::size_bytes).sum(),
            _ => 0,
        }
    }
}

#[derive(Debug)]
pub(super) enum Answer {
    Done,
    Bytes(Vec<u8>),
    DeviceTime(Option<u64>),
    Image(Image),
}
