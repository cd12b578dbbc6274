//! Boards stepped on the compute device. Their cells go there, are stepped by `step.wgsl` from one buffer to another and
//! back, and come back: in between a board is the host's, like any other, and nothing stays on the device.
//!
//! The cells that come out are those that the processors come to, to the last bit.

mod batch;
mod words;

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::board::Board;
use super::error::AutomatonError;
use super::step::Work;
use crate::device::{Adapter, Binding, COMMANDS_MAX, Command, Device, DeviceError, Session, Usage};
use batch::{Batch, LAWS_BYTES, batches};

const KERNEL: &str = include_str!("step.wgsl");
const ENTRY_POINT: &str = "step";
/// The words that a workgroup of the kernel computes.
const WORKGROUP_WORDS: u64 = 64;

/// Cells times generations of one submission: some 10 ms of a GPU, and less than a second of a processor that is one.
const SUBMISSION_CELLS: u64 = 1 << 31;

/// How often whoever waits for the device looks at whether to stop.
const STOP_LOOKED_AT_EVERY: Duration = Duration::from_millis(20);

/// Steps the boards of one owner on the device, in a session of its own. Dropping it frees all that it has there.
#[derive(Debug)]
pub struct DeviceStepper {
    session: Session,
    adapter: Adapter,
    /// What the device gives an owner.
    device_bytes_max: u64,
    memory_bytes_max: u64,
    /// The kernel, once it is built.
    pipeline: Option<u64>,
}

impl DeviceStepper {
    /// Nothing on the device yet, and what buffers may take there. Must be called in a tokio runtime.
    pub fn new(device: &Device, memory_bytes_max: u64) -> Self {
        let mut stepper = Self {
            session: device.session(),
            adapter: device.adapter().clone(),
            device_bytes_max: device.memory_bytes_max(),
            memory_bytes_max: 0,
            pipeline: None,
        };
        stepper.set_memory_bytes_max(memory_bytes_max);
        stepper
    }

    /// Changes what buffers may take on the device while boards are stepped, within what it gives an owner.
    pub fn set_memory_bytes_max(&mut self, memory_bytes_max: u64) {
        self.memory_bytes_max = memory_bytes_max.min(self.device_bytes_max);
        self.session.set_memory_bytes_max(self.memory_bytes_max);
    }

    /// What was used of the device so far.
    pub fn usage(&self) -> Usage {
        self.session.usage()
    }

    /// Steps all boards, those of the same settings together. Boards that count ages are stepped by the processors. It
    /// blocks until that is done, and must be called in a tokio runtime, on a thread that may block.
    ///
    /// # Errors
    /// [`AutomatonError::NoDevice`], [`AutomatonError::DeviceFailed`], [`AutomatonError::Stopped`]. Some boards may have
    /// been stepped then.
    pub(super) fn step(
        &mut self,
        boards: &mut [Board],
        generations: u64,
        work: &Work<'_>,
    ) -> Result<(), AutomatonError> {
        if generations == 0 {
            return Ok(());
        }
        let room_bytes = self.memory_bytes_max.saturating_sub(LAWS_BYTES) / 2;
        let seen_bytes = self.adapter.limits.storage_binding_bytes_max.min(self.adapter.limits.buffer_bytes_max);
        // What has no room is found out before anything is stepped.
        let batches = batches(boards, room_bytes, seen_bytes)?;
        for board in boards.iter_mut().filter(|board| board.settings().ages) {
            board.step(generations, work)?;
        }
        for batch in batches {
            let words = wait(work, self.step_batch(&batch, boards, generations, work))?;
            batch.put(boards, &words, generations);
        }
        Ok(())
    }

    /// The words of a batch after so many generations.
    async fn step_batch(
        &mut self,
        batch: &Batch,
        boards: &[Board],
        generations: u64,
        work: &Work<'_>,
    ) -> Result<Vec<u8>, AutomatonError> {
        let pipeline = match self.pipeline {
            Some(pipeline) => pipeline,
            None => *self.pipeline.insert(self.session.create_pipeline(KERNEL, ENTRY_POINT).await?),
        };
        let laws = self.session.create_buffer(LAWS_BYTES)?;
        self.session.write(laws, 0, batch.laws().into()).await?;
        let buffers = [self.session.create_buffer(batch.bytes())?, self.session.create_buffer(batch.bytes())?];
        self.session.write(buffers[0], 0, batch.words(boards).into()).await?;

        let step = |from: u64, to: u64| Command::Dispatch {
            pipeline,
            bindings: vec![Binding::whole(0, laws), Binding::whole(1, from), Binding::whole(2, to)],
            workgroups: self.workgroups(batch.bytes()),
        };
        let [mut from, mut to] = buffers;
        let at_once = (SUBMISSION_CELLS / batch.cells().max(1)).clamp(1, COMMANDS_MAX as u64);
        let mut left = generations;
        while left > 0 {
            let mut commands = Vec::new();
            for _ in 0..left.min(at_once) {
                commands.push(step(from, to));
                std::mem::swap(&mut from, &mut to);
            }
            left -= commands.len() as u64;
            self.session.submit(commands).await?;
            // Nothing that is not needed is left to the device when the work is to end.
            self.session.finish().await?;
            work.check()?;
        }
        let words = self.session.read(from, 0, batch.bytes()).await?;
        for buffer in [laws, from, to] {
            self.session.free_buffer(buffer).await?;
        }
        Ok(words)
    }

    /// As many workgroups as compute so many bytes, over two axes where one is too short.
    fn workgroups(&self, bytes: u64) -> [u32; 3] {
        let groups = (bytes / size_of::<u32>() as u64).div_ceil(WORKGROUP_WORDS);
        let along_x = groups.min(u64::from(self.adapter.limits.workgroups_per_axis_max)).max(1);
        // A buffer that a kernel sees has at most 2³² bytes, of which there are 2²⁴ workgroups.
        [along_x as u32, groups.div_ceil(along_x) as u32, 1]
    }
}

/// Waits for the device, unless the work is to end first.
fn wait<T>(work: &Work<'_>, device: impl Future<Output = Result<T, AutomatonError>>) -> Result<T, AutomatonError> {
    let runtime = Handle::try_current().map_err(|error| AutomatonError::NoDevice(error.to_string()))?;
    runtime.block_on(async {
        let mut device = std::pin::pin!(device);
        loop {
            work.check()?;
            if let Ok(outcome) = timeout(STOP_LOOKED_AT_EVERY, &mut device).await {
                return outcome;
            }
        }
    })
}

impl From<DeviceError> for AutomatonError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::NoAdapter(_) | DeviceError::CannotStart(_) => Self::NoDevice(error.to_string()),
            _ => Self::DeviceFailed(error.to_string()),
        }
    }
}
