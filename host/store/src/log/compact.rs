//! Getting back the room of records that nobody needs.
//!
//! A segment of which little is needed is *evacuated*: each actor that needs a record in it has its whole
//! history copied to the end of the log, and then the segment is removed. A copied record is marked as a
//! copy and says nothing to the index; only the last one of a history does, and says everything. So a crash
//! leaves either the old history or the new one as the actor's, and never half of one. Segments are removed
//! oldest first, each for good before the next, and only when the index that no longer names it is durable.
//!
//! The `Removal` of an actor is needed for as long as an older segment may hold records of it, because an
//! index made anew would bring the actor back.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::commit::Ticket;
use super::entry::ActorEntry;
use super::history::{needed_positions, needs};
use super::inner::Inner;
use super::record::{ActorId, EncodedRecord, Position, Record, RecordKind, RecordLink};
use super::scan::{Found, ScanStart, scan};
use super::segment::SEGMENT_HEADER_BYTES;
use super::update::Update;
use super::writers::{self, Chain};
use crate::error::StoreError;

/// A segment is evacuated when less than one part in this many of it is needed.
const NEEDED_SHARE_DIVISOR: u64 = 2;

/// How many small segments make a compaction due.
const SMALL_SEGMENTS_DUE: usize = 64;
/// How many small segments may lie about before they are merged: each process that writes begins one.
const SMALL_SEGMENTS_MAX: usize = 16;

/// The log should be compacted when it weighs this many times what it did after it was last compacted.
const GROWTH_RATIO: u64 = 2;

/// What a compaction has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// How many segments were removed.
    pub segments_removed: u64,
    /// The size of the removed segments, in bytes.
    pub bytes_removed: u64,
    /// How many histories were moved.
    pub actors_moved: u64,
    /// The size of the records that were copied, in bytes.
    pub bytes_copied: u64,
    /// How many segments stay although little of them is needed, because they are damaged.
    pub segments_stuck: u64,
}

/// What a segment holds.
#[derive(Debug, Default)]
struct Survey {
    number: u64,
    file_bytes: u64,
    needed_bytes: u64,
    actors: BTreeSet<ActorId>,
    /// The removed actors, with the numbers of their `Removal`s.
    removals: Vec<(ActorId, u64)>,
    is_damaged: bool,
    /// Whether the file goes on past what is valid. Only its successor knows.
    has_void: bool,
}

pub(super) fn compact(inner: &Arc<Inner>) -> Result<Compaction, StoreError> {
    inner.require_writer()?;
    let _one_at_a_time = inner.compaction.lock().unwrap_or_else(PoisonError::into_inner);
    let active = inner.commit().begin_segment();
    inner.commit().wait_durable(inner.commit().last_ticket())?;
    let mut done = Compaction::default();
    let numbers: Vec<u64> = inner.segments.numbers()?.into_iter().filter(|&number| number < active).collect();
    for number in victims(inner, &numbers)? {
        evacuate_segment(inner, number, &mut done)?;
    }
    let bytes = total_bytes(inner)?;
    let mut index = inner.index();
    index.covered.live_bytes = bytes;
    index.flush()?;
    tracing::info!(?done, "compacted the log of actors");
    Ok(done)
}

/// Whether the log has grown so much that compacting it is worth the while.
pub(super) fn is_due(inner: &Inner) -> Result<bool, StoreError> {
    let live_bytes = inner.index().covered.live_bytes;
    let small = |number: &u64| inner.segments.file_bytes(*number) < inner.segment_bytes_max / NEEDED_SHARE_DIVISOR;
    let many_small = inner.segments.numbers()?.iter().filter(|number| small(number)).count() > SMALL_SEGMENTS_DUE;
    Ok(many_small || total_bytes(inner)? > GROWTH_RATIO * live_bytes.max(inner.segment_bytes_max))
}

