//! One owner's view of the device. Submissions and writes are queued and return at once; reads wait for what was
//! queued before them. When queued work fails, what is queued after it is dropped, because it would compute with
//! the wrong bytes, and the next call that waits returns the error: once. After that, calls work again.

mod job;
mod tables;
mod task;

use std::ops::Add;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::commands::Command;
use super::device::Shared;
use super::error::DeviceError;
use super::image::{Image, PipelineImage};
use super::shader;
use job::{Action, Answer, Answering, Job};
pub(super) use tables::TENSOR_BUFFERS_MAX;
use tables::Tables;
pub use tables::{BUFFERS_MAX, PIPELINES_MAX};
use task::Task;

/// Calls that an owner may have queued. The next one waits until there is room.
pub const QUEUE_LENGTH_MAX: usize = 1024;
/// Bytes that an owner may have queued, to be written or as commands. The next call waits until there is room.
pub const QUEUED_BYTES_MAX: usize = 64 << 20;

/// An owner's buffers and pipelines, and its queue. Dropping it frees everything and kills its worker.
#[derive(Debug)]
pub struct Session {
    state: Arc<State>,
    /// What the device allows the buffers to take at most.
    memory_bytes_max: u64,
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    task: JoinHandle<()>,
}

/// What a session and its task share.
#[derive(Debug)]
struct State {
    tables: Mutex<Tables>,
    counters: Counters,
}

impl State {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change of the tables is complete before it could panic.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Counters {
    dispatches: AtomicU64,
    busy_ns: AtomicU64,
    bytes_written: AtomicU64,
    bytes_read: AtomicU64,
    workers_lost: AtomicU64,
    /// 0 stands for none.
    worker_process: AtomicU32,
}

/// What an owner has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Dispatches that were run.
    pub dispatches: u64,
    /// Time for which the device, or the worker, was at work for this owner, in nanoseconds.
    pub busy_ns: u64,
    /// Bytes written to buffers.
    pub bytes_written: u64,
    /// Bytes read from buffers.
    pub bytes_read: u64,
    /// Bytes of the buffers that there are now.
    pub memory_bytes: u64,
    /// Workers that were killed, or died.
    pub workers_lost: u64,
}

impl Add for Usage {
    type Output = Usage;

    /// What two sessions of one owner have used.
    fn add(self, other: Usage) -> Usage {
        Usage {
            dispatches: self.dispatches + other.dispatches,
            busy_ns: self.busy_ns.saturating_add(other.busy_ns),
            bytes_written: self.bytes_written + other.bytes_written,
            bytes_read: self.bytes_read + other.bytes_read,
            memory_bytes: self.memory_bytes + other.memory_bytes,
            workers_lost: self.workers_lost + other.workers_lost,
        }
    }
}

impl Session {
    pub(super) fn open(shared: Arc<Shared>, image: Image, memory_bytes_max: u64, buffers_max: usize) -> Self {
        let tables = Tables::new(image, memory_bytes_max, buffers_max, shared.adapter().limits);
        let state = Arc::new(State { tables: Mutex::new(tables), counters: Counters::default() });
        let (jobs, queue) = mpsc::channel(QUEUE_LENGTH_MAX);
        let task = tokio::spawn(Task::new(shared, Arc::clone(&state), memory_bytes_max, queue).run());
        Self { state, memory_bytes_max, jobs, room: Arc::new(Semaphore::new(QUEUED_BYTES_MAX)), task }
    }

    /// Changes what the buffers may take, to no more than the device allows.
    pub fn set_memory_bytes_max(&self, memory_bytes_max: u64) {
        self.state.tables().set_bytes_max(memory_bytes_max.min(self.memory_bytes_max));
    }

    /// Makes a buffer of zeros and returns its id. It takes memory of the device when it is first used.
    ///
    /// # Errors
    /// [`DeviceError::Limit`], [`DeviceError::Unaligned`] when the size is not a multiple of 4.
    pub fn create_buffer(&self, size_bytes: u64) -> Result<u64, DeviceError> {
        self.state.tables().add_buffer(size_bytes)
    }

    /// Waits for the work that is queued and has the device find room for a buffer, which it does at its first use else.
    ///
    /// # Errors
    /// [`DeviceError::UnknownBuffer`], [`DeviceError::OutOfMemory`]. Those of the work before are still to be told.
    pub(crate) async fn reserve(&self, buffer: u64) -> Result<(), DeviceError> {
        self.ask(Action::Reserve { buffer }).await.map(drop)
    }

    /// Frees a buffer when the work that is queued has been done.
    ///
    /// # Errors
    /// [`DeviceError::UnknownBuffer`].
    pub async fn free_buffer(&self, buffer: u64) -> Result<(), DeviceError> {
        self.state.tables().mark_freed(buffer)?;
        self.queue(Action::FreeBuffer { buffer }).await
    }

    /// Queues bytes to be written to a buffer.
    ///
    /// # Errors
    /// [`DeviceError::UnknownBuffer`], [`DeviceError::OutOfRange`], [`DeviceError::Unaligned`].
    pub async fn write(&self, buffer: u64, offset_bytes: u64, bytes: Bytes) -> Result<(), DeviceError> {
        self.state.tables().check_range(buffer, offset_bytes, bytes.len() as u64)?;
        self.queue(Action::Write { buffer, offset_bytes, bytes }).await
    }

