//! The packs of a data directory: chunks go in, are durable when the call returns, and come out verified.
//!
//! Packs are immutable files. A new one is written under a temporary name, synced, and then named, so a pack
//! is there whole or not at all. Which chunks are needed is not known here: manifests name them, and
//! [`Packs::collect_garbage`] removes what none of them names. Between the moment at which a chunk is put,
//! or found to be stored already, and the moment at which a manifest that names it is durable, a [`Pin`]
//! keeps it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::chunk::{CHUNK_BYTES_MAX, StoredChunk};
use super::index::Index;
use super::pack::{BadPack, PACK_FORMAT, PackTable};
use super::stage::Stage;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::storage::{Storage, StorageFile};

const PACK_SUFFIX: &str = ".pack";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// How many chunks are compressed at a time, so that a put holds at most 16 MiB besides its input.
const BATCH_CHUNKS: usize = 256;

/// The packs in a folder of a storage. Clones share it; all methods may be called from any thread.
#[derive(Clone, Debug)]
pub struct Packs {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) storage: Arc<dyn Storage>,
    folder: PathBuf,
    is_writer: bool,
    state: Mutex<State>,
    temporaries: AtomicU64,
    /// Held by the one garbage collection that may run.
    pub(super) collection: Mutex<()>,
}

/// What the packs hold and who needs it.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Read from the folder when it is first needed.
    index: Option<Index>,
    /// How many pins each chunk has.
    pins: HashMap<Digest, usize>,
    /// While garbage is collected: every chunk that had a pin at some time since that began.
    pinned_since: Option<HashSet<Digest>>,
}

/// What [`Packs::put`] did.
#[derive(Debug)]
pub struct Put {
    /// The digest of each chunk, in the order in which they were given.
    pub digests: Vec<Digest>,
    /// Those that were not stored before, in the same order.
    pub new: Vec<Digest>,
    /// How many bytes were written.
    pub written_bytes: u64,
    /// Keeps the chunks until it is dropped.
    pub pin: Pin,
}

/// Keeps chunks from garbage collection. Drop it when the manifest that names them is durable and among
/// those that a collection is given, or when there is not going to be one.
#[derive(Debug)]
#[must_use = "without it, a collection may remove the chunks before a manifest names them"]
pub struct Pin {
    shared: Arc<Shared>,
    digests: Vec<Digest>,
}

impl Packs {
    /// The packs in a folder of `storage`, for the one writer of the data directory. Nothing is read, and
    /// left-overs of an earlier process are not removed, until the packs are needed.
    pub fn new(storage: Arc<dyn Storage>, folder: impl Into<PathBuf>) -> Self {
        Self::with(storage, folder.into(), true)
    }

    /// The same for a process that only reads, beside the writer.
    pub fn read_only(storage: Arc<dyn Storage>, folder: impl Into<PathBuf>) -> Self {
        Self::with(storage, folder.into(), false)
    }

    fn with(storage: Arc<dyn Storage>, folder: PathBuf, is_writer: bool) -> Self {
        let (state, temporaries, collection) = Default::default();
        Self { shared: Arc::new(Shared { storage, folder, is_writer, state, temporaries, collection }) }
    }

    /// Stores chunks of 1 to [`CHUNK_BYTES_MAX`] bytes each. They are durable when this returns. A chunk that
    /// is stored already is not written again, unless its copy was found to be damaged.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] or [`StoreError::Io`], and then nothing was stored; [`StoreError::ReadOnly`];
    /// [`StoreError::InvalidSnapshot`] for a chunk that is empty or too long.
    pub fn put(&self, chunks: &[&[u8]]) -> Result<Put, StoreError> {
        if let Some(chunk) = chunks.iter().find(|chunk| !(1..=CHUNK_BYTES_MAX).contains(&chunk.len())) {
            let problem = format!("a chunk of {} bytes is not of 1 to {CHUNK_BYTES_MAX}", chunk.len());
            return Err(StoreError::InvalidSnapshot { problem });
        }
        self.shared.require_writer()?;
        let digests: Vec<Digest> = chunks.par_iter().map(|chunk| Digest::of(chunk)).collect();
        let (pin, stored) = self.shared.pin(digests.clone())?;
        let mut seen = HashSet::new();
        let new: Vec<(Digest, &[u8])> = digests
            .iter()
            .zip(chunks)
            .zip(stored)
            .filter(|((digest, _), is_stored)| !is_stored && seen.insert(**digest))
            .map(|((digest, chunk), _)| (*digest, *chunk))
            .collect();
        let mut stage = Stage::new(&self.shared);
        for batch in new.chunks(BATCH_CHUNKS) {
            let packed: Vec<_> = batch.par_iter().map(|(digest, chunk)| StoredChunk::pack(*digest, chunk)).collect();
            packed.iter().try_for_each(|chunk| stage.push(chunk))?;
        }
        let written_bytes = stage.commit()?;
        Ok(Put { digests, new: new.into_iter().map(|(digest, _)| digest).collect(), written_bytes, pin })
    }

