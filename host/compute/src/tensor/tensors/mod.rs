//! Everything that one actor has of tensors: the tensors by id, their gradients, the optimisers and the tape. Each
//! public method is one function of the interface; they are in files by topic.
//!
//! A snapshot shares all elements with what it was taken of, until one of the two writes. It has no tape: a tape
//! holds all that was computed on the way, which is many times what there is to keep, and a training step needs
//! it only within itself. So a tape lives within one message, and [`Tensors::end_message`] drops it.

mod arithmetic;
mod attention;
mod create;
mod engine;
mod gradients;
mod layers;
mod layout;
mod optimise;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use engine::Engine;
pub use layers::BatchNorm;

use super::error::TensorError;
use super::executor::Executor;
use super::memory::{HostNumbers, Memory};
use super::operation::Forward;
use super::optimiser::Optimiser;
use super::tape::{Backward, Ended, Source, Tape, Variable};
use super::value::Tensor;
use super::wgsl::Queue;
use super::{OptimiserId, TensorId};
use crate::Threads;

/// The most tensors of an actor, and the most parameters of all its optimisers together.
pub const TENSORS_MAX: usize = 1 << 17;

/// The tensors of one actor.
pub struct Tensors {
    pub(crate) executor: Executor,
    pub(crate) last_id: u64,
    pub(crate) entries: BTreeMap<TensorId, Entry>,
    pub(crate) optimisers: BTreeMap<OptimiserId, Optimiser>,
    tape: Tape,
    engine: Engine,
    /// The device's queue, kept also while the processors compute.
    queue: Option<Arc<Queue>>,
    /// What was read back from the device for the next snapshot.
    settled: Vec<Arc<HostNumbers>>,
}

/// A tensor that has an id.
pub(crate) struct Entry {
    pub(crate) value: Tensor,
    pub(crate) requires_gradient: bool,
    pub(crate) gradient: Option<Tensor>,
    /// Where its gradient goes on the tape, when it was computed.
    source: Option<Source>,
}

impl Entry {
    pub(crate) fn new(value: Tensor) -> Entry {
        Entry { value, requires_gradient: false, gradient: None, source: None }
    }

    /// Gives the tensor another value, which no tape leads to.
    fn replace(&mut self, value: Tensor) {
        self.value = value;
        self.source = None;
    }
}

impl Tensors {
    /// No tensors yet, and what they may take; [`super::TENSOR_BYTES_DEFAULT`] is the default. Operations run on the
    /// thread that asks for them, until they [run on](Self::run_on) others.
    pub fn new(memory_bytes_max: u64) -> Tensors {
        Tensors {
            executor: Executor::new(Memory::new(memory_bytes_max)),
            last_id: 0,
            entries: BTreeMap::new(),
            optimisers: BTreeMap::new(),
            tape: Tape::default(),
            engine: Engine::default(),
            queue: None,
            settled: Vec::new(),
        }
    }

    /// Computes on these threads from now on, whose time counts for `owner`. While the flag is set, every operation that
    /// starts or waits for a device, and each step backward, fails with [`TensorError::Stopped`].
    pub fn run_on(&mut self, threads: Arc<Threads>, owner: u64, stop: Arc<AtomicBool>) {
        self.executor.threads = Some(threads);
        self.executor.owner = owner;
        self.stop_by(stop);
    }

    /// Computes on the thread that asks for it from now on, which nothing stops and which waits for nobody's turn.
    pub fn run_here(&mut self) {
        self.executor.threads = None;
        self.stop_by(Arc::default());
    }

    fn stop_by(&mut self, stop: Arc<AtomicBool>) {
        self.queue.iter().for_each(|queue| queue.stop_by(&stop));
        self.executor.stop = stop;
    }

    /// Ends a message: the tape is dropped, and recording is on again. What the tape held is given back with what this
    /// returns, which takes its time if it was much.
    pub fn end_message(&mut self) -> Ended {
        self.tape.set_recording(true);
        self.tape.end()
    }

    /// Gives memory that is kept for further operations back to the system, as when the actor is going to be idle.
    pub fn release_spare(&mut self) {
        self.executor.memory.release_spare();
        self.queue.iter().for_each(|queue| queue.release_spare());
    }

    /// What all tensors take, with their gradients and all that the tape and the optimisers keep. Elements that
    /// several tensors share count once.
    pub fn memory_bytes(&self) -> u64 {
        self.executor.memory.used_bytes()
    }

    /// What they may take.
    pub fn memory_bytes_max(&self) -> u64 {
        self.executor.memory.limit_bytes()
    }

    /// Changes what they may take. They stay, even if they take more already.
    pub fn set_memory_bytes_max(&mut self, memory_bytes_max: u64) {
        self.executor.memory.set_limit_bytes(memory_bytes_max);
    }

    /// Whether this is what an actor begins with: none was ever made, and no engine named.
    pub fn is_fresh(&self) -> bool {
        self.last_id == 0 && self.engine == Engine::default()
    }

