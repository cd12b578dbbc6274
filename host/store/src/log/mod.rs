//! The log of actors: everything that journaled actors must not lose, in one totally ordered, append-only
//! log.
//!
//! Only a prefix of the log can be durable, so a record that is durable implies everything that was
//! appended before it, by whatever actor. Calls between actors of one process therefore need not wait for
//! the disk; only what leaves the process waits until its own record is durable
//! ([`ActorLog::when_durable`]).
//!
//! Guarantees:
//! - What was reported durable is there after any crash, in order, once. What was not reported, or was
//!   reported to have failed, may be there too when the next process opens the log, but only as the whole of
//!   a frame, and not if anything that was appended after it was reported durable.
//! - A write that fails (a full disk) loses nothing that was reported, and the next append tries again.
//! - A damaged record is a typed error to whoever needs it. Nothing else is lost with it.
//! - The index can be removed at any time; it is made anew.
//!
//! A log has one writing process at a time, which the lock of the data directory sees to.
//!
//! | file | holds |
//! | --- | --- |
//! | `segment`, `frame`, `record`, `update`, `checksum`, `fields` | the bytes, as described in `docs/format-log.md` |
//! | `segments`, `scan` | reading: one record, or everything |
//! | `commit`, `thread` | group commit |
//! | `writers`, `history` | writing and reading the history of one actor |
//! | `index`, `entry` | finding actors |
//! | `open`, `compact`, `verify` | what is done to the log as a whole |

mod checksum;
mod commit;
mod compact;
mod entry;
mod fields;
mod frame;
mod history;
mod index;
mod inner;
mod open;
mod options;
mod record;
mod scan;
mod segment;
mod segments;
mod thread;
mod update;
mod verify;
mod writers;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use commit::Ticket;
pub use compact::Compaction;
pub use entry::ActorEntry;
pub use history::History;
pub use index::IndexPlace;
pub use options::LogOptions;
pub use record::{ActorId, Position, RECORD_BYTES_MAX, Record, RecordKind};
pub use update::{ACTOR_NAME_BYTES_MAX, ACTOR_STATUS_BYTES_MAX, NextTimer, Update};
pub use verify::{Damage, LogReport};
pub use writers::{ActorWriter, Appended};

use crate::error::StoreError;
use crate::storage::Storage;
use inner::Inner;
use thread::LogThread;
use writers::Writers;

/// The most actors that one call lists.
const ACTORS_LISTED_MAX: usize = 100_000;

/// A new actor, as far as the log is concerned.
#[derive(Clone, Copy, Debug)]
pub struct NewActor<'a> {
    /// Its name, at most [`ACTOR_NAME_BYTES_MAX`].
    pub name: &'a str,
    /// What [`Update::status`] is at first.
    pub status: Option<&'a str>,
}

/// What a log consists of, and what has happened since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LogStats {
    /// How many segments there are.
    pub segments: u64,
    /// The size of the segments, in bytes.
    pub bytes: u64,
    /// How many actors there are.
    pub actors: u64,
    /// How many frames were written.
    pub frames: u64,
    /// How many records were written.
    pub records: u64,
    /// How many times the disk was waited for.
    pub syncs: u64,
    /// How many records were read on opening, because the index did not cover them.
    pub records_scanned: u64,
}

/// An open log. Closing it, by dropping it, writes what is waiting.
#[derive(Debug)]
pub struct ActorLog {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl ActorLog {
    /// Opens the log of a storage for writing, under a new lease. The caller has seen to it that no other
    /// process writes to it.
    ///
    /// # Errors
    /// [`StoreError::LogDamaged`] when segments are missing, or when the header of one is damaged that the
    /// index does not cover; [`StoreError::Version`] for a log of another build; [`StoreError::ActorIndex`],
    /// [`StoreError::Io`], [`StoreError::DiskFull`].
    pub fn open(storage: Arc<dyn Storage>, index: &IndexPlace, options: LogOptions) -> Result<Self, StoreError> {
        let (inner, tail) = open::for_writing(storage, index, options)?;
        let inner = Arc::new(inner);
        let thread = LogThread::spawn(inner.clone(), tail)?;
        Ok(Self { inner, thread: Mutex::new(Some(thread)) })
    }