pub(super) fn total_bytes(inner: &Inner) -> Result<u64, StoreError> {
    Ok(inner.segments.numbers()?.into_iter().map(|number| inner.segments.file_bytes(number)).sum())
}

/// The segments to evacuate, oldest first.
fn victims(inner: &Inner, numbers: &[u64]) -> Result<Vec<u64>, StoreError> {
    let mut surveys = Vec::new();
    for &number in numbers {
        // Who is to be moved is found out again when it is done.
        surveys.push(Survey { actors: BTreeSet::new(), removals: Vec::new(), ..survey(inner, number)? });
    }
    let is_small = |survey: &Survey| survey.file_bytes < inner.segment_bytes_max / NEEDED_SHARE_DIVISOR;
    let merges_small = surveys.iter().filter(|survey| is_small(survey)).count() > SMALL_SEGMENTS_MAX;
    let mut victims = Vec::new();
    let mut is_next_victim = false;
    for survey in surveys.iter().rev() {
        let is_mostly_dead = survey.needed_bytes * NEEDED_SHARE_DIVISOR <= survey.file_bytes;
        // The successor states where the void begins, so it has to stay for as long as the void does.
        let goes_along = is_next_victim && survey.has_void;
        is_next_victim = is_mostly_dead || goes_along || merges_small && is_small(survey);
        if is_next_victim {
            victims.push(survey.number);
        }
    }
    victims.reverse();
    Ok(victims)
}

fn survey(inner: &Inner, number: u64) -> Result<Survey, StoreError> {
    let file_bytes = inner.segments.file_bytes(number);
    let mut survey = Survey { number, file_bytes, ..Survey::default() };
    let Some(segment) = inner.segments.get_unless_unborn(number)? else { return Ok(survey) };
    let valid_bytes = inner.segments.valid_bytes(number)?;
    survey.has_void = valid_bytes.is_some_and(|valid| valid < file_bytes);
    let start = ScanStart { bytes: SEGMENT_HEADER_BYTES, next_frame: segment.header.first_frame };
    // Records of one actor often follow each other.
    let mut last: Option<(ActorId, Option<ActorEntry>)> = None;
    scan(&segment, start, valid_bytes, &mut |found| {
        let (position, header) = match found {
            Found::Record { position, header, .. } => (position, header),
            Found::DamagedBody { .. } | Found::DamagedBytes { .. } => {
                survey.is_damaged = true;
                return Ok(());
            }
            Found::DamagedFrameHeader { .. } => return Ok(()),
        };
        let entry = match last.take() {
            Some((actor, entry)) if actor == header.actor => entry,
            _ => inner.index().entry(header.actor)?,
        };
        if entry.as_ref().is_some_and(|entry| needs(entry, position, header.sequence, header.actor)) {
            survey.needed_bytes += header.record_bytes() as u64;
            survey.actors.insert(header.actor);
        } else if entry.is_none() && header.kind == RecordKind::Removal as u8 {
            survey.removals.push((header.actor, header.sequence));
        }
        last = Some((header.actor, entry));
        Ok(())
    })?;
    Ok(survey)
}

/// Whether a segment is what says that the end of another one, which is still there, does not count.
fn states_void(inner: &Inner, number: u64) -> Result<bool, StoreError> {
    let header = inner.segments.get_unless_unborn(number)?.map(|segment| segment.header);
    let predecessor = header.and_then(|header| header.predecessor);
    Ok(predecessor.is_some_and(|prefix| inner.segments.file_bytes(prefix.segment) > prefix.bytes))
}

