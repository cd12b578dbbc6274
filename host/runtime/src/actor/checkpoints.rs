//! Taking checkpoints of one actor: when, as its policy says; how, beside the actor where it is large; and which of the
//! older ones are still needed.

use std::collections::VecDeque;
use std::time::Duration;

use belljar_engine::{Capture, ComputeState, Since, Snapshot};
use belljar_policy::{Observation, PolicyState};
use belljar_store::checkpoint::{
    self, Encoded, Global, MemorySnapshot, Meta, PAGE_BYTES, Packs, PageMap, PagesSnapshot, Pin,
};
use belljar_store::{Digest, StoreError};
use serde::{Deserialize, Serialize};

use super::Durability;
use super::compute::KeptCompute;
use super::info::CheckpointInfo;
use super::options::{REPLAY_MESSAGES_MAX, SpawnOptions};
use super::record;
use super::state::ActorState;
use crate::{Error, clock};

/// Checkpoints of an actor that are kept: 3.
pub const GENERATIONS_KEPT: usize = 3;

/// A capture that took less than this (1 µs) was none: the snapshot was there.
const COST_MEASURED_MIN: Duration = Duration::from_micros(1);

/// When to take the next checkpoint, and what the ones before were.
pub(crate) struct Checkpoints {
    policy: PolicyState,
    durability: Durability,
    replay_time_max: Duration,
    /// Since the last one.
    work: Duration,
    messages: u64,
    /// What the next delta is encoded against.
    newest: Option<PageMap>,
    pub generation: u64,
    pub kept: VecDeque<Kept>,
}

/// A checkpoint that is kept, and the oldest record that restoring it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub generation: u64,
    /// The number of the last record before it.
    pub after_record: u64,
    pub needs_from: u64,
}

/// An actor at one moment.
pub(crate) struct Moment {
    /// Its memory.
    pub capture: Capture,
    /// The host's part of its state.
    pub state: ActorState,
    /// What its guest computes with, if anything.
    pub compute: Option<ComputeState>,
}

/// A checkpoint that is being written.
pub(crate) struct Taken {
    pub capture: Capture,
    pub state: ActorState,
    pub compute: Option<ComputeState>,
    /// Keeps the objects that the state names.
    _objects: Pin,
    pub reason: String,
    pub pause: Duration,
    pub taken_ns: u64,
    pub lease: u64,
    /// The number of the last record before it.
    pub after_record: u64,
    pub generation: u64,
    pub parent: Option<PageMap>,
}

impl Checkpoints {
    pub(crate) fn new(options: &SpawnOptions) -> Checkpoints {
        Checkpoints {
            policy: PolicyState::new(options.checkpoint),
            durability: options.durability,
            replay_time_max: Duration::from_millis(options.replay_time_max_ms),
            work: Duration::ZERO,
            messages: 0,
            newest: None,
            generation: 0,
            kept: VecDeque::new(),
        }
    }

    /// Goes on with what a recovery has found.
    pub(crate) fn recovered(&mut self, newest: Option<PageMap>, generation: u64, mut kept: VecDeque<Kept>) {
        // When it was written, the newest one did not know yet how far back it would go.
        if let Some(map) = &newest {
            let oldest = kept.iter().find(|kept| kept.generation == map.oldest_generation()).copied();
            if let (Some(oldest), Some(last)) = (oldest, kept.back_mut()) {
                last.needs_from = oldest.after_record.min(last.after_record);
            }
        }
        (self.newest, self.generation, self.kept) = (newest, generation, kept);
        (self.work, self.messages) = (Duration::ZERO, 0);
    }

