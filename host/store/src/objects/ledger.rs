//! Which object is where, and how many bytes that takes: the accounting of the object store, without any
//! I/O, so that it can be kept under one short lock.
//!
//! A spill file is written once and stays until its object is freed, whether or not the bytes come back
//! into memory: the bytes never change, so spilling an object a second time costs nothing, and whoever
//! reads a file while holding a handle can rely on its being there.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use serde::Serialize;

use super::handle::{Hold, ObjectHandle, ObjectId};
use super::limits::ObjectLimits;
use crate::digest::Digest;
use crate::error::StoreError;

/// Where the bytes of an object are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Residence {
    /// In memory, and perhaps also on disk.
    Memory,
    /// On disk only.
    Spilled,
}

/// One object, as a list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectInfo {
    /// The object's number.
    pub id: ObjectId,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Where its bytes are.
    pub residence: Residence,
    /// How many handles hold it.
    pub handles: usize,
}

/// What an object store holds and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectStats {
    /// Objects that are alive.
    pub count: u64,
    /// Bytes in memory.
    pub memory_bytes: u64,
    /// Bytes in spill files, including those of objects that have come back into memory.
    pub spilled_bytes: u64,
    /// Spill files written since the store was opened.
    pub spills: u64,
    /// Objects read back from their spill files since the store was opened.
    pub restores: u64,
}

pub(super) struct Ledger {
    limits: ObjectLimits,
    objects: HashMap<ObjectId, Entry>,
    /// The objects in memory, the least recently used first.
    by_use: BTreeMap<u64, ObjectId>,
    /// Counts uses; the value at its last use is an object's key in `by_use`.
    uses: u64,
    stats: ObjectStats,
}

struct Entry {
    hold: Weak<Hold>,
    size_bytes: u64,
    in_memory: Option<InMemory>,
    file: SpillFile,
}

struct InMemory {
    bytes: Arc<[u8]>,
    last_use: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum SpillFile {
    None,
    Writing,
    Written(Digest),
}

/// What it takes to make room in memory.
pub(super) enum NextStep {
    /// There is room now.
    Admit,
    /// This object has to be written to its spill file, without the lock, and the result reported to
    /// [`Ledger::finish_spill`].
    Spill { id: ObjectId, bytes: Arc<[u8]> },
    /// Other threads are writing all that could go; one of them will report.
    Wait,
}

/// Which object can leave memory next.
enum Candidate {
    /// It has a spill file already.
    Copied(ObjectId),
    /// It has to be written first, and the spill directory has room for it.
    Uncopied(ObjectId, Arc<[u8]>),
    /// The ones that could go are being written.
    AllBusy,
    /// None can go.
    None,
}

/// Where a reader finds the bytes of an object.
pub(super) enum Location {
    Memory(Arc<[u8]>),
    File(Digest),
}

impl Ledger {
    pub(super) fn new(limits: ObjectLimits) -> Self {
        Self { limits, objects: HashMap::new(), by_use: BTreeMap::new(), uses: 0, stats: ObjectStats::default() }
    }

    /// Makes room in memory for `size_bytes` more, as far as that goes without I/O. An object that is
    /// larger than memory as a whole never finds room; the caller has checked its size.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the spill directory can't take what would have to go there.
    pub(super) fn make_room(&mut self, size_bytes: u64) -> Result<NextStep, StoreError> {
        while self.stats.memory_bytes.saturating_add(size_bytes) > self.limits.memory_bytes_max {
            match self.next_to_go() {
                Candidate::Copied(id) => self.leave_memory(id),
                Candidate::Uncopied(id, bytes) => return Ok(self.begin_spill(id, bytes)),
                Candidate::AllBusy => return Ok(NextStep::Wait),
                Candidate::None => {
                    return Err(StoreError::Full {
                        limit: "spill_bytes_max",
                        limit_bytes: self.limits.spill_bytes_max,
                        needed_bytes: size_bytes,
                    });
                }
            }
        }
        Ok(NextStep::Admit)
    }

    /// The least recently used object that can leave memory: it has a file, or there is room for one.
    fn next_to_go(&self) -> Candidate {
        let disk_left = self.limits.spill_bytes_max.saturating_sub(self.stats.spilled_bytes);
        let mut otherwise = Candidate::None;
        for id in self.by_use.values() {
            let Some(entry) = self.objects.get(id) else {
                continue;
            };
            match (&entry.in_memory, entry.file) {
                (_, SpillFile::Written(_)) => return Candidate::Copied(*id),
                (_, SpillFile::Writing) => otherwise = Candidate::AllBusy,
                (Some(memory), SpillFile::None) if entry.size_bytes <= disk_left => {
                    return Candidate::Uncopied(*id, memory.bytes.clone());
                }
                (_, SpillFile::None) => {}
            }
        }
        otherwise
    }

