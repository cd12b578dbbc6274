//! The task that works off a session's queue: it has the worker, starts and replaces it, and keeps the tables
//! right about where the contents of every buffer are.

use std::collections::{BTreeMap, HashSet};
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use tokio::join;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::State;
use super::job::{Action, Answer, Job};
use super::tables::Contents;
use crate::device::commands::Command;
use crate::device::device::{Seat, Shared, TURN_TIME_MAX};
use crate::device::error::DeviceError;
use crate::device::image::PipelineImage;
use crate::device::memory;
use crate::device::process::Process;
use crate::device::protocol::{Failure, Reply, Request};
use crate::device::transfer::{HALF_BYTES, Half, Transfer};

pub(super) struct Task {
    shared: Arc<Shared>,
    state: Arc<State>,
    /// What the buffers may take at most.
    memory_bytes_max: u64,
    queue: mpsc::Receiver<Job>,
    worker: Option<Worker>,
    /// What queued work failed with, until someone is told.
    failure: Option<DeviceError>,
    /// Whether contents of buffers were lost, and no error has told the owner.
    has_untold_loss: bool,
    /// What submissions took since the last `Finish`.
    device_time_ns: Option<u64>,
}

struct Worker {
    process: Process,
    seat: Seat,
    /// The pipelines that it has built.
    pipelines: HashSet<u64>,
}

impl Task {
    pub(super) fn new(
        shared: Arc<Shared>,
        state: Arc<State>,
        memory_bytes_max: u64,
        queue: mpsc::Receiver<Job>,
    ) -> Self {
        Self {
            shared,
            state,
            memory_bytes_max,
            queue,
            worker: None,
            failure: None,
            has_untold_loss: false,
            device_time_ns: None,
        }
    }