    /// Opens the log for reading, as it is now, also beside a writer. Nothing is changed.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_read_only(storage: Arc<dyn Storage>, index: &IndexPlace) -> Result<Self, StoreError> {
        let inner = open::for_reading(storage, index)?;
        Ok(Self { inner: Arc::new(inner), thread: Mutex::new(None) })
    }

    /// The lease number of this opening, greater than that of every earlier one that has written anything.
    /// For a reader, the lease of the last writer.
    pub fn lease(&self) -> u64 {
        self.inner.lease
    }

    /// Begins the history of a new actor with its `Spawn` record.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], also by an actor that is not durable yet; [`StoreError::TooLarge`];
    /// [`StoreError::LogDamaged`] where records were lost that may have been an actor's of this name; and as
    /// for [`ActorWriter::append`].
    pub fn create(&self, actor: &NewActor<'_>, spawn: &[u8]) -> Result<(ActorWriter, Ticket), StoreError> {
        self.inner.require_writer()?;
        let (writer, appended) = Writers::create(&self.inner, actor.name, actor.status, spawn)?;
        Ok((writer, appended.ticket))
    }

    /// Opens the writer of an actor, which goes on behind its newest record.
    ///
    /// # Errors
    /// [`StoreError::UnknownActor`]; [`StoreError::ActorInUse`] while there is another writer of it;
    /// [`StoreError::LogDamaged`] where its newest record may be lost.
    pub fn writer(&self, actor: ActorId) -> Result<ActorWriter, StoreError> {
        self.inner.require_writer()?;
        Writers::open(&self.inner, actor)
    }

    /// Ends the history of an actor. Its name is free when the ticket is durable.
    ///
    /// # Errors
    /// As for [`ActorWriter::append`].
    pub fn remove(&self, mut writer: ActorWriter) -> Result<Ticket, StoreError> {
        Ok(writer.append(RecordKind::Removal, &[])?.ticket)
    }

    /// Calls back when the record of a ticket is durable, or will never be: at once where that is decided
    /// already, otherwise from the thread that writes the log. The callback must be quick, and must not wait
    /// for the log.
    pub fn when_durable(&self, ticket: Ticket, callback: Box<dyn FnOnce(Result<(), StoreError>) + Send>) {
        self.inner.commit().when_durable(ticket, callback);
    }

    /// Whether the record of a ticket will never be durable.
    pub fn is_lost(&self, ticket: Ticket) -> bool {
        self.inner.commit().is_lost(ticket)
    }

