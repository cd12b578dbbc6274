//! Who is writing: one writer for each actor at a time, and the end of each written history.
//!
//! The end of a history (its *chain*) may be ahead of what is durable. It is kept here until it is durable
//! even when its writer is gone, so that the next writer goes on behind it, and compaction may move a
//! history under a living writer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::commit::Ticket;
use super::entry::ActorEntry;
use super::inner::Inner;
use super::record::{ActorId, EncodedRecord, Position, RECORD_BYTES_MAX, RecordKind, RecordLink};
use super::segments::damaged;
use super::update::Update;
use crate::error::StoreError;

/// How many chains without a writer may be kept before those that are durable are dropped.
const IDLE_CHAINS_MAX: usize = 1024;

/// A record that was appended. It is not durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Tells when the record is durable.
    pub ticket: Ticket,
    /// The record's number among the actor's, for [`Update::kept_from`].
    pub sequence: u64,
}

/// Appends to the history of one actor. At most one writer of an actor exists at a time.
pub struct ActorWriter {
    inner: Arc<Inner>,
    actor: ActorId,
    chain: Arc<Mutex<Chain>>,
    /// The epoch that the writer lives in. It dies with it.
    epoch: u64,
}

/// The end of an actor's history.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// The epoch that the rest was valid in; 0 before anything is known.
    pub(super) epoch: u64,
    pub(super) head: Option<Position>,
    pub(super) sequence: u64,
    pub(super) ticket: Option<Ticket>,
    pub(super) is_removed: bool,
}

impl ActorWriter {
    /// The actor.
    pub fn actor(&self) -> ActorId {
        self.actor
    }

    /// The number of the record that was appended last.
    pub fn sequence(&self) -> u64 {
        lock(&self.chain).sequence
    }

    /// Whether the writer may still append: no write has failed since it was opened.
    pub fn is_alive(&self) -> bool {
        self.inner.commit().epoch() == self.epoch
    }

    /// Appends a record. It does not wait for the disk, except while too much is waiting already.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] past [`RECORD_BYTES_MAX`]; [`StoreError::LogInterrupted`] when a write has
    /// failed since the writer was opened: what it appended and was not reported durable is gone, and it
    /// has to be opened anew. [`StoreError::LogClosed`].
    pub fn append(&mut self, kind: RecordKind, payload: &[u8]) -> Result<Appended, StoreError> {
        self.append_with(kind, payload, Update::default())
    }

    /// Appends a record that also changes what the index says of the actor, once it is durable.
    ///
    /// # Errors
    /// As for [`append`](Self::append), and [`StoreError::TooLarge`] for a status past its limit.
    pub fn append_with(&mut self, kind: RecordKind, payload: &[u8], update: Update) -> Result<Appended, StoreError> {
        let mut chain = lock(&self.chain);
        let epoch = self.epoch;
        let ticket = append(&self.inner, &mut chain, epoch, self.actor, kind, payload, update)?;
        Ok(Appended { ticket, sequence: chain.sequence })
    }
}

impl Drop for ActorWriter {
    fn drop(&mut self) {
        self.inner.writers().put_back(&self.inner, self.actor, &self.chain);
    }
}

impl fmt::Debug for ActorWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorWriter").field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// All chains that have a writer, or that are not durable yet, or that are being moved; and the names of
/// actors that are not durable yet.
#[derive(Debug, Default)]
pub(super) struct Writers {
    registry: Mutex<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    slots: HashMap<ActorId, Slot>,
    names: HashMap<String, ActorId>,
}

#[derive(Debug, Default)]
struct Slot {
    chain: Arc<Mutex<Chain>>,
    has_writer: bool,
}

impl Writers {
    /// Opens the one writer of an actor.
    pub(super) fn open(inner: &Arc<Inner>, actor: ActorId) -> Result<ActorWriter, StoreError> {
        let chain = inner.writers().take(inner, actor)?;
        // From here on, dropping the writer gives the slot back.
        let mut writer = ActorWriter { inner: inner.clone(), actor, chain, epoch: 0 };
        let mut chain = lock(&writer.chain);
        chain.refresh(inner, actor)?;
        let epoch = chain.epoch;
        drop(chain);
        writer.epoch = epoch;
        Ok(writer)
    }

    /// Begins the history of a new actor.
    pub(super) fn create(
        inner: &Arc<Inner>,
        name: &str,
        status: Option<&str>,
        payload: &[u8],
    ) -> Result<(ActorWriter, Appended), StoreError> {
        let update = Update { name: Some(name.to_owned()), status: status.map(str::to_owned), ..Update::default() };
        update.check()?;
        let actor = inner.new_actor();
        inner.writers().reserve(inner, name, actor)?;
        let create = || {
            let epoch = inner.commit().epoch();
            let chain = inner.writers().take(inner, actor)?;
            lock(&chain).epoch = epoch;
            let writer = ActorWriter { inner: inner.clone(), actor, chain, epoch };
            let mut chain = lock(&writer.chain);
            let ticket = append(inner, &mut chain, epoch, actor, RecordKind::Spawn, payload, update)?;
            let sequence = chain.sequence;
            drop(chain);
            Ok((writer, Appended { ticket, sequence }))
        };
        create().inspect_err(|_| inner.writers().release_names([name.to_owned()]))
    }

    /// The chain of an actor, for moving it. It goes back with [`put_back_moved`](Self::put_back_moved).
    pub(super) fn chain_to_move(&self, actor: ActorId) -> Arc<Mutex<Chain>> {
        self.lock().slots.entry(actor).or_default().chain.clone()
    }

    pub(super) fn put_back_moved(&self, inner: &Inner, actor: ActorId, chain: &Arc<Mutex<Chain>>) {
        self.lock().drop_if_idle(inner, actor, chain);
    }

