//! The tape: what was computed from tensors that require gradients, in its order, with what each operation keeps
//! to compute the gradients of its inputs. Going backward plays it from the end and drops each entry as it passes,
//! so that the memory of what it kept serves the rest of the way.
//!
//! A tape serves one `backward`. Tensors that were computed on it are constants from then on. A tape is no part of
//! a snapshot: it is dropped at the end of a message.

use std::collections::BTreeMap;

use super::TensorId;
use super::error::TensorError;
use super::executor::Executor;
use super::kernels::{self, Arithmetic};

use super::shape::Shape;
use super::value::Tensor;

/// The most operations on a tape.
pub const TAPE_ENTRIES_MAX: usize = 1 << 16;

/// The gradients of an operation's inputs, in their order; `None` for those that were not asked for.
pub(crate) type Gradients = Vec<Option<Tensor>>;

/// What an operation keeps to go backward.
pub(crate) trait Backward: Send + Sync {
    /// The gradients of the inputs of which `needed` says that they are needed, from that of the output. Each has
    /// the shape of its input.
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError>;
}

/// Where a gradient goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// To a tensor that requires it.
    Leaf(TensorId),
    /// To the entry of the tape that computed the tensor.
    Entry { tape: u64, index: usize },
}

/// A tensor and where its gradient goes, if it has one.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) value: Tensor,
    pub(crate) source: Option<Source>,
}

/// Records operations and goes back along them.
#[derive(Default)]
pub(crate) struct Tape {
    /// Which tape this is; those before it were dropped.
    number: u64,
    entries: Vec<Entry>,
    paused: bool,
}

struct Entry {
    sources: Vec<Option<Source>>,
    operation: Box<dyn Backward>,
}

impl Tape {
    /// Records that `operation` computed `value` from these inputs, unless none of them has a gradient.
    pub(crate) fn record(
        &mut self,
        value: Tensor,
        operation: impl Backward + 'static,
        inputs: &[&Variable],
    ) -> Result<Variable, TensorError> {
        let sources: Vec<_> = inputs.iter().map(|input| self.live(input.source)).collect();
        if self.paused || sources.iter().all(Option::is_none) {
            return Ok(Variable { value, source: None });
        }
        if self.entries.len() == TAPE_ENTRIES_MAX {
            return Err(TensorError::TooMany {
                what: "operations on the tape",
                name: "TAPE_ENTRIES_MAX",
                limit: TAPE_ENTRIES_MAX,
                remedy: "call backward more often, or pause recording where no gradient is needed",
            });
        }
        let source = Source::Entry { tape: self.number, index: self.entries.len() };
        self.entries.push(Entry { sources, operation: Box::new(operation) });
        Ok(Variable { value, source: Some(source) })
    }

    /// Turns recording on or off, and says whether it was on.
    pub(crate) fn set_recording(&mut self, recording: bool) -> bool {
        !std::mem::replace(&mut self.paused, !recording)
    }

    /// How many operations are recorded.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Drops the operations that were recorded after so many.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Drops what was recorded.
    pub(crate) fn clear(&mut self) {
        drop(self.end());
    }

    /// Lets go of what was recorded.
    pub(crate) fn end(&mut self) -> Ended {
        self.number += 1;
        Ended { entries: std::mem::take(&mut self.entries) }
    }

    /// The gradients, of the sum of this variable's elements, of all leaves. `None` when no tape leads to it. The
    /// tape is dropped, also by an error.
    pub(crate) fn backward(
        &mut self,
        executor: &Executor,
        of: &Variable,
    ) -> Option<Result<BTreeMap<TensorId, Tensor>, TensorError>> {
        let source = self.live(of.source)?;
        let result = self.play(executor, source, of.value.shape());
        self.clear();
        Some(result)
    }

    fn play(
        &mut self,
        executor: &Executor,
        source: Source,
        shape: &Shape,
    ) -> Result<BTreeMap<TensorId, Tensor>, TensorError> {
        let mut pending = Pending::default();
        pending.add(executor, source, executor.full(*shape, 1.0)?)?;
        while let Some(entry) = self.entries.pop() {
            let Some(gradient) = pending.of_entries.remove(&self.entries.len()) else { continue };
            executor.check_stop()?;
            let needed: Vec<_> = entry.sources.iter().map(Option::is_some).collect();
            let gradients = entry.operation.backward(executor, &gradient, &needed)?;
            // What the operation kept is dropped before the next one needs room.
            drop((gradient, entry.operation));
            for (source, gradient) in entry.sources.into_iter().zip(gradients) {
                if let (Some(source), Some(gradient)) = (source, gradient) {
                    pending.add(executor, source, gradient)?;
                }
            }
        }
        Ok(pending.of_leaves)
    }

    /// A source, unless it is on a tape that was dropped.
    fn live(&self, source: Option<Source>) -> Option<Source> {
        source.filter(|source| match source {
            Source::Leaf(_) => true,
            Source::Entry { tape, .. } => *tape == self.number,
        })
    }
}

/// What a tape held that has ended, until it is dropped.
#[must_use = "what it holds is given back when it is dropped, which takes its time if it is much"]
pub struct Ended {
    entries: Vec<Entry>,
}

impl Ended {
    /// Whether there is anything to give back.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The gradients that have been computed so far, and not yet been used.
#[derive(Default)]
struct Pending {
    of_leaves: BTreeMap<TensorId, Tensor>,
    of_entries: BTreeMap<usize, Tensor>,
}

impl Pending {
    fn add(&mut self, executor: &Executor, source: Source, gradient: Tensor) -> Result<(), TensorError> {
        let earlier = match source {
            Source::Leaf(id) => self.of_leaves.remove(&id),
            Source::Entry { index, .. } => self.of_entries.remove(&index),
        };
        let sum = match earlier {
            None => gradient,
            Some(earlier) => add(executor, &earlier, &gradient)?,
        };
        match source {
            Source::Leaf(id) => self.of_leaves.insert(id, sum),
            Source::Entry { index, .. } => self.of_entries.insert(index, sum),
        };
        Ok(())
    }
}

/// The sum of two gradients of the same tensor.
pub(crate) fn add(executor: &Executor, left: &Tensor, right: &Tensor) -> Result<Tensor, TensorError> {
    kernels::combine(executor, Arithmetic::Add, *left.shape(), left, right)
}