    /// Waits for the work that is queued and reads bytes of a buffer.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); [`DeviceError::BufferLost`]; those of the work before.
    pub async fn read(&self, buffer: u64, offset_bytes: u64, length_bytes: u64) -> Result<Vec<u8>, DeviceError> {
        self.state.tables().check_range(buffer, offset_bytes, length_bytes)?;
        match self.ask(Action::Read { buffer, offset_bytes, length_bytes }).await? {
            Answer::Bytes(bytes) => Ok(bytes),
            _ => Err(DeviceError::Closed),
        }
    }

    /// Builds a pipeline from a `@compute` function of WGSL source and returns its id.
    ///
    /// # Errors
    /// [`DeviceError::Validation`] and [`DeviceError::Limit`] with the place in the source,
    /// [`DeviceError::TimedOut`] when the driver's compiler takes too long.
    pub async fn create_pipeline(&self, source: &str, entry_point: &str) -> Result<u64, DeviceError> {
        shader::check_size(source, entry_point)?;
        let id = self.state.tables().new_pipeline_id()?;
        let pipeline = Arc::new(PipelineImage { source: source.into(), entry_point: entry_point.into() });
        self.ask(Action::CreatePipeline { id, pipeline }).await?;
        Ok(id)
    }

    /// Frees a pipeline when the work that is queued has been done.
    ///
    /// # Errors
    /// [`DeviceError::UnknownPipeline`].
    pub async fn free_pipeline(&self, pipeline: u64) -> Result<(), DeviceError> {
        self.state.tables().mark_pipeline_freed(pipeline)?;
        self.queue(Action::FreePipeline { pipeline }).await
    }

    /// Queues commands, which run in order.
    ///
    /// # Errors
    /// [`DeviceError::UnknownPipeline`], [`DeviceError::UnknownBuffer`], [`DeviceError::OutOfRange`],
    /// [`DeviceError::Unaligned`], [`DeviceError::Limit`]. What goes wrong on the device is the error of the next
    /// call that waits.
    pub async fn submit(&self, commands: Vec<Command>) -> Result<(), DeviceError> {
        self.state.tables().check_commands(&commands)?;
        self.queue(Action::Submit { commands }).await
    }

    /// Waits for the work that is queued. Returns how many nanoseconds the submissions since the last call took
    /// on the device, where the adapter can tell.
    ///
    /// # Errors
    /// Those of the work before: [`DeviceError::OutOfFuel`], [`DeviceError::TimedOut`],
    /// [`DeviceError::WorkerLost`], [`DeviceError::BufferLost`], [`DeviceError::Validation`],
    /// [`DeviceError::OutOfMemory`].
    pub async fn finish(&self) -> Result<Option<u64>, DeviceError> {
        match self.ask(Action::Finish).await? {
            Answer::DeviceTime(time) => Ok(time),
            _ => Err(DeviceError::Closed),
        }
    }

    /// Waits for the work that is queued and returns everything that the owner has, for a checkpoint.
    ///
    /// # Errors
    /// Those of the work before.
    pub async fn save(&self) -> Result<Image, DeviceError> {
        match self.ask(Action::Save).await? {
            Answer::Image(image) => Ok(image),
            _ => Err(DeviceError::Closed),
        }
    }

    /// The buffers whose contents went with a worker and that were not wholly written since.
    pub fn lost_buffers(&self) -> Vec<u64> {
        self.state.tables().lost()
    }

    /// What the owner has used so far.
    pub fn usage(&self) -> Usage {
        let counters = &self.state.counters;
        Usage {
            dispatches: counters.dispatches.load(Ordering::Relaxed),
            busy_ns: counters.busy_ns.load(Ordering::Relaxed),
            bytes_written: counters.bytes_written.load(Ordering::Relaxed),
            bytes_read: counters.bytes_read.load(Ordering::Relaxed),
            memory_bytes: self.state.tables().bytes_used(),
            workers_lost: counters.workers_lost.load(Ordering::Relaxed),
        }
    }

    /// The id of the worker's process, if there is one.
    pub fn worker_process(&self) -> Option<u32> {
        Some(self.state.counters.worker_process.load(Ordering::Relaxed)).filter(|&id| id != 0)
    }

    async fn queue(&self, action: Action) -> Result<(), DeviceError> {
        self.send(action, None).await
    }

    async fn ask(&self, action: Action) -> Result<Answer, DeviceError> {
        let (reply, answer) = oneshot::channel();
        self.send(action, Some(reply)).await?;
        answer.await.map_err(|_| DeviceError::Closed)?
    }

    async fn send(&self, action: Action, reply: Option<Answering>) -> Result<(), DeviceError> {
        // What is larger than the room has all of it for itself.
        let bytes = action.size_bytes().min(QUEUED_BYTES_MAX) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| DeviceError::Closed)?;
        self.jobs.send(Job { action, reply, _room: room }).await.map_err(|_| DeviceError::Closed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}