    /// Notes the end of a call; returns why a checkpoint is due, if it is.
    pub(crate) fn after_call(&mut self, actor: &str, work: Duration) -> Option<String> {
        self.work += work;
        self.messages += 1;
        if self.durability == Durability::Volatile {
            return None;
        }
        let now_ns = clock::now_ns();
        let decision = self.policy.after_call(Observation { at_unix_ns: now_ns, work });
        tracing::debug!(
            target: "belljar::checkpoint", actor, take = decision.take, reason = %decision.reason, "decided on a checkpoint"
        );
        if decision.take {
            return Some(decision.reason.to_string());
        }
        if self.durability != Durability::Journal {
            return None;
        }
        // A journaled actor's recovery must have an end, whatever its policy says.
        if self.work >= self.replay_time_max {
            Some(format!("a replay would take {:.1} s (`replay_time_max_ms`)", self.work.as_secs_f64()))
        } else if self.messages >= REPLAY_MESSAGES_MAX {
            Some(format!("a replay would have {} messages", self.messages))
        } else {
            None
        }
    }

    /// Whether anything has happened since the last checkpoint.
    pub(crate) fn is_behind(&self) -> bool {
        self.messages > 0 || self.generation == 0
    }

    /// Begins a checkpoint of a moment, whose state tells the last record before it.
    pub(crate) fn begin(
        &mut self,
        moment: Moment,
        objects: Pin,
        reason: String,
        pause: Duration,
        lease: u64,
    ) -> Result<Taken, Error> {
        let Moment { capture, mut state, compute } = moment;
        let parent = match (capture.since(), &self.newest) {
            (Since::Base, _) => None,
            (Since::Last, Some(newest)) => Some(newest.clone()),
            (Since::Last, None) => {
                let problem = "it is what has changed since a checkpoint that is not there".to_owned();
                return Err(StoreError::InvalidSnapshot { problem }.into());
            }
        };
        self.generation += 1;
        (self.work, self.messages) = (Duration::ZERO, 0);
        let (taken_ns, generation) = (clock::now_ns(), self.generation);
        // A delta may go back as far as the one before it did; that is known for sure only when it is encoded.
        let after_record = state.after_record;
        let before = self.kept.back().filter(|_| parent.is_some()).map_or(after_record, |kept| kept.needs_from);
        state.policy = Some(self.policy.clone());
        state.checkpoints = self.kept.clone();
        state.checkpoints.push_back(Kept { generation, after_record, needs_from: before.min(after_record) });
        Ok(Taken {
            capture,
            state,
            compute,
            _objects: objects,
            reason,
            pause,
            taken_ns,
            lease,
            after_record,
            generation,
            parent,
        })
    }

    /// Notes that a checkpoint is in the log. Returns the oldest record that is still needed.
    pub(crate) fn appended(&mut self, taken_ns: u64, cost: Duration, after_record: u64, page_map: &PageMap) -> u64 {
        // One that was not captured now says nothing of what a checkpoint costs.
        if cost >= COST_MEASURED_MIN {
            self.policy.checkpoint_taken(taken_ns, cost);
        }
        // A delta needs the records of those before it, back to a whole one.
        let oldest = self.kept.iter().find(|kept| kept.generation == page_map.oldest_generation());
        let is_whole = page_map.oldest_generation() == page_map.generation();
        let needs_from = match oldest {
            _ if is_whole => after_record,
            Some(oldest) => oldest.after_record.min(after_record),
            None => 0,
        };
        // The beginning of an actor can be repeated as long as nothing else is kept.
        let needs_from = if self.kept.is_empty() { 0 } else { needs_from };
        self.kept.push_back(Kept { generation: page_map.generation(), after_record, needs_from });
        self.newest = Some(page_map.clone());
        // Those that a chain goes back to are remembered too, as long as a chain can be.
        while self.kept.len() > GENERATIONS_KEPT + checkpoint::CHAIN_MAX {
            self.kept.pop_front();
        }
        self.kept.iter().rev().take(GENERATIONS_KEPT).map(|kept| kept.needs_from).min().unwrap_or_default().max(1)
    }

    /// Takes over what the policy had learnt before, unless it is another policy now.
    pub(crate) fn adopt(&mut self, policy: Option<PolicyState>) {
        if let Some(policy) = policy.filter(|policy| policy.policy() == self.policy.policy()) {
            self.policy = policy;
        }
    }

    /// What the policy has learnt.
    pub(crate) fn into_policy(self) -> PolicyState {
        self.policy
    }

    /// Notes what a recovery had to repeat: the next one would have to as well.
    pub(crate) fn replayed(&mut self, messages: u64, work: Duration) {
        (self.messages, self.work) = (messages, work);
    }