    /// Waits until the record of a ticket is durable.
    ///
    /// # Errors
    /// [`StoreError::LogInterrupted`] when it will never be.
    pub fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.inner.commit().wait_durable(ticket)
    }

    /// The actor with this name, as of its newest durable record.
    ///
    /// # Errors
    /// [`StoreError::ActorIndex`]; [`StoreError::LogDamaged`] where there is none, but records were lost
    /// that may have been its.
    pub fn find(&self, name: &str) -> Result<Option<ActorEntry>, StoreError> {
        writers::find(&self.inner, name)
    }

    /// The actor with this number, as of its newest durable record.
    ///
    /// # Errors
    /// [`StoreError::UnknownActor`], [`StoreError::ActorIndex`], [`StoreError::LogDamaged`].
    pub fn entry(&self, actor: ActorId) -> Result<ActorEntry, StoreError> {
        writers::entry(&self.inner, actor)
    }

    /// Up to `limit` actors whose names start with `prefix` and come after `after`, in order of their names.
    ///
    /// # Errors
    /// [`StoreError::ActorIndex`].
    pub fn list(&self, after: Option<&str>, prefix: &str, limit: usize) -> Result<Vec<ActorEntry>, StoreError> {
        self.inner.index().list(after, prefix, limit.min(ACTORS_LISTED_MAX))
    }

    /// How many actors there are.
    ///
    /// # Errors
    /// [`StoreError::ActorIndex`].
    pub fn count(&self) -> Result<u64, StoreError> {
        self.inner.index().count()
    }

    /// Up to `limit` actors with a timer that is due before `before_ns`, in nanoseconds since
    /// 1970-01-01T00:00:00Z, the most overdue first.
    ///
    /// # Errors
    /// [`StoreError::ActorIndex`].
    pub fn due_timers(&self, before_ns: u64, limit: usize) -> Result<Vec<ActorEntry>, StoreError> {
        self.inner.index().due_timers(before_ns, limit.min(ACTORS_LISTED_MAX))
    }

    /// The durable records of an actor, newest first, its `Spawn` last.
    ///
    /// # Errors
    /// [`StoreError::UnknownActor`]; [`StoreError::LogDamaged`] where its newest record may be lost. Errors
    /// of single records are items of the iterator.
    pub fn history(&self, actor: ActorId) -> Result<History, StoreError> {
        Ok(History::new(self.inner.clone(), self.entry(actor)?))
    }

    /// The `Spawn` record of an actor.
    ///
    /// # Errors
    /// [`StoreError::UnknownActor`], [`StoreError::LogDamaged`], [`StoreError::Io`].
    pub fn spawn_record(&self, actor: ActorId) -> Result<Record, StoreError> {
        history::spawn(&self.inner, &self.entry(actor)?)
    }

    /// One record. Positions come from an [`ActorEntry`] or from another record, and are good until the next
    /// compaction.
    ///
    /// # Errors
    /// [`StoreError::LogDamaged`], [`StoreError::UnknownRecordKind`], [`StoreError::Io`] when the segment is
    /// gone.
    pub fn read(&self, position: Position) -> Result<Record, StoreError> {
        self.inner.segments.read(position)?.1
    }

    /// Gives back the room of records that no actor needs: those before its [`Update::kept_from`], and
    /// those of removed actors. It may run beside everything else.
    ///
    /// # Errors
    /// [`StoreError::LogInterrupted`], [`StoreError::ActorIndex`], [`StoreError::Io`],
    /// [`StoreError::DiskFull`]. What was done up to then is done.
    pub fn compact(&self) -> Result<Compaction, StoreError> {
        compact::compact(&self.inner)
    }

    /// Whether the log has grown so much since the last [`compact`](Self::compact) that it is worth while.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn is_compaction_due(&self) -> Result<bool, StoreError> {
        compact::is_due(&self.inner)
    }

    /// Writes down in the index what it does not cover yet, so that the next opening has less to read. This
    /// happens by itself every two seconds, and on closing.
    ///
    /// # Errors
    /// [`StoreError::ActorIndex`], [`StoreError::DiskFull`]. The log is unharmed.
    pub fn flush_index(&self) -> Result<(), StoreError> {
        self.inner.index().flush()
    }

    /// What the log consists of now.
    ///
    /// # Errors
    /// [`StoreError::ActorIndex`], [`StoreError::Io`].
    pub fn stats(&self) -> Result<LogStats, StoreError> {
        let counters = &self.inner.counters;
        Ok(LogStats {
            segments: self.inner.segments.numbers()?.len() as u64,
            bytes: compact::total_bytes(&self.inner)?,
            actors: self.count()?,
            frames: counters.frames.load(Ordering::Relaxed),
            records: counters.records.load(Ordering::Relaxed),
            syncs: counters.syncs.load(Ordering::Relaxed),
            records_scanned: counters.records_scanned.load(Ordering::Relaxed),
        })
    }

    /// Reads and verifies every record and every history. `progress` is told how many segments of how many
    /// were read.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ActorIndex`]; damage is not an error but in the report.
    pub fn verify(&self, mut progress: impl FnMut(u64, u64)) -> Result<LogReport, StoreError> {
        verify::verify(&self.inner, &mut progress)
    }
}

impl Drop for ActorLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl ActorLog {
    /// Writes what is waiting, and takes nothing more: every later append is [`StoreError::LogClosed`]. Another process
    /// may open the log when this returns.
    pub fn close(&self) {
        self.inner.commit().close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer of the log of actors has panicked");
        }
    }
}

#[cfg(test)]
mod tests;