    /// Frees names that the index holds from now on, or whose actors will never be.
    pub(super) fn release_names(&self, names: impl IntoIterator<Item = String>) {
        let mut registry = self.lock();
        for name in names {
            registry.names.remove(&name);
        }
    }

    fn reserve(&self, inner: &Inner, name: &str, actor: ActorId) -> Result<(), StoreError> {
        let taken = || StoreError::NameTaken { name: name.to_owned() };
        match self.lock().names.entry(name.to_owned()) {
            Entry::Occupied(_) => return Err(taken()),
            Entry::Vacant(entry) => entry.insert(actor),
        };
        // The name is held here while the index is asked, and released here only after the index has it.
        let found = find(inner, name);
        if !matches!(found, Ok(None)) {
            self.release_names([name.to_owned()]);
        }
        found?.map_or(Ok(()), |_| Err(taken()))
    }

    fn take(&self, inner: &Inner, actor: ActorId) -> Result<Arc<Mutex<Chain>>, StoreError> {
        let mut registry = self.lock();
        if registry.slots.len() >= 2 * registry.slots.values().filter(|slot| slot.has_writer).count() + IDLE_CHAINS_MAX
        {
            registry.slots.retain(|_, slot| slot.has_writer || !slot.is_idle(inner, 1));
        }
        let slot = registry.slots.entry(actor).or_default();
        if std::mem::replace(&mut slot.has_writer, true) {
            return Err(StoreError::ActorInUse { actor });
        }
        Ok(slot.chain.clone())
    }

    fn put_back(&self, inner: &Inner, actor: ActorId, chain: &Arc<Mutex<Chain>>) {
        let mut registry = self.lock();
        if let Some(slot) = registry.slots.get_mut(&actor) {
            slot.has_writer = false;
        }
        registry.drop_if_idle(inner, actor, chain);
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn drop_if_idle(&mut self, inner: &Inner, actor: ActorId, chain: &Arc<Mutex<Chain>>) {
        if let Entry::Occupied(slot) = self.slots.entry(actor)
            && Arc::ptr_eq(&slot.get().chain, chain)
            && !slot.get().has_writer
            && slot.get().is_idle(inner, 2)
        {
            slot.remove();
        }
    }
}

impl Slot {
    /// Whether nobody but `holders` holds the chain and its end is durable, so that the index can tell it.
    fn is_idle(&self, inner: &Inner, holders: usize) -> bool {
        Arc::strong_count(&self.chain) <= holders
            && lock(&self.chain).ticket.is_none_or(|ticket| inner.commit().outcome(ticket).is_some())
    }
}

impl Chain {
    /// Learns from the index where the history ends, unless that is known already.
    pub(super) fn refresh(&mut self, inner: &Inner, actor: ActorId) -> Result<(), StoreError> {
        // The epoch is read first: if it ends in between, the writer finds itself dead, and no harm is done.
        let epoch = inner.commit().epoch();
        if self.epoch != epoch {
            let entry = entry(inner, actor)?;
            *self = Self { epoch, head: Some(entry.head), sequence: entry.sequence, ticket: None, is_removed: false };
        }
        if self.is_removed { Err(unknown(actor)) } else { Ok(()) }
    }
}

/// The entry of an actor whose newest record is certainly known.
pub(super) fn entry(inner: &Inner, actor: ActorId) -> Result<ActorEntry, StoreError> {
    let index = inner.index();
    let entry = index.entry(actor)?.ok_or_else(|| unknown(actor))?;
    match index.doubt_after(entry.head) {
        Some(lost) => Err(lost_record(inner, lost)),
        None => Ok(entry),
    }
}

/// The entry of the actor with this name. Where records were lost and it can't be known whether such an
/// actor was among them, that is an error rather than nothing.
pub(super) fn find(inner: &Inner, name: &str) -> Result<Option<ActorEntry>, StoreError> {
    let index = inner.index();
    let entry = index.find(name)?;
    match (&entry, index.doubt_after(Position { segment: 0, offset: 0 })) {
        (None, Some(lost)) => Err(lost_record(inner, lost)),
        _ => Ok(entry),
    }
}

fn lost_record(inner: &Inner, lost: Position) -> StoreError {
    damaged(
        &inner.segments.full_path(lost.segment),
        lost.offset,
        "records may be lost here, perhaps this actor's newest",
    )
}

fn unknown(actor: ActorId) -> StoreError {
    StoreError::UnknownActor { actor: actor.to_string() }
}

/// Appends the next record of a chain.
fn append(
    inner: &Inner,
    chain: &mut Chain,
    epoch: u64,
    actor: ActorId,
    kind: RecordKind,
    payload: &[u8],
    update: Update,
) -> Result<Ticket, StoreError> {
    update.check()?;
    if payload.len() > RECORD_BYTES_MAX {
        return Err(StoreError::TooLarge {
            what: "a record",
            size: payload.len() as u64,
            limit: "RECORD_BYTES_MAX",
            limit_value: RECORD_BYTES_MAX as u64,
        });
    }
    let link = RecordLink { actor, sequence: chain.sequence + 1, previous: chain.head };
    let record = EncodedRecord::new(kind, false, link, &update, payload, &inner.key);
    let (position, ticket) = inner.commit().append(epoch, &record, update)?;
    chain.head = Some(position);
    chain.sequence += 1;
    chain.ticket = Some(ticket);
    chain.is_removed = kind == RecordKind::Removal;
    Ok(ticket)
}

pub(super) fn lock(chain: &Mutex<Chain>) -> MutexGuard<'_, Chain> {
    // Every change of a chain is made whole after the record was appended.
    chain.lock().unwrap_or_else(PoisonError::into_inner)
}