    /// Works until the session is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let time_to_leave = async {
                match &mut self.worker {
                    Some(worker) => worker.seat.time_to_leave().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                () = time_to_leave => self.park().await,
                job = self.queue.recv() => match job {
                    Some(job) => self.carry_out(job).await,
                    None => break,
                },
            }
        }
    }

    async fn carry_out(&mut self, Job { action, reply, _room }: Job) {
        let Some(reply) = reply else {
            let frees = matches!(action, Action::FreeBuffer { .. } | Action::FreePipeline { .. });
            if (frees || self.failure.is_none())
                && let Err(error) = self.perform_or_retry(&action).await
            {
                self.failure.get_or_insert(error);
            }
            return;
        };
        let tells = !matches!(action, Action::CreatePipeline { .. } | Action::Reserve { .. });
        let result = match self.failure.take_if(|_| tells) {
            Some(error) => Err(error),
            None => self.perform_or_retry(&action).await,
        };
        // What is saved is not for the owner, who is told of a loss by a call of its own.
        let tells_loss = !matches!(action, Action::Save) && result.as_ref().is_err_and(DeviceError::tells_loss);
        match reply.send(result) {
            Ok(()) => self.has_untold_loss &= !tells_loss,
            // Whoever asked has given up waiting, so that the next one is to be told.
            Err(Err(error)) if tells => self.failure = Some(error),
            Err(_) => {}
        }
    }

    /// What does not run a guest's code is not what kills a worker, so it is done again on the next one, unless
    /// it needs what the last one had.
    async fn perform_or_retry(&mut self, action: &Action) -> Result<Answer, DeviceError> {
        let runs_guest_code = matches!(action, Action::Submit { .. } | Action::CreatePipeline { .. });
        // A second look at what there is to save would find what was lost with the worker gone, and no error.
        let is_repeatable = !runs_guest_code && !matches!(action, Action::Save);
        match self.perform(action).await {
            Err(DeviceError::WorkerLost(_)) if is_repeatable => self.perform(action).await,
            result => result,
        }
    }

    async fn perform(&mut self, action: &Action) -> Result<Answer, DeviceError> {
        self.notice_end();
        match action {
            Action::Write { buffer, offset_bytes, bytes } => self.write(*buffer, *offset_bytes, bytes).await,
            Action::Read { buffer, offset_bytes, length_bytes } => {
                self.read(*buffer, *offset_bytes, *length_bytes).await.map(Answer::Bytes)
            }
            Action::CreatePipeline { id, pipeline } => {
                self.build(*id, pipeline).await?;
                self.state.tables().add_pipeline(*id, Arc::clone(pipeline));
                Ok(Answer::Done)
            }
            Action::Reserve { buffer } => {
                self.bring(*buffer).await?;
                Ok(Answer::Done)
            }
            Action::FreeBuffer { buffer } => {
                if self.state.tables().remove_buffer(*buffer) && self.worker.is_some() {
                    self.ask(Request::FreeBuffer { buffer: *buffer }, "free a buffer").await?;
                }
                Ok(Answer::Done)
            }
            Action::FreePipeline { pipeline } => {
                self.state.tables().remove_pipeline(*pipeline);
                if self.worker.as_mut().is_some_and(|worker| worker.pipelines.remove(pipeline)) {
                    self.ask(Request::FreePipeline { pipeline: *pipeline }, "free a pipeline").await?;
                }
                Ok(Answer::Done)
            }
            Action::Submit { commands } => self.submit(commands).await,
            Action::Finish => {
                self.tell_loss()?;
                Ok(Answer::DeviceTime(self.device_time_ns.take()))
            }
            Action::Save => {
                self.tell_loss()?;
                let read = self.read_all().await?;
                Ok(Answer::Image(self.state.tables().image(read)))
            }
        }
    }

    async fn write(&mut self, buffer: u64, offset: u64, bytes: &Bytes) -> Result<Answer, DeviceError> {
        let (size, contents) = self.state.tables().contents(buffer)?;
        let writes_all = offset == 0 && bytes.len() as u64 == size;
        if writes_all && !matches!(contents, Contents::OnWorker) {
            self.state.tables().set_contents(buffer, Contents::Zeros);
        }
        self.bring(buffer).await?;
        self.upload(buffer, offset, bytes).await?;
        self.state.counters.bytes_written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(Answer::Done)
    }

    async fn read(&mut self, buffer: u64, offset: u64, length: u64) -> Result<Vec<u8>, DeviceError> {
        self.bring(buffer).await?;
        // Within the buffer's size, so within the owner's memory.
        let mut bytes = memory::zeros(length as usize);
        let transfer = self.worker()?.process.transfer();
        let mut arrived = None;
        let mut at = offset;
        for (chunk, half) in bytes.chunks_mut(HALF_BYTES).zip(Half::in_turn()) {
            let length_bytes = chunk.len() as u64;
            let request = Request::Read { buffer, offset_bytes: at, length_bytes, half };
            // What has arrived is taken out while the worker gets the next.
            let take_out = async { take_out(&transfer, arrived.take()) };
            let (asked, taken) = join!(self.ask(request, "read a buffer"), take_out);
            asked?;
            taken.map_err(|e| self.lose_worker(e.to_string()))?;
            arrived = Some((half, chunk));
            at += length_bytes;
        }
        take_out(&transfer, arrived).map_err(|e| self.lose_worker(e.to_string()))?;
        self.state.counters.bytes_read.fetch_add(length, Ordering::Relaxed);
        Ok(bytes)
    }

    async fn submit(&mut self, commands: &[Command]) -> Result<Answer, DeviceError> {
        let mut dispatches = 0;
        for command in commands {
            match command {
                Command::Dispatch { pipeline, bindings, .. } => {
                    dispatches += 1;
                    let source = self.state.tables().pipeline(*pipeline)?;
                    self.build(*pipeline, &source).await?;
                    for binding in bindings {
                        self.bring(binding.buffer).await?;
                    }
                }
                Command::Copy { from, to, .. } => {
                    self.bring(*from).await?;
                    self.bring(*to).await?;
                }
                Command::Clear { buffer, .. } => self.bring(*buffer).await?,
            }
        }
        let started = Instant::now();
        let reply = self.ask(Request::Run { commands: commands.to_vec() }, "run a submission").await?;
        let mut busy_ns = started.elapsed().as_nanos() as u64;
        if let Reply::Ran { device_time_ns: Some(time_ns) } = reply {
            busy_ns = time_ns;
            self.device_time_ns = Some(self.device_time_ns.unwrap_or(0).saturating_add(time_ns));
        }
        self.state.counters.busy_ns.fetch_add(busy_ns, Ordering::Relaxed);
        self.state.counters.dispatches.fetch_add(dispatches, Ordering::Relaxed);
        Ok(Answer::Done)
    }

    /// Makes sure that the worker has a buffer, with its contents.
    async fn bring(&mut self, buffer: u64) -> Result<(), DeviceError> {
        let (size_bytes, contents) = self.state.tables().contents(buffer)?;
        match contents {
            Contents::OnWorker => return Ok(()),
            Contents::Lost => return Err(DeviceError::BufferLost(buffer)),
            Contents::Zeros => {
                self.ask(Request::CreateBuffer { buffer, size_bytes }, "create a buffer").await?;
            }
            Contents::Parked(bytes) => {
                self.ask(Request::CreateBuffer { buffer, size_bytes }, "create a buffer").await?;
                self.upload(buffer, 0, &bytes).await?;
            }
        }
        self.state.tables().set_contents(buffer, Contents::OnWorker);
        Ok(())
    }

    async fn upload(&mut self, buffer: u64, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let transfer = self.worker()?.process.transfer();
        let mut chunks = bytes.chunks(HALF_BYTES).zip(Half::in_turn()).peekable();
        if let Some((chunk, half)) = chunks.peek() {
            transfer.put(*half, chunk).map_err(|e| self.lose_worker(e.to_string()))?;
        }
        let mut at = offset;
        while let Some((chunk, half)) = chunks.next() {
            let length_bytes = chunk.len() as u64;
            let request = Request::Write { buffer, offset_bytes: at, length_bytes, half };
            // The next is put in while the worker is at work on this.
            let put_next = async { chunks.peek().map_or(Ok(()), |(chunk, half)| transfer.put(*half, chunk)) };
            let (asked, put) = join!(self.ask(request, "write a buffer"), put_next);
            asked?;
            put.map_err(|e| self.lose_worker(e.to_string()))?;
            at += length_bytes;
        }
        Ok(())
    }

    /// Makes sure that the worker has built a pipeline.
    async fn build(&mut self, id: u64, pipeline: &PipelineImage) -> Result<(), DeviceError> {
        if self.worker.as_ref().is_some_and(|worker| worker.pipelines.contains(&id)) {
            return Ok(());
        }
        let PipelineImage { source, entry_point } = pipeline.clone();
        self.ask(Request::CreatePipeline { pipeline: id, source, entry_point }, "build a pipeline").await?;
        self.worker()?.pipelines.insert(id);
        Ok(())
    }

    /// The contents of every buffer that the worker has.
    async fn read_all(&mut self) -> Result<BTreeMap<u64, Bytes>, DeviceError> {
        let buffers = self.state.tables().on_worker();
        let mut read = BTreeMap::new();
        for buffer in buffers {
            let (size, _) = self.state.tables().contents(buffer)?;
            read.insert(buffer, self.read(buffer, 0, size).await?.into());
        }
        Ok(read)
    }

    /// Gives the worker up for another owner's, and keeps the contents of the buffers until they are needed.
    async fn park(&mut self) {
        match self.read_all().await {
            Ok(read) => {
                let mut tables = self.state.tables();
                for (buffer, bytes) in read {
                    tables.set_contents(buffer, Contents::Parked(bytes));
                }
            }
            Err(error) => tracing::warn!(%error, "an idle session's buffers can't be read back and are lost"),
        }
        self.drop_worker();
    }

    /// Asks the worker, which is started if there is none, when it is this owner's turn.
    async fn ask(&mut self, request: Request, what: &'static str) -> Result<Reply, DeviceError> {
        let shared = Arc::clone(&self.shared);
        let limit = shared.config.dispatch_time_max;
        let worker = self.worker_or_start().await?;
        worker.seat.touch();
        let turn = shared.turn().await?;
        let outcome = {
            let mut exchange = pin!(worker.process.exchange(&request));
            match timeout(TURN_TIME_MAX.min(limit), &mut exchange).await {
                Ok(outcome) => Some(outcome),
                Err(_) => {
                    drop(turn);
                    timeout(limit.saturating_sub(TURN_TIME_MAX), exchange).await.ok()
                }
            }
        };
        match outcome {
            None => {
                self.lose_worker(format!("it took too long to {what}"));
                Err(DeviceError::TimedOut { what, limit })
            }
            Some(Err(error)) => Err(self.lose_worker(format!("it ended while it was to {what}: {error}"))),
            Some(Ok(Reply::Failed(failure))) => Err(self.fail(failure)),
            Some(Ok(reply)) => Ok(reply),
        }
    }

    fn fail(&mut self, failure: Failure) -> DeviceError {
        match failure {
            Failure::NoAdapter(what) => DeviceError::NoAdapter(what),
            Failure::Shader(error) => error.into(),
            Failure::Invalid(message) => DeviceError::Validation { position: None, message },
            Failure::OutOfMemory => DeviceError::OutOfMemory,
            Failure::OutOfFuel { pipeline, fuel } => DeviceError::OutOfFuel { pipeline, fuel },
            Failure::DeviceLost(what) => self.lose_worker(what),
        }
    }

    fn worker(&mut self) -> Result<&mut Worker, DeviceError> {
        self.worker.as_mut().ok_or_else(|| DeviceError::WorkerLost("it is gone".into()))
    }

    async fn worker_or_start(&mut self) -> Result<&mut Worker, DeviceError> {
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => {
                let seat = self.shared.seat().await?;
                let process = Process::start(&self.shared.config, self.memory_bytes_max).await?;
                self.state.counters.worker_process.store(process.id().unwrap_or(0), Ordering::Relaxed);
                Worker { process, seat, pipelines: HashSet::new() }
            }
        };
        Ok(self.worker.insert(worker))
    }

    /// Notices a worker that has ended while nothing was asked of it.
    fn notice_end(&mut self) {
        if self.worker.as_mut().is_some_and(|worker| worker.process.has_ended()) {
            self.lose_worker("it ended by itself, or was killed".into());
        }
    }

    fn lose_worker(&mut self, why: String) -> DeviceError {
        self.state.counters.workers_lost.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            why,
            worker = self.worker.as_ref().and_then(|worker| worker.process.id()),
            "lost a compute worker"
        );
        self.drop_worker();
        DeviceError::WorkerLost(why)
    }

    /// Fails as long as the owner does not know that contents were lost while it did nothing.
    fn tell_loss(&self) -> Result<(), DeviceError> {
        if self.has_untold_loss {
            return Err(DeviceError::WorkerLost("it ended while nothing was asked of it".into()));
        }
        Ok(())
    }

    fn drop_worker(&mut self) {
        self.worker = None;
        self.has_untold_loss |= !self.state.tables().on_worker().is_empty();
        self.state.tables().lose_worker();
        self.state.counters.worker_process.store(0, Ordering::Relaxed);
    }
}

/// Takes what has arrived in a half of the area out of it.
fn take_out(transfer: &Transfer, arrived: Option<(Half, &mut [u8])>) -> io::Result<()> {
    arrived.map_or(Ok(()), |(half, bytes)| transfer.get(half, bytes))
}
