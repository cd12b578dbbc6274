//! The device as kernels use it: numbers that it holds, and a queue of dispatches. Dispatches are collected and go to the
//! device many at a time; who reads numbers back waits for all that was queued before. Nothing else waits.
//!
//! When the device fails, everything that only it held is lost, and whatever asks for that is told so. What is made from
//! then on is on a device that works again.
//!
//! Waiting blocks the thread, until the work is done or to be stopped. So nothing that asks the device runs on a thread of an
//! asynchronous runtime with others.

use std::collections::HashMap;
use std::future::Future;
use std::iter;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::collected::Collected;
use super::kernel::{Dispatch, Kernel};
use super::spare::Spare;
use super::waiting::unless_stopped;
use crate::device::memory::zeros;
use crate::device::{AdapterKind, Binding, Command, Device, DeviceError, Session, Usage};
use crate::tensor::error::TensorError;

/// Multiply-adds that go to a GPU together, some milliseconds of work: what takes longer than the device's limit would cost
/// everything that the device holds.
const WORK_TOGETHER_MAX_ON_GPU: u64 = 1 << 34;
/// The same for an adapter that computes on the processor.
const WORK_TOGETHER_MAX_ON_CPU: u64 = 1 << 29;
/// Workgroups of a dispatch along its first axis: what every adapter allows.
const GROUPS_OF_ROW: u64 = 65_535;
/// Rows of workgroups in a dispatch at most.
const GROUP_ROWS_MAX: u64 = 1 << 9;

/// Bytes of a buffer from which on room is found for it when it is made: a wait that is short beside the work on so much.
const RESERVED_BYTES_MIN: u64 = 1 << 20;

/// What kernels queue their dispatches on: a session on the device.
#[derive(Debug)]
pub(crate) struct Queue {
    session: Session,
    elements_max: usize,
    work_together_max: u64,
    state: Mutex<State>,
    /// Held while what was collected goes to the device, so that it goes in its order.
    order: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    collected: Collected,
    pipelines: HashMap<Kernel, u64>,
    spare: Spare,
    /// Buffers to be freed when what was collected is done.
    freed: Vec<u64>,
    /// The buffer for the parameters of what is collected.
    parameters: Option<u64>,
    /// How often the device has failed.
    failures: u64,
    /// Why it failed last.
    last_failure: Option<DeviceError>,
    /// Whether nobody has asked for that at the end of a message.
    has_untold_failure: bool,
    /// What tells whoever waits to do so no more.
    stop: Arc<AtomicBool>,
}

impl Queue {
    /// A queue of its own on a device, where numbers may take so many bytes, or what the device gives every owner if that is
    /// more. Must be called in a tokio runtime.
    pub(crate) fn new(device: &Device, memory_bytes_max: u64) -> Arc<Queue> {
        let adapter = device.adapter();
        let bytes_max = adapter.limits.storage_binding_bytes_max.min(adapter.limits.buffer_bytes_max);
        let is_cpu = adapter.kind == AdapterKind::Cpu;
        Arc::new(Queue {
            session: device.session_for_tensors(memory_bytes_max),
            elements_max: usize::try_from(bytes_max).unwrap_or(usize::MAX) / size_of::<f32>(),
            work_together_max: if is_cpu { WORK_TOGETHER_MAX_ON_CPU } else { WORK_TOGETHER_MAX_ON_GPU },
            state: Mutex::default(),
            order: tokio::sync::Mutex::default(),
        })
    }

    /// The most numbers of one operand.
    pub(crate) fn elements_max(&self) -> usize {
        self.elements_max
    }

    /// Room for so many numbers, one at least, all of which are yet to be computed.
    pub(crate) fn numbers(self: &Arc<Queue>, elements: usize) -> Result<DeviceNumbers, TensorError> {
        let kept = self.state().spare.take(bytes_of(elements), None);
        let buffer = kept.map_or_else(|| self.create_buffer(bytes_of(elements)), Ok)?;
        Ok(self.hold(buffer, elements))
    }

