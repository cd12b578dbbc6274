//! The object store of a process: the ledger under one short lock, the spill files outside of it. No file
//! is read or written while the lock is held, so an object that comes from disk delays nobody who wants
//! one from memory.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::handle::{Hold, ObjectHandle, ObjectId};
use super::ledger::{Ledger, Location, NextStep, ObjectInfo, ObjectStats};
use super::limits::{self, ObjectLimits};
use super::spill::SpillDir;
use crate::error::StoreError;

/// Immutable objects, counted by their handles and kept in memory up to a limit. Past it, the least
/// recently used objects are written to the spill directory, and come back when they are used. Clones
/// share one store.
#[derive(Clone)]
pub struct ObjectStore {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    limits: ObjectLimits,
    ledger: Mutex<Ledger>,
    /// Signalled whenever memory may have become free.
    room_made: Condvar,
    spill_dir: SpillDir,
}

impl ObjectStore {
    /// A store that spills to `spill_dir`, which is created where there is none and belongs to this store
    /// alone. Spill files of a process that has crashed are removed.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another store uses the directory; [`StoreError::Io`].
    pub fn new(limits: ObjectLimits, spill_dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self {
            shared: Arc::new(Shared {
                limits,
                ledger: Mutex::new(Ledger::new(limits)),
                room_made: Condvar::new(),
                spill_dir: SpillDir::open(spill_dir.as_ref())?,
            }),
        })
    }

    /// Stores the bytes for as long as the returned handle, or a clone of it, lives.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for an object past the single-object limit, [`StoreError::Full`] when
    /// both memory and the spill directory are full, [`StoreError::Io`] or [`StoreError::DiskFull`] when
    /// spilling fails. Nothing is stored then, and what was stored before is still there.
    pub fn put(&self, bytes: impl Into<Arc<[u8]>>) -> Result<ObjectHandle, StoreError> {
        let bytes = bytes.into();
        let size_bytes = bytes.len() as u64;
        self.shared.limits.check_object(size_bytes)?;
        let hold = Arc::new(Hold { id: ObjectId::next(), size_bytes, store: self.shared.clone() });
        self.shared.make_room(size_bytes)?.insert(&hold, bytes);
        Ok(ObjectHandle(hold))
    }

    /// All bytes of an object. One that was spilled is read, verified and taken back into memory; when
    /// there is no room for it, the bytes are returned all the same.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the spill file was damaged, [`StoreError::Io`] when it can't be read,
    /// [`StoreError::UnknownObject`] for a handle of another store.
    pub fn get(&self, object: &ObjectHandle) -> Result<Arc<[u8]>, StoreError> {
        let id = object.id();
        let digest = match self.shared.locate(id)? {
            Location::Memory(bytes) => return Ok(bytes),
            Location::File(digest) => digest,
        };
        let bytes = self.shared.spill_dir.read(id, digest)?;
        match self.shared.make_room(object.size_bytes()) {
            Ok(mut ledger) => ledger.readmit(id, bytes.clone()),
            Err(error) => {
                tracing::debug!(object = %id, %error, "an object stays on disk for lack of room");
            }
        }
        Ok(bytes)
    }

    /// `length` bytes of an object from `offset` on. Of a spilled object only the range is read; it stays
    /// on disk, and as its checksum is one of the whole, the range is not verified.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`] when the range reaches past the end; otherwise as [`get`](Self::get).
    pub fn slice(&self, object: &ObjectHandle, offset: u64, length: u64) -> Result<Vec<u8>, StoreError> {
        limits::check_range(offset, length, object.size_bytes())?;
        let id = object.id();
        let location = self.shared.locate(id)?;
        // A 32-bit machine can't have stored an object whose ranges don't fit its addresses.
        let (start, size) = (offset as usize, length as usize);
        match location {
            Location::Memory(bytes) => Ok(bytes[start..start + size].to_vec()),
            Location::File(_) => self.shared.spill_dir.read_range(id, offset, size),
        }
    }

    /// Whether an object's bytes are in memory now, so that reading them does not wait for a disk.
    pub fn is_in_memory(&self, object: &ObjectHandle) -> bool {
        matches!(self.shared.lock().locate(object.id()), Some(Location::Memory(_)))
    }

    /// A further handle to an object that somebody holds, by its number.
    pub fn handle(&self, id: ObjectId) -> Option<ObjectHandle> {
        self.shared.lock().handle(id)
    }

    /// What the store holds and has done.
    pub fn stats(&self) -> ObjectStats {
        self.shared.lock().stats()
    }

    /// Every object that is alive, by number.
    pub fn list(&self) -> Vec<ObjectInfo> {
        self.shared.lock().list()
    }

    /// The limits that the store was made with.
    pub fn limits(&self) -> ObjectLimits {
        self.shared.limits
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectStore").field(&self.stats()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locate(&self, id: ObjectId) -> Result<Location, StoreError> {
        let location = self.lock().locate(id);
        location.ok_or(StoreError::UnknownObject { id })
    }

    /// Waits until `size_bytes` fit in memory, spilling what has to go. There is room as long as the
    /// returned lock is held.
    fn make_room(&self, size_bytes: u64) -> Result<MutexGuard<'_, Ledger>, StoreError> {
        let mut ledger = self.lock();
        loop {
            match ledger.make_room(size_bytes)? {
                NextStep::Admit => return Ok(ledger),
                NextStep::Wait => {
                    ledger = self.room_made.wait(ledger).unwrap_or_else(PoisonError::into_inner);
                }
                NextStep::Spill { id, bytes } => {
                    drop(ledger);
                    let written = self.spill_dir.write(id, &bytes);
                    ledger = self.lock();
                    let digest = written.as_ref().ok().copied();
                    if !ledger.finish_spill(id, bytes.len() as u64, digest) {
                        self.spill_dir.remove(id);
                    }
                    self.room_made.notify_all();
                    written?;
                }
            }
        }
    }

    /// Forgets an object, when its last handle is dropped.
    pub(super) fn free(&self, id: ObjectId) {
        let has_file = self.lock().free(id);
        if has_file {
            self.spill_dir.remove(id);
        }
        self.room_made.notify_all();
    }
}
