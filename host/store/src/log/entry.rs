//! What the index knows of an actor, and how the records of the log change it.
//!
//! What the log says beyond what the index file holds is kept as one [`Delta`] for each actor. Deltas are
//! merged without looking at the file, so a file that fails never stands in the way of a commit.

use super::record::{ActorId, Position, RecordKind};
use super::update::{NextTimer, Update};

/// What the index knows of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorEntry {
    /// Its number.
    pub id: ActorId,
    /// Its name, which no other actor has.
    pub name: String,
    /// Its newest durable record.
    pub head: Position,
    /// The sequence number of that record.
    pub sequence: u64,
    /// The sequence number of the oldest record that is still needed; 1 until an [`Update`] says otherwise.
    pub kept_from: u64,
    /// Its `Spawn` record.
    pub spawn: Position,
    /// What [`Update::status`] said last.
    pub status: Option<String>,
    /// When its next timer is due, in nanoseconds since 1970-01-01T00:00:00Z.
    pub next_timer_ns: Option<u64>,
}

/// What one durable record says to the index.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) actor: ActorId,
    pub(super) kind: u8,
    pub(super) position: Position,
    pub(super) sequence: u64,
    pub(super) update: Update,
    /// A copy that compaction has made says nothing until the whole history is copied.
    pub(super) is_copy: bool,
}

/// How an actor differs from its row in the index file.
#[derive(Clone, Debug)]
pub(super) enum Delta {
    /// The row is to be this, whatever it is now.
    Whole(ActorEntry),
    /// Some of its fields have changed.
    Part(Part),
    /// The actor was removed.
    Gone,
}

/// The fields that have changed.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) head: Position,
    pub(super) sequence: u64,
    pub(super) kept_from: Option<u64>,
    pub(super) status: Option<String>,
    pub(super) next_timer: Option<NextTimer>,
}

impl Delta {
    /// What is left to change after `change`, too.
    pub(super) fn merge(before: Option<Self>, change: Change) -> Self {
        if change.kind == RecordKind::Removal as u8 {
            return Self::Gone;
        }
        let Change { actor, position, sequence, update, .. } = change;
        let Update { status, next_timer, kept_from, name, spawn } = update;
        if let Some(name) = name {
            let next_timer_ns = timer_ns(next_timer);
            let (kept_from, spawn) = (kept_from.unwrap_or(1), spawn.unwrap_or(position));
            let entry =
                ActorEntry { id: actor, name, head: position, sequence, kept_from, spawn, status, next_timer_ns };
            return Self::Whole(entry);
        }
        let part = Part { head: position, sequence, kept_from, status, next_timer };
        match before {
            None => Self::Part(part),
            Some(Self::Gone) => Self::Gone,
            Some(Self::Whole(entry)) => Self::Whole(part.onto(entry)),
            Some(Self::Part(before)) => Self::Part(Part {
                kept_from: part.kept_from.or(before.kept_from),
                status: part.status.or(before.status),
                next_timer: part.next_timer.or(before.next_timer),
                ..part
            }),
        }
    }

    /// The entry of the actor, given its row in the file.
    pub(super) fn onto(&self, row: Option<ActorEntry>) -> Option<ActorEntry> {
        match self {
            Self::Whole(entry) => Some(entry.clone()),
            Self::Part(part) => row.map(|row| part.clone().onto(row)),
            Self::Gone => None,
        }
    }
}

impl Part {
    fn onto(self, entry: ActorEntry) -> ActorEntry {
        ActorEntry {
            head: self.head,
            sequence: self.sequence,
            kept_from: self.kept_from.unwrap_or(entry.kept_from),
            status: self.status.or(entry.status),
            next_timer_ns: self.next_timer.map_or(entry.next_timer_ns, |timer| timer_ns(Some(timer))),
            ..entry
        }
    }
}

impl ActorEntry {
    /// An update that makes an index anew what this entry is: compaction puts it into the last record of a
    /// history that it has moved, so that the records before it need say nothing.
    /// `spawn` is where the `Spawn` is now, unless it is that last record itself.
    pub(super) fn as_update(&self, spawn: Option<Position>) -> Update {
        Update {
            status: self.status.clone(),
            next_timer: self.next_timer_ns.map(NextTimer::At),
            kept_from: Some(self.kept_from),
            name: Some(self.name.clone()),
            spawn,
        }
    }
}

fn timer_ns(timer: Option<NextTimer>) -> Option<u64> {
    match timer {
        Some(NextTimer::At(time_ns)) => Some(time_ns),
        Some(NextTimer::Never) | None => None,
    }
}