    /// The host's numbers, one at least.
    pub(crate) fn write(self: &Arc<Queue>, values: &[f32]) -> Result<DeviceNumbers, TensorError> {
        self.write_words(values, f32::to_le_bytes)
    }

    /// Whole numbers, one at least, for a kernel that reads them as such.
    pub(crate) fn write_whole(self: &Arc<Queue>, values: &[u32]) -> Result<DeviceNumbers, TensorError> {
        self.write_words(values, u32::to_le_bytes)
    }

    /// The same numbers once more.
    pub(crate) fn copy(self: &Arc<Queue>, from: &DeviceNumbers) -> Result<DeviceNumbers, TensorError> {
        from.check()?;
        let to = self.numbers(from.elements)?;
        let copy = Command::Copy {
            from: from.buffer,
            from_offset_bytes: 0,
            to: to.buffer,
            to_offset_bytes: 0,
            length_bytes: bytes_of(from.elements),
        };
        self.make_room(from.elements as u64)?;
        self.state().collected.add(copy, from.elements as u64);
        Ok(to)
    }

    /// Queues a kernel.
    pub(crate) fn dispatch(&self, dispatch: &Dispatch<'_>) -> Result<(), TensorError> {
        dispatch.operands.iter().try_for_each(|operand| operand.check())?;
        let pipeline = self.pipeline(&dispatch.kernel)?;
        let work_of_group = dispatch.work_of_group.max(1) as u64;
        let groups_max = (self.work_together_max / work_of_group).clamp(1, GROUPS_OF_ROW * GROUP_ROWS_MAX);
        let (mut first, end) = (0, dispatch.groups as u64);
        while first < end {
            // Whole rows, or a part of one, so that no workgroup is one too many.
            let groups = groups_max.min(end - first);
            let [width, height] =
                if groups < GROUPS_OF_ROW { [groups, 1] } else { [GROUPS_OF_ROW, groups / GROUPS_OF_ROW] };
            let work = width * height * work_of_group;
            self.make_room(work)?;
            let parameters = self.parameters()?;
            let mut state = self.state();
            let words = iter::once(first as u32).chain(dispatch.parameters.iter().copied());
            let mut bindings = vec![state.collected.add_parameters(parameters, words)];
            for (index, operand) in dispatch.operands.iter().enumerate() {
                bindings.push(Binding::whole(index as u32 + 1, operand.buffer));
            }
            let workgroups = [width as u32, height as u32, 1];
            state.collected.add(Command::Dispatch { pipeline, bindings, workgroups }, work);
            first += width * height;
        }
        Ok(())
    }

    /// Has the device do all that was collected, and waits for it. Fails when the device did so since this was last called.
    pub(crate) async fn finish(&self) -> Result<(), DeviceError> {
        let done = async {
            self.flush().await?;
            self.session.finish().await
        };
        if let Err(error) = done.await {
            self.fail(error);
        }
        let mut state = self.state();
        let is_untold = std::mem::take(&mut state.has_untold_failure);
        state.last_failure.clone().filter(|_| is_untold).map_or(Ok(()), Err)
    }

    /// Waits for nothing from now on when this flag is raised.
    pub(crate) fn stop_by(&self, stop: &Arc<AtomicBool>) {
        self.state().stop = Arc::clone(stop);
    }

    /// Gives the memory that is kept for further operations back, with the next dispatch that goes to the device.
    pub(crate) fn release_spare(&self) {
        self.state().let_go_of_spare();
    }

    /// What was used of the device so far.
    pub(crate) fn usage(&self) -> Usage {
        self.session.usage()
    }

    /// The process that has the numbers, if there is one now.
    pub(crate) fn worker_process(&self) -> Option<u32> {
        self.session.worker_process()
    }