    fn leave_memory(&mut self, id: ObjectId) {
        if let Some(entry) = self.objects.get_mut(&id)
            && let Some(memory) = entry.in_memory.take()
        {
            self.by_use.remove(&memory.last_use);
            self.stats.memory_bytes -= entry.size_bytes;
        }
    }

    fn begin_spill(&mut self, id: ObjectId, bytes: Arc<[u8]>) -> NextStep {
        if let Some(entry) = self.objects.get_mut(&id) {
            entry.file = SpillFile::Writing;
            self.stats.spilled_bytes += entry.size_bytes;
        }
        NextStep::Spill { id, bytes }
    }

    /// Notes that a spill file was written, or (`None`) that it could not be. Says whether somebody still
    /// needs the file: an object may have been freed while it was written.
    pub(super) fn finish_spill(&mut self, id: ObjectId, size_bytes: u64, written: Option<Digest>) -> bool {
        let entry = self.objects.get_mut(&id);
        match (entry, written) {
            (Some(entry), Some(digest)) => {
                entry.file = SpillFile::Written(digest);
                self.stats.spills += 1;
                true
            }
            (entry, _) => {
                if let Some(entry) = entry {
                    entry.file = SpillFile::None;
                }
                self.stats.spilled_bytes -= size_bytes;
                false
            }
        }
    }

    /// Takes in a new object, for which there is room.
    pub(super) fn insert(&mut self, hold: &Arc<Hold>, bytes: Arc<[u8]>) {
        let entry =
            Entry { hold: Arc::downgrade(hold), size_bytes: hold.size_bytes, in_memory: None, file: SpillFile::None };
        self.objects.insert(hold.id, entry);
        self.stats.count += 1;
        self.enter_memory(hold.id, bytes);
    }

    /// Takes bytes that were read from a file back into memory, where there is room for them. Another
    /// reader may have been first.
    pub(super) fn readmit(&mut self, id: ObjectId, bytes: Arc<[u8]>) {
        if self.enter_memory(id, bytes) {
            self.stats.restores += 1;
        }
    }

    fn enter_memory(&mut self, id: ObjectId, bytes: Arc<[u8]>) -> bool {
        self.uses += 1;
        let last_use = self.uses;
        match self.objects.get_mut(&id) {
            Some(entry) if entry.in_memory.is_none() => {
                entry.in_memory = Some(InMemory { bytes, last_use });
                self.by_use.insert(last_use, id);
                self.stats.memory_bytes += entry.size_bytes;
                true
            }
            _ => false,
        }
    }

    /// Where the bytes are, and a note that they were used; `None` for an object of another store.
    pub(super) fn locate(&mut self, id: ObjectId) -> Option<Location> {
        let entry = self.objects.get_mut(&id)?;
        match (&mut entry.in_memory, entry.file) {
            (Some(memory), _) => {
                self.uses += 1;
                self.by_use.remove(&memory.last_use);
                self.by_use.insert(self.uses, id);
                memory.last_use = self.uses;
                Some(Location::Memory(memory.bytes.clone()))
            }
            (None, SpillFile::Written(digest)) => Some(Location::File(digest)),
            (None, _) => None,
        }
    }

    /// Forgets an object. Says whether its spill file is to be removed; one that is still being written
    /// is left to [`finish_spill`](Self::finish_spill).
    pub(super) fn free(&mut self, id: ObjectId) -> bool {
        self.leave_memory(id);
        let Some(entry) = self.objects.remove(&id) else {
            return false;
        };
        self.stats.count -= 1;
        let has_file = matches!(entry.file, SpillFile::Written(_));
        if has_file {
            self.stats.spilled_bytes -= entry.size_bytes;
        }
        has_file
    }

    pub(super) fn stats(&self) -> ObjectStats {
        self.stats
    }

    /// A further handle to an object that somebody holds.
    pub(super) fn handle(&self, id: ObjectId) -> Option<ObjectHandle> {
        self.objects.get(&id)?.hold.upgrade().map(ObjectHandle)
    }

    pub(super) fn list(&self) -> Vec<ObjectInfo> {
        let mut list: Vec<_> = self
            .objects
            .iter()
            .map(|(id, entry)| ObjectInfo {
                id: *id,
                size_bytes: entry.size_bytes,
                residence: match entry.in_memory {
                    Some(_) => Residence::Memory,
                    None => Residence::Spilled,
                },
                handles: entry.hold.strong_count(),
            })
            .collect();
        list.sort_by_key(|info| info.id);
        list
    }
}
