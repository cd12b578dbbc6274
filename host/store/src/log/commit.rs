//! Group commit: what is waiting to be written, and who is waiting for it.
//!
//! All records that arrive while one frame is being written and synced form the next one. The place of a
//! frame is known before it is written, so that a record knows its position as soon as it is appended and
//! the next record of its actor can name it. The price is that a write that fails takes everything behind
//! it along: that ends an *epoch*, and with it every writer that was opened in it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::entry::Change;
use super::frame::FRAME_HEADER_BYTES;
use super::record::{EncodedRecord, Position};
use super::segment::SEGMENT_HEADER_BYTES;
use super::update::Update;
use crate::error::StoreError;

/// How many ended epochs are remembered. A ticket from before them counts as interrupted.
const EPOCHS_KEPT: usize = 4096;

/// The largest buffer that is kept for the next frame rather than given back, in bytes.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// A claim to a record's durability; see [`ActorLog::when_durable`](super::ActorLog::when_durable).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    epoch: u64,
    group: u64,
}

/// What is called when a record is durable, or will never be.
pub(super) type Callback = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Where a frame goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// Whether the segment has to be created first.
    pub(super) begins_segment: bool,
}

impl Place {
    /// The start of a segment that is still to be created.
    pub(super) fn begin(segment: u64) -> Self {
        Self { segment, offset: SEGMENT_HEADER_BYTES, begins_segment: true }
    }
}

/// The records of one frame.
pub(super) struct Group {
    number: u64,
    pub(super) place: Place,
    /// Room for the frame's header, and the records.
    pub(super) buffer: Vec<u8>,
    pub(super) changes: Vec<Change>,
    callbacks: Vec<Callback>,
}

impl Group {
    fn new(number: u64, place: Place, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.resize(FRAME_HEADER_BYTES, 0);
        Self { number, place, buffer, changes: Vec::new(), callbacks: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Where the frame ends, in bytes.
    pub(super) fn end(&self) -> u64 {
        self.place.offset + self.buffer.len() as u64
    }
}

/// What the writer thread is to do next.
pub(super) enum Work {
    /// Write this.
    Write(Group),
    /// Nothing has come for as long as was agreed.
    Idle,
    /// The log is closing, and everything is written.
    Close,
}

/// The queue between who appends and the writer thread.
pub(super) struct Commit {
    state: Mutex<State>,
    /// Something waits to be written, or the log closes.
    work: Condvar,
    /// Something is durable, or has failed, or there is room.
    progress: Condvar,
    buffer_bytes_max: usize,
    segment_bytes_max: u64,
}

struct State {
    epoch: u64,
    pending: Group,
    /// Who waits for the group that is being written.
    writing_callbacks: Vec<Callback>,
    /// The last group that is durable.
    durable: u64,
    ended: VecDeque<EndedEpoch>,
    spare: Vec<u8>,
    is_closing: bool,
}

struct EndedEpoch {
    epoch: u64,
    durable: u64,
    cause: Arc<StoreError>,
}

impl Commit {
    pub(super) fn new(next_segment: u64, buffer_bytes_max: usize, segment_bytes_max: u64) -> Self {
        let state = State {
            epoch: 1,
            pending: Group::new(1, Place::begin(next_segment), Vec::new()),
            writing_callbacks: Vec::new(),
            durable: 0,
            ended: VecDeque::new(),
            spare: Vec::new(),
            is_closing: false,
        };
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            progress: Condvar::new(),
            buffer_bytes_max,
            segment_bytes_max,
        }
    }

    /// The epoch whose writers are alive.
    pub(super) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Appends a record in the name of a writer of `epoch`. Waits only while the buffer is full.
    pub(super) fn append(
        &self,
        epoch: u64,
        record: &EncodedRecord<'_>,
        update: Update,
    ) -> Result<(Position, Ticket), StoreError> {
        let mut state = self.lock();
        while state.pending.buffer.len() >= self.buffer_bytes_max && state.epoch == epoch && !state.is_closing {
            state = self.wait(&self.progress, state);
        }
        if state.epoch != epoch {
            return Err(state.interrupted(epoch));
        }
        if state.is_closing {
            return Err(StoreError::LogClosed);
        }
        let pending = &mut state.pending;
        let position = Position { segment: pending.place.segment, offset: pending.end() };
        record.write_to(&mut pending.buffer);
        // A copy changes nothing in the index, but stands for a record that the frame holds.
        pending.changes.push(Change {
            actor: record.header.actor,
            kind: record.header.kind,
            position,
            sequence: record.header.sequence,
            update,
            is_copy: record.header.is_copy,
        });
        let ticket = Ticket { epoch, group: pending.number };
        self.work.notify_one();
        Ok((position, ticket))
    }

    /// Whether a ticket's record is durable; `None` while that is open.
    pub(super) fn outcome(&self, ticket: Ticket) -> Option<Result<(), StoreError>> {
        self.lock().outcome(ticket)
    }

    pub(super) fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        let mut state = self.lock();
        loop {
            match state.outcome(ticket) {
                Some(outcome) => return outcome,
                None => state = self.wait(&self.progress, state),
            }
        }
    }