    fn hold(self: &Arc<Queue>, buffer: u64, elements: usize) -> DeviceNumbers {
        DeviceNumbers { queue: Arc::clone(self), buffer, elements, failures: self.state().failures }
    }

    fn write_words<T: Copy>(
        self: &Arc<Queue>,
        values: &[T],
        to_bytes: impl Fn(T) -> [u8; 4],
    ) -> Result<DeviceNumbers, TensorError> {
        let mut bytes = zeros(values.len() * size_of::<u32>());
        for (word, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
            *word = to_bytes(*value);
        }
        // What was collected, and is yet to be done, may read what a buffer held that became free since then.
        let before = self.state().collected.number();
        let kept = self.state().spare.take(bytes.len() as u64, Some(before));
        let buffer = kept.map_or_else(|| self.create_buffer(bytes.len() as u64), Ok)?;
        let numbers = self.hold(buffer, values.len());
        self.wait(self.session.write(buffer, 0, Bytes::from(bytes)))?;
        Ok(numbers)
    }

    fn create_buffer(&self, bytes: u64) -> Result<u64, TensorError> {
        match self.try_create_buffer(bytes) {
            // What is kept must not take the room of what is used, nor what is yet to be freed.
            Err(TensorError::OutOfMemory { .. }) if self.has_unused() => {
                self.wait(self.flush())?;
                self.try_create_buffer(bytes)
            }
            created => created,
        }
    }

    /// A buffer, for which the device has found room if it is a large one: an error of work that is queued would be one too
    /// late for that work to be done elsewhere.
    fn try_create_buffer(&self, bytes: u64) -> Result<u64, TensorError> {
        let no_room =
            |used_bytes, limit_bytes| TensorError::OutOfMemory { needed_bytes: bytes, used_bytes, limit_bytes };
        let buffer = self.session.create_buffer(bytes).map_err(|error| match error {
            DeviceError::Limit { found, max, .. } => no_room(found.saturating_sub(bytes), max),
            error => device_failed(&error),
        })?;
        if bytes < RESERVED_BYTES_MIN {
            return Ok(buffer);
        }
        let failure = match self.unless_stopped(self.session.reserve(buffer)) {
            Ok(Ok(())) => return Ok(buffer),
            Ok(Err(DeviceError::OutOfMemory)) => {
                // All that the device has room for, it seems.
                let used_bytes = self.session.usage().memory_bytes.saturating_sub(bytes);
                no_room(used_bytes, used_bytes)
            }
            Ok(Err(error)) => self.fail(error),
            Err(stopped) => stopped,
        };
        self.state().freed.push(buffer);
        Err(failure)
    }

    /// Lets go of what is kept, and says whether there is anything to be freed.
    fn has_unused(&self) -> bool {
        let mut state = self.state();
        state.let_go_of_spare();
        !state.freed.is_empty()
    }

    fn parameters(&self) -> Result<u64, TensorError> {
        if let Some(buffer) = self.state().parameters {
            return Ok(buffer);
        }
        let buffer = self.create_buffer(Collected::PARAMETERS_BYTES_MAX)?;
        self.state().parameters = Some(buffer);
        Ok(buffer)
    }

    fn pipeline(&self, kernel: &Kernel) -> Result<u64, TensorError> {
        if let Some(pipeline) = self.state().pipelines.get(kernel) {
            return Ok(*pipeline);
        }
        let pipeline = self.wait(self.session.create_pipeline(&kernel.source(), Kernel::ENTRY_POINT))?;
        self.state().pipelines.insert(kernel.clone(), pipeline);
        Ok(pipeline)
    }

    /// Has what was collected go to the device, if one more command of so much work would be too much.
    fn make_room(&self, work: u64) -> Result<(), TensorError> {
        if self.state().collected.has_room(work, self.work_together_max) {
            return Ok(());
        }
        self.wait(self.flush())
    }