    /// Keeps chunks that are stored, or are going to be, from garbage collection.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be read.
    pub fn pin(&self, digests: Vec<Digest>) -> Result<Pin, StoreError> {
        Ok(self.shared.pin(digests)?.0)
    }

    /// The same for chunks that have to be stored already.
    ///
    /// # Errors
    /// [`StoreError::ChunkMissing`] for the first that is not, and those of [`Packs::pin`].
    pub fn pin_stored(&self, digests: Vec<Digest>) -> Result<Pin, StoreError> {
        let (pin, stored) = self.shared.pin(digests)?;
        if stored.contains(&false) {
            // A process that only reads may have to look for new packs; this also names the chunk.
            self.check_stored(pin.digests.iter().copied())?;
        }
        Ok(pin)
    }

    /// Whether both are the packs of one folder, as one process has opened it.
    pub fn is_same(&self, other: &Packs) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// How much there is.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be read.
    pub fn stats(&self) -> Result<PackStats, StoreError> {
        self.shared.with_index(|index, _| {
            let tables = || index.packs().map(|pack| &pack.table);
            PackStats {
                packs: tables().count() as u64,
                unreadable_packs: index.unreadable().len() as u64,
                chunks: tables().map(|table| table.entries.len() as u64).sum(),
                bytes: tables().map(PackTable::file_bytes).sum(),
            }
        })
    }
}

/// How much is in the packs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackStats {
    /// How many packs there are, without those that cannot be read.
    pub packs: u64,
    /// How many files look like packs and cannot be read.
    pub unreadable_packs: u64,
    /// How many chunks are in the packs, counting copies.
    pub chunks: u64,
    /// The size of the packs in bytes.
    pub bytes: u64,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        for digest in &self.digests {
            if let Some(count) = state.pins.get_mut(digest) {
                *count -= 1;
                if *count == 0 {
                    state.pins.remove(digest);
                }
            }
        }
    }
}

impl Shared {
    pub(super) fn require_writer(&self) -> Result<(), StoreError> {
        match self.is_writer {
            true => Ok(()),
            false => Err(StoreError::ReadOnly { path: self.storage.full_path(&self.folder) }),
        }
    }

    /// Pins chunks, and says which of them are stored. Both happen at once, so none that is stored can be
    /// collected in between.
    pub(super) fn pin(self: &Arc<Self>, digests: Vec<Digest>) -> Result<(Pin, Vec<bool>), StoreError> {
        if digests.is_empty() {
            return Ok((Pin { shared: Arc::clone(self), digests }, Vec::new()));
        }
        let stored = self.with_index(|index, owners| {
            owners.pin(&digests);
            digests.iter().map(|digest| index.is_stored(digest)).collect()
        })?;
        Ok((Pin { shared: Arc::clone(self), digests }, stored))
    }

    /// From now until [`Self::forget_pins`], chunks that have a pin are remembered beyond its end.
    pub(super) fn remember_pins(&self) {
        let mut state = self.lock();
        state.pinned_since = Some(state.pins.keys().copied().collect());
    }

    pub(super) fn forget_pins(&self) {
        self.lock().pinned_since = None;
    }