    /// Notes that the process died, or the actor faulted.
    pub(crate) fn failed(&mut self, overhead: Duration) {
        self.policy.failure(Duration::ZERO);
        self.policy.restored(clock::now_ns(), self.work, overhead);
    }
}

impl Taken {
    /// Encodes the checkpoint, and writes what does not fit into a record. It blocks.
    pub(crate) fn encode(&self, packs: &Packs) -> Result<Encoded, Error> {
        let computed = self.compute.as_ref().map(|compute| KeptCompute::save(compute, packs)).transpose()?;
        // The pin holds until the checkpoint has one of its own.
        let (compute, _pin) = computed.unzip();
        let state = ActorState { compute, ..self.state.clone() };
        let (attachments, state) = (state.attachments(), record::encode_state(&state));
        let taken = self.capture.snapshot()?;
        let snapshot = checkpoint::Snapshot {
            meta: self.meta(),
            memories: taken.memories.iter().map(pages_of).collect(),
            globals: globals_of(&taken),
            host_state: &state,
            attachments,
        };
        Ok(checkpoint::encode(snapshot, self.parent.as_ref(), packs)?)
    }

    /// What is told of it before it is written.
    pub(crate) fn info(&self) -> CheckpointInfo {
        info_of(&self.meta(), self.capture.size_bytes(), self.parent.as_ref().map(PageMap::generation))
    }

    fn meta(&self) -> Meta {
        Meta {
            component: Digest::from_bytes(self.state.spawned.component),
            generation: self.generation,
            incarnation: self.state.spawned.incarnation,
            lease: self.lease,
            taken_ns: self.taken_ns,
            cost: checkpoint::Cost { pause_ns: clock::nanos(self.pause), ..Default::default() },
            reason: self.reason.chars().take(checkpoint::REASON_BYTES_MAX / 4).collect(),
            journal_sequence: self.state.sequence,
        }
    }
}

fn pages_of(memory: &belljar_engine::MemorySnapshot) -> MemorySnapshot<'_> {
    let mut bytes = memory.bytes.as_slice();
    let pages = memory.runs.iter().map(|run| {
        let (content, rest) = bytes.split_at(run.pages as usize * PAGE_BYTES);
        bytes = rest;
        PagesSnapshot { first_page: run.first_page as u32, content }
    });
    let pages = pages.collect();
    MemorySnapshot { size_bytes: memory.size_bytes, pages }
}

fn globals_of(snapshot: &Snapshot) -> Vec<Global> {
    let global = |(index, word): (usize, &u64)| Global { index: index as u32, value: u128::from(*word).to_le_bytes() };
    snapshot.globals.iter().enumerate().map(global).collect()
}

/// What the engine restores, of what the store has loaded.
pub(crate) fn snapshot_of(loaded: &checkpoint::Loaded) -> Snapshot {
    let memories = loaded.memories.iter().map(|memory| {
        let mut taken = belljar_engine::MemorySnapshot { size_bytes: memory.size_bytes, ..Default::default() };
        for pages in &memory.pages {
            let count = (pages.content.len() / PAGE_BYTES) as u64;
            taken.runs.push(belljar_engine::PageRun { first_page: u64::from(pages.first_page), pages: count });
            taken.bytes.extend_from_slice(&pages.content);
        }
        taken
    });
    let globals = loaded.globals.iter().map(|global| u128::from_le_bytes(global.value) as u64);
    Snapshot { memories: memories.collect(), globals: globals.collect() }
}

/// What is told of a checkpoint.
pub(crate) fn info_of(meta: &Meta, memory_bytes: u64, parent: Option<u64>) -> CheckpointInfo {
    CheckpointInfo {
        generation: meta.generation,
        incarnation: meta.incarnation,
        taken_ns: meta.taken_ns,
        message: meta.journal_sequence,
        reason: meta.reason.clone(),
        pause_ns: meta.cost.pause_ns,
        write_ns: meta.cost.write_ns,
        written_bytes: meta.cost.bytes,
        memory_bytes,
        parent,
    }
}