/// Moves everything that is needed out of a segment, and removes it.
fn evacuate_segment(inner: &Arc<Inner>, number: u64, done: &mut Compaction) -> Result<(), StoreError> {
    // Surveyed again, because what was moved out of older victims may have been in this one too.
    let survey = survey(inner, number)?;
    if survey.is_damaged || states_void(inner, number)? {
        tracing::warn!(segment = number, "keeping a segment that is damaged, or that follows one");
        done.segments_stuck += 1;
        return Ok(());
    }
    // Each is waited for, not only the last: an interruption in between would undo the ones before it.
    let mut tickets = Vec::new();
    for actor in survey.actors {
        match move_history(inner, actor, done) {
            Ok(ticket) => tickets.extend(ticket),
            Err(error @ (StoreError::LogDamaged { .. } | StoreError::UnknownRecordKind { .. })) => {
                tracing::warn!(%actor, %error, "keeping a segment, because a history can't be moved");
                done.segments_stuck += 1;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    if inner.segments.numbers()?.first().is_some_and(|&oldest| oldest < number) {
        for (actor, sequence) in survey.removals {
            tickets.push(repeat_removal(inner, actor, sequence)?);
        }
    }
    for ticket in tickets {
        inner.commit().wait_durable(ticket)?;
    }
    if inner.segments.numbers()?.last() == Some(&number) {
        // Nothing was moved out of the newest one. It stays, since it tells how far the numbers have come.
        return Ok(());
    }
    {
        let mut index = inner.index();
        index.forget_segment(number);
        index.flush_durably()?;
    }
    inner.segments.remove(number)?;
    done.segments_removed += 1;
    done.bytes_removed += survey.file_bytes;
    Ok(())
}

/// Copies the history of an actor to the end of the log. `None` when the actor is gone meanwhile.
fn move_history(inner: &Arc<Inner>, actor: ActorId, done: &mut Compaction) -> Result<Option<Ticket>, StoreError> {
    let shared = inner.writers().chain_to_move(actor);
    let moved = move_chain(inner, actor, &mut writers::lock(&shared), done);
    inner.writers().put_back_moved(inner, actor, &shared);
    moved
}

fn move_chain(
    inner: &Inner,
    actor: ActorId,
    chain: &mut Chain,
    done: &mut Compaction,
) -> Result<Option<Ticket>, StoreError> {
    match chain.refresh(inner, actor) {
        Ok(()) => {}
        Err(StoreError::UnknownActor { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    // Only what is durable can be read. Nothing is appended meanwhile, since the chain is locked.
    if let Some(ticket) = chain.ticket {
        inner.commit().wait_durable(ticket)?;
    }
    let entry = writers::entry(inner, actor)?;
    let positions = needed_positions(inner, &entry)?;
    let (mut spawn, mut previous, mut ticket) = (None, None, None);
    for (index, &position) in positions.iter().enumerate() {
        let (_, record) = inner.segments.read(position)?;
        let record = record?;
        let is_copy = index + 1 < positions.len();
        // The last one takes over from the old history, so it says everything that the index has to know.
        let update = if is_copy { Update::default() } else { entry.as_update(spawn) };
        let copied = copy(inner, chain.epoch, &record, previous, is_copy, update)?;
        done.bytes_copied += record.payload.len() as u64;
        spawn = spawn.or(Some(copied.0));
        previous = Some(copied.0);
        ticket = Some(copied.1);
    }
    chain.head = previous;
    chain.ticket = ticket;
    done.actors_moved += 1;
    Ok(ticket)
}

fn copy(
    inner: &Inner,
    epoch: u64,
    record: &Record,
    previous: Option<Position>,
    is_copy: bool,
    update: Update,
) -> Result<(Position, Ticket), StoreError> {
    let link = RecordLink { actor: record.actor, sequence: record.sequence, previous };
    let encoded = EncodedRecord::new(record.kind, is_copy, link, &update, &record.payload, &inner.key);
    inner.commit().append(epoch, &encoded, update)
}

fn repeat_removal(inner: &Inner, actor: ActorId, sequence: u64) -> Result<Ticket, StoreError> {
    let link = RecordLink { actor, sequence, previous: None };
    let update = Update::default();
    let encoded = EncodedRecord::new(RecordKind::Removal, false, link, &update, &[], &inner.key);
    Ok(inner.commit().append(inner.commit().epoch(), &encoded, update)?.1)
}