    /// Calls `look` with the index, which is read first if it was not yet.
    pub(super) fn with_index<T>(&self, look: impl FnOnce(&mut Index, &mut Owners<'_>) -> T) -> Result<T, StoreError> {
        let mut state = self.lock();
        let State { index, pins, pinned_since } = &mut *state;
        let index = match index {
            Some(index) => index,
            None => index.insert(self.first_index()?),
        };
        Ok(look(index, &mut Owners { pins, pinned_since }))
    }

    /// Takes in the packs that the writer has named since the index was read.
    pub(super) fn refresh(&self) -> Result<(), StoreError> {
        self.with_index(|index, _| self.read_tables(index))?
    }

    fn first_index(&self) -> Result<Index, StoreError> {
        let mut index = Index::default();
        if self.is_writer {
            self.storage.create_folder(&self.folder)?;
            for name in self.storage.list(&self.folder)?.iter().filter(|name| name.ends_with(TEMPORARY_SUFFIX)) {
                self.storage.remove(&self.folder.join(name))?;
            }
        }
        self.read_tables(&mut index)?;
        Ok(index)
    }

    fn read_tables(&self, index: &mut Index) -> Result<(), StoreError> {
        let names = self.storage.list(&self.folder)?;
        if self.is_writer {
            // Whoever named a pack may have died, or failed, before the name was durable. What is listed now
            // is going to be built on, and must still be there after a power cut.
            self.sync_folder()?;
        }
        for name in names.iter().filter_map(|name| name.strip_suffix(PACK_SUFFIX)) {
            let path = self.folder.join(format!("{name}{PACK_SUFFIX}"));
            if index.knows(&path) {
                continue;
            }
            let read = match self.read_table(&path) {
                // The writer has collected it since it was listed.
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
                read => read?,
            };
            let bad = match read {
                Ok(table) if table.name.to_string() == name => {
                    index.add(path, table);
                    continue;
                }
                Ok(_) => "it is not the pack of that name".to_owned(),
                Err(BadPack::Damaged(problem)) => problem,
                Err(BadPack::Version(found)) => {
                    format!("it has format {found}, and this Belljar knows format {PACK_FORMAT}")
                }
            };
            tracing::warn!(path = %self.storage.full_path(&path).display(), problem = bad, "a pack cannot be read");
            index.add_unreadable(path, bad);
        }
        Ok(())
    }

    fn read_table(&self, path: &Path) -> Result<Result<PackTable, BadPack>, StoreError> {
        let file = self.storage.open(path)?;
        PackTable::read(file.size_bytes()?, |offset, length| read_up_to(&*file, offset, length))
    }

    /// The path of the pack with this name.
    pub(super) fn pack_path(&self, name: &Digest) -> PathBuf {
        self.folder.join(format!("{name}{PACK_SUFFIX}"))
    }

    /// A path that no file has, for a pack that is being written.
    pub(super) fn temporary_path(&self) -> PathBuf {
        self.folder.join(format!("{}{TEMPORARY_SUFFIX}", self.temporaries.fetch_add(1, Ordering::Relaxed)))
    }

    pub(super) fn sync_folder(&self) -> Result<(), StoreError> {
        self.storage.sync_folder(&self.folder)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who needs chunks besides manifests.
pub(super) struct Owners<'a> {
    pins: &'a mut HashMap<Digest, usize>,
    pinned_since: &'a mut Option<HashSet<Digest>>,
}

impl Owners<'_> {
    fn pin(&mut self, digests: &[Digest]) {
        for digest in digests {
            *self.pins.entry(*digest).or_default() += 1;
        }
        if let Some(pinned_since) = self.pinned_since {
            pinned_since.extend(digests);
        }
    }

    /// Whether the chunk has a pin, or had one since the collection began.
    pub(super) fn has_pin(&self, digest: &Digest) -> bool {
        self.pins.contains_key(digest) || self.pinned_since.as_ref().is_some_and(|since| since.contains(digest))
    }
}

/// The bytes at an offset of a file, or as many of them as there are.
pub(super) fn read_up_to(file: &dyn StorageFile, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; length];
    let count = file.read_at(offset, &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}