    /// The last id that was given, to a tensor or an optimiser; 0 before the first.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry(&self, id: TensorId) -> Result<&Entry, TensorError> {
        self.entries.get(&id).ok_or(TensorError::UnknownTensor { id })
    }

    fn entry_mut(&mut self, id: TensorId) -> Result<&mut Entry, TensorError> {
        self.entries.get_mut(&id).ok_or(TensorError::UnknownTensor { id })
    }

    /// A tensor as an operation takes it.
    fn variable(&self, id: TensorId) -> Result<Variable, TensorError> {
        let entry = self.entry(id)?;
        let source = if entry.requires_gradient { Some(Source::Leaf(id)) } else { entry.source };
        Ok(Variable { value: entry.value.clone(), source })
    }

    fn optional(&self, id: Option<TensorId>) -> Result<Option<Variable>, TensorError> {
        id.map(|id| self.variable(id)).transpose()
    }

    /// Records what an operation computed.
    fn record(
        &mut self,
        forward: Forward<impl Backward + 'static>,
        inputs: &[&Variable],
    ) -> Result<Variable, TensorError> {
        let (value, operation) = forward?;
        self.tape.record(value, operation, inputs)
    }

    /// Gives a tensor an id.
    fn insert(&mut self, variable: Variable) -> Result<TensorId, TensorError> {
        self.check_room(1)?;
        let id = self.new_id();
        self.entries.insert(id, Entry { source: variable.source, ..Entry::new(variable.value) });
        Ok(id)
    }

    /// Fails unless so many more tensors may be made.
    fn check_room(&self, more: usize) -> Result<(), TensorError> {
        if self.entries.len() + more > TENSORS_MAX {
            return Err(TensorError::TooMany {
                what: "tensors",
                name: "TENSORS_MAX",
                limit: TENSORS_MAX,
                remedy: "free those that are not needed",
            });
        }
        Ok(())
    }

    fn insert_constant(&mut self, value: Tensor) -> Result<TensorId, TensorError> {
        self.insert(Variable { value, source: None })
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// An operation of one tensor.
    fn unary<B: Backward + 'static>(
        &mut self,
        input: TensorId,
        operation: impl FnOnce(&Executor, &Tensor) -> Forward<B>,
    ) -> Result<TensorId, TensorError> {
        let input = self.variable(input)?;
        let output = self.record(operation(&self.executor, &input.value), &[&input])?;
        self.insert(output)
    }

    /// An operation of two tensors.
    fn binary<B: Backward + 'static>(
        &mut self,
        left: TensorId,
        right: TensorId,
        operation: impl FnOnce(&Executor, &Tensor, &Tensor) -> Forward<B>,
    ) -> Result<TensorId, TensorError> {
        let (left, right) = (self.variable(left)?, self.variable(right)?);
        let output = self.record(operation(&self.executor, &left.value, &right.value), &[&left, &right])?;
        self.insert(output)
    }

    /// An operation of an input, a weight and perhaps a bias.
    fn weighted<B: Backward + 'static>(
        &mut self,
        [input, weight]: [TensorId; 2],
        bias: Option<TensorId>,
        operation: impl FnOnce(&Executor, &Tensor, &Tensor, Option<&Tensor>) -> Forward<B>,
    ) -> Result<TensorId, TensorError> {
        let (input, weight, bias) = (self.variable(input)?, self.variable(weight)?, self.optional(bias)?);
        let bias_value = bias.as_ref().map(|bias| &bias.value);
        let forward = operation(&self.executor, &input.value, &weight.value, bias_value);
        let inputs: Vec<_> = [&input, &weight].into_iter().chain(&bias).collect();
        let output = self.record(forward, &inputs)?;
        self.insert(output)
    }
}

impl Clone for Tensors {
    /// A snapshot: the state as it is, without the tape. It costs a few counters for each tensor, copies no elements,
    /// and is neither charged to the memory of what it was taken of nor stopped with it.
    fn clone(&self) -> Tensors {
        let memory = self.executor.memory.sibling();
        let mut shared = HashMap::new();
        let mut share = |tensor: &Tensor| {
            let (buffer, charge) = shared
                .entry(tensor.buffer_identity())
                .or_insert_with(|| (tensor.shared_buffer(), memory.charge_held(tensor.shape().elements())));
            tensor.with_buffer(Arc::clone(buffer), Arc::clone(charge))
        };
        let mut entries = BTreeMap::new();
        for (&id, entry) in &self.entries {
            let (value, gradient) = (share(&entry.value), entry.gradient.as_ref().map(&mut share));
            entries.insert(id, Entry { gradient, requires_gradient: entry.requires_gradient, ..Entry::new(value) });
        }
        let mut optimisers = self.optimisers.clone();
        for parameter in optimisers.values_mut().flat_map(|optimiser| &mut optimiser.parameters) {
            parameter.moments = parameter.moments.iter().map(&mut share).collect();
        }
        let executor = Executor::new(Arc::clone(&memory));
        Tensors {
            executor,
            last_id: self.last_id,
            entries,
            optimisers,
            tape: Tape::default(),
            engine: self.engine,
            queue: None,
            settled: Vec::new(),
        }
    }
}

impl fmt::Debug for Tensors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes: BTreeMap<_, _> = self.entries.iter().map(|(id, entry)| (id, entry.value.shape())).collect();
        formatter
            .debug_struct("Tensors")
            .field("shapes", &shapes)
            .field("optimisers", &self.optimisers.len())
            .field("memory_bytes", &self.memory_bytes())
            .finish_non_exhaustive()
    }
}
