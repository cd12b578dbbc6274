//! Reading the history of an actor, from its newest record back to its oldest.

use std::sync::Arc;

use super::entry::ActorEntry;
use super::inner::Inner;
use super::record::{ActorId, Position, RECORD_HEADER_BYTES, Record, RecordHeader, RecordKind};
use super::scan::{Found, ScanStart, scan};
use super::segment::SEGMENT_HEADER_BYTES;
use super::update::UPDATE_BYTES_MAX;
use crate::error::StoreError;

/// The records of an actor, newest first, down to [`Update::kept_from`](super::Update), and its `Spawn`
/// last. A damaged record is an error in its place, and the older ones follow it.
pub struct History {
    inner: Arc<Inner>,
    entry: ActorEntry,
    next: Next,
    /// Where the last record is, and the number of its kind where its header could be read.
    last: Option<(Position, Option<u8>)>,
}

#[derive(Clone, Copy)]
enum Next {
    /// The record with this number is at this position.
    At(Position, u64),
    /// The record with this number can't be reached, and older ones have to be searched for.
    Before(Position, u64),
    Spawn,
    End,
}

impl History {
    pub(super) fn new(inner: Arc<Inner>, entry: ActorEntry) -> Self {
        let next = Next::At(entry.head, entry.sequence);
        Self { inner, entry, next, last: None }
    }

    /// Whether the record that was returned last, a damaged one, was of this kind. Where even its header is damaged,
    /// whether a payload with this beginning follows tells.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn was(&self, kind: RecordKind, beginning: &[u8]) -> Result<bool, StoreError> {
        match self.last {
            Some((_, Some(number))) => Ok(number == kind as u8),
            Some((position, None)) => {
                let bytes =
                    self.inner.segments.raw(position, RECORD_HEADER_BYTES + UPDATE_BYTES_MAX + beginning.len())?;
                Ok(bytes.windows(beginning.len().max(1)).any(|window| window == beginning))
            }
            None => Ok(false),
        }
    }

    fn read(&mut self, position: Position, sequence: u64) -> Result<Record, StoreError> {
        self.next = Next::Before(position, sequence);
        self.last = Some((position, None));
        let (header, record) = self.inner.segments.read(position)?;
        self.last = Some((position, Some(header.kind)));
        if header.actor != self.entry.id || header.sequence != sequence {
            return Err(self.inner.segments.not_of_actor(position, self.entry.id));
        }
        self.next = self.after(&header);
        record
    }

    /// What comes before a record.
    fn after(&self, header: &RecordHeader) -> Next {
        match header.previous {
            Some(previous) if header.sequence > self.entry.kept_from.max(1) => Next::At(previous, header.sequence - 1),
            _ if header.sequence > 1 => Next::Spawn,
            _ => Next::End,
        }
    }

    /// Goes on behind a record whose header is damaged, so that it does not tell what comes before it: the
    /// segments are searched for the newest record of the actor that is older.
    fn search(&self, position: Position, sequence: u64) -> Result<Next, StoreError> {
        if sequence <= self.entry.kept_from.max(1) {
            return Ok(if sequence > 1 { Next::Spawn } else { Next::End });
        }
        let mut best: Option<(u64, Position)> = None;
        let numbers = self.inner.segments.numbers()?;
        for number in numbers.into_iter().rev().filter(|&number| number <= position.segment) {
            let Ok(segment) = self.inner.segments.get(number) else { continue };
            let valid_bytes = self.inner.segments.valid_bytes(number)?;
            let start = ScanStart { bytes: SEGMENT_HEADER_BYTES, next_frame: segment.header.first_frame };
            scan(&segment, start, valid_bytes, &mut |found| {
                let (Found::Record { position: at, header, .. } | Found::DamagedBody { position: at, header }) = found
                else {
                    return Ok(());
                };
                if header.actor == self.entry.id && header.sequence < sequence && at < position {
                    best = best.max(Some((header.sequence, at)));
                }
                Ok(())
            })?;
            if best.is_some_and(|(found, _)| found + 1 == sequence) {
                break;
            }
        }
        Ok(match best {
            Some((found, at)) if found >= self.entry.kept_from => Next::At(at, found),
            _ => Next::Spawn,
        })
    }
}

impl Iterator for History {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Next::Before(position, sequence) = self.next {
            match self.search(position, sequence) {
                Ok(next) => self.next = next,
                Err(error) => {
                    self.next = Next::End;
                    return Some(Err(error));
                }
            }
        }
        match self.next {
            Next::At(position, sequence) => {
                let is_spawn = position == self.entry.spawn;
                let record = self.read(position, sequence);
                if is_spawn {
                    self.next = Next::End;
                }
                Some(record)
            }
            Next::Spawn => {
                self.next = Next::End;
                Some(spawn(&self.inner, &self.entry))
            }
            Next::Before(..) | Next::End => None,
        }
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("actor", &self.entry.id).finish_non_exhaustive()
    }
}

/// The first record of an actor.
pub(super) fn spawn(inner: &Inner, entry: &ActorEntry) -> Result<Record, StoreError> {
    let (header, record) = inner.segments.read(entry.spawn)?;
    if header.actor != entry.id || header.sequence != 1 {
        return Err(inner.segments.not_of_actor(entry.spawn, entry.id));
    }
    record
}

/// Where the records that are still needed of an actor are: its `Spawn` first, then the others, oldest first.
pub(super) fn needed_positions(inner: &Inner, entry: &ActorEntry) -> Result<Vec<Position>, StoreError> {
    let mut positions = Vec::new();
    let mut next = Some((entry.head, entry.sequence));
    while let Some((position, sequence)) = next {
        let header = inner.segments.read(position)?.0;
        if header.actor != entry.id || header.sequence != sequence {
            return Err(inner.segments.not_of_actor(position, entry.id));
        }
        positions.push(position);
        next = match header.previous {
            Some(previous) if sequence > entry.kept_from.max(1) => Some((previous, sequence - 1)),
            _ => None,
        };
    }
    if positions.last() != Some(&entry.spawn) {
        positions.push(entry.spawn);
    }
    positions.reverse();
    Ok(positions)
}

/// Whether an actor needs a record, given where it is and its number. Older copies of a history that was
/// moved lie before the copy of the `Spawn`, which is always the first to be moved.
pub(super) fn needs(entry: &ActorEntry, position: Position, sequence: u64, actor: ActorId) -> bool {
    entry.id == actor && (position == entry.spawn || position > entry.spawn && sequence >= entry.kept_from)
}