    /// Has what was collected go to the device. If that is given up in between, all that the device holds is: work that
    /// reads what was to be computed may be there, and what was to compute it not.
    async fn flush(&self) -> Result<(), DeviceError> {
        let _order = self.order.lock().await;
        let (collected, freed) = {
            let mut state = self.state();
            (state.collected.take(), std::mem::take(&mut state.freed))
        };
        let sending = Sending { queue: self, is_done: false };
        let outcome = self.send(collected, freed).await;
        sending.done();
        outcome
    }

    async fn send(
        &self,
        Collected { commands, parameters, .. }: Collected,
        freed: Vec<u64>,
    ) -> Result<(), DeviceError> {
        if let Some((buffer, bytes)) = parameters {
            self.session.write(buffer, 0, Bytes::from(bytes)).await?;
        }
        if !commands.is_empty() {
            self.session.submit(commands).await?;
        }
        for buffer in freed {
            self.session.free_buffer(buffer).await?;
        }
        Ok(())
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, DeviceError>>) -> Result<T, TensorError> {
        self.unless_stopped(work)?.map_err(|error| self.fail(error))
    }

    fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, TensorError> {
        let stop = Arc::clone(&self.state().stop);
        unless_stopped(&stop, work).ok_or(TensorError::Stopped)
    }

    /// Gives up what the device holds.
    fn fail(&self, error: DeviceError) -> TensorError {
        let told = device_failed(&error);
        let mut state = self.state();
        state.let_go_of_spare();
        let parameters = state.parameters.take();
        state.freed.extend(parameters);
        state.collected.take();
        state.failures += 1;
        state.last_failure = Some(error);
        state.has_untold_failure = true;
        told
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before it could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was collected, on its way to the device.
struct Sending<'a> {
    queue: &'a Queue,
    is_done: bool,
}

impl Sending<'_> {
    fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.queue.fail(DeviceError::GivenUp);
        }
    }
}

impl State {
    /// Has the kept buffers freed, if there are any.
    fn let_go_of_spare(&mut self) -> bool {
        let kept = self.spare.take_all();
        let were_any = !kept.is_empty();
        self.freed.extend(kept);
        were_any
    }
}

/// Numbers that the device holds. Their room is kept for others when this is dropped.
#[derive(Debug)]
pub(crate) struct DeviceNumbers {
    queue: Arc<Queue>,
    buffer: u64,
    elements: usize,
    /// How often the device had failed when these were made.
    failures: u64,
}

impl DeviceNumbers {
    /// How many there are.
    pub(crate) fn elements(&self) -> usize {
        self.elements
    }

    /// Whether a queue's kernels can have these as operands.
    pub(crate) fn is_of(&self, queue: &Arc<Queue>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// Whether the device has failed since.
    pub(crate) fn are_lost(&self) -> bool {
        self.queue.state().failures != self.failures
    }

    /// Reads them, when everything is done that was queued before.
    pub(crate) fn read(&self, values: &mut [f32]) -> Result<(), TensorError> {
        self.queue.unless_stopped(self.read_back(values))?
    }

    /// [`read`](Self::read) for those who must not block.
    pub(crate) async fn read_back(&self, values: &mut [f32]) -> Result<(), TensorError> {
        self.check()?;
        let read = async {
            self.queue.flush().await?;
            self.queue.session.read(self.buffer, 0, bytes_of(self.elements)).await
        };
        let bytes = read.await.map_err(|error| self.queue.fail(error))?;
        for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TensorError> {
        let state = self.queue.state();
        match &state.last_failure {
            Some(error) if state.failures != self.failures => Err(device_failed(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for DeviceNumbers {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let number = state.collected.number();
        let is_kept = state.failures == self.failures && state.spare.put(bytes_of(self.elements), self.buffer, number);
        if !is_kept {
            state.freed.push(self.buffer);
        }
    }
}

fn device_failed(error: &DeviceError) -> TensorError {
    TensorError::Device { what: error.to_string() }
}

fn bytes_of(elements: usize) -> u64 {
    (elements * size_of::<f32>()) as u64
}