    pub(super) fn when_durable(&self, ticket: Ticket, callback: Callback) {
        let mut state = self.lock();
        if let Some(outcome) = state.outcome(ticket) {
            drop(state);
            callback(outcome);
        } else if ticket.group == state.pending.number {
            state.pending.callbacks.push(callback);
        } else {
            state.writing_callbacks.push(callback);
        }
    }

    /// Whether the record of a ticket will never be durable.
    pub(super) fn is_lost(&self, ticket: Ticket) -> bool {
        matches!(self.lock().outcome(ticket), Some(Err(_)))
    }

    /// Makes the next frame begin a segment, where nothing waits to be written, and returns the number of
    /// the segment that is written to from now on.
    pub(super) fn begin_segment(&self) -> u64 {
        let mut state = self.lock();
        let pending = &mut state.pending;
        if pending.is_empty() && !pending.place.begins_segment {
            pending.place = Place::begin(pending.place.segment + 1);
        }
        pending.place.segment
    }

    /// A ticket for everything that was appended so far.
    pub(super) fn last_ticket(&self) -> Ticket {
        let state = self.lock();
        let group = if state.pending.is_empty() { state.pending.number - 1 } else { state.pending.number };
        Ticket { epoch: state.epoch, group }
    }

    /// Everything that waits, as one group, for the writer thread to write.
    pub(super) fn take(&self, idle_after: Option<std::time::Duration>) -> Work {
        let mut state = self.lock();
        while state.pending.is_empty() {
            if state.is_closing {
                return Work::Close;
            }
            state = match idle_after {
                None => self.wait(&self.work, state),
                Some(time) => {
                    let waited = self.work.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner);
                    if waited.1.timed_out() && waited.0.pending.is_empty() {
                        return Work::Idle;
                    }
                    waited.0
                }
            };
        }
        let end = state.pending.end();
        let Group { number, place, .. } = state.pending;
        let next = if end >= self.segment_bytes_max {
            Place::begin(place.segment + 1)
        } else {
            Place { offset: end, begins_segment: false, ..place }
        };
        let spare = std::mem::take(&mut state.spare);
        let group = std::mem::replace(&mut state.pending, Group::new(number + 1, next, spare));
        drop(state);
        self.progress.notify_all();
        Work::Write(group)
    }

    /// Reports that a group is durable.
    pub(super) fn succeed(&self, mut group: Group) {
        let mut state = self.lock();
        state.durable = group.number;
        group.callbacks.append(&mut state.writing_callbacks);
        if group.buffer.capacity() <= SPARE_BYTES_MAX {
            state.spare = group.buffer;
        }
        drop(state);
        self.progress.notify_all();
        for callback in group.callbacks {
            callback(Ok(()));
        }
    }

    /// Ends the epoch: neither `group` nor anything behind it will be durable. Returns what they would
    /// have changed.
    pub(super) fn fail(&self, mut group: Group, cause: StoreError) -> Vec<Change> {
        let cause = Arc::new(cause);
        let mut state = self.lock();
        let next = Place::begin(state.pending.place.segment + 1);
        let number = state.pending.number;
        let mut behind = std::mem::replace(&mut state.pending, Group::new(number + 1, next, Vec::new()));
        let (epoch, durable) = (state.epoch, state.durable);
        state.ended.push_back(EndedEpoch { epoch, durable, cause: cause.clone() });
        if state.ended.len() > EPOCHS_KEPT {
            state.ended.pop_front();
        }
        state.epoch += 1;
        // All groups of the ended epoch have smaller numbers, and none of the new one is durable yet.
        state.durable = number;
        group.callbacks.append(&mut state.writing_callbacks);
        group.callbacks.append(&mut behind.callbacks);
        drop(state);
        self.progress.notify_all();
        for callback in group.callbacks {
            callback(Err(StoreError::LogInterrupted { cause: cause.clone() }));
        }
        group.changes.append(&mut behind.changes);
        group.changes
    }

    /// Lets the writer thread end after it has written what waits.
    pub(super) fn close(&self) {
        self.lock().is_closing = true;
        self.work.notify_all();
        self.progress.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        condition.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn outcome(&self, ticket: Ticket) -> Option<Result<(), StoreError>> {
        if ticket.epoch == self.epoch {
            return (ticket.group <= self.durable).then_some(Ok(()));
        }
        let ended = self.ended.iter().find(|ended| ended.epoch == ticket.epoch);
        Some(match ended {
            Some(ended) if ticket.group <= ended.durable => Ok(()),
            _ => Err(self.interrupted(ticket.epoch)),
        })
    }

    fn interrupted(&self, epoch: u64) -> StoreError {
        let cause = match self.ended.iter().find(|ended| ended.epoch == epoch) {
            Some(ended) => ended.cause.clone(),
            None => Arc::new(StoreError::LogClosed),
        };
        StoreError::LogInterrupted { cause }
    }
}
