//! Which packs there are and in which of them each chunk is: the packs' footers, in memory. It takes about
//! 150 bytes per chunk, so less than 3 MiB for each GiB of chunks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::pack::{PackEntry, PackTable};
use crate::digest::Digest;

/// A pack that is in the folder.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) path: PathBuf,
    pub(super) table: PackTable,
}

/// Where a chunk is.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub(super) pack: Arc<Pack>,
    entry: u32,
}

impl Location {
    /// All chunks of a pack.
    pub(super) fn all_of(pack: &Arc<Pack>) -> Vec<Self> {
        // A pack has at most PACK_CHUNKS_MAX entries.
        (0..pack.table.entries.len() as u32).map(|entry| Self { pack: Arc::clone(pack), entry }).collect()
    }

    pub(super) fn entry(&self) -> &PackEntry {
        &self.pack.table.entries[self.entry as usize]
    }

    /// Where the stored bytes end in the file.
    pub(super) fn end(&self) -> u64 {
        self.entry().offset + u64::from(self.entry().info.stored_bytes)
    }
}

/// The packs and their chunks.
#[derive(Debug, Default)]
pub(super) struct Index {
    packs: BTreeMap<PathBuf, Arc<Pack>>,
    chunks: HashMap<Digest, Location>,
    /// Chunks that are in no pack in a state that could be read. Putting one stores it again.
    suspects: HashSet<Digest>,
    /// Files that look like packs and cannot be read, with the reason.
    unreadable: BTreeMap<PathBuf, String>,
}

impl Index {
    /// Takes in a pack. From now on it is the one that its chunks are read from.
    pub(super) fn add(&mut self, path: PathBuf, table: PackTable) {
        let pack = Arc::new(Pack { path: path.clone(), table });
        for (entry, PackEntry { info, .. }) in (0..).zip(&pack.table.entries) {
            self.suspects.remove(&info.digest);
            self.chunks.insert(info.digest, Location { pack: Arc::clone(&pack), entry });
        }
        self.unreadable.remove(&path);
        self.packs.insert(path, pack);
    }

    pub(super) fn add_unreadable(&mut self, path: PathBuf, reason: String) {
        self.unreadable.insert(path, reason);
    }

    /// Forgets a pack that is no longer there, and its chunks unless they are read from another.
    pub(super) fn remove(&mut self, pack: &Arc<Pack>) {
        self.packs.remove(&pack.path);
        for PackEntry { info, .. } in &pack.table.entries {
            if self.is_read_from(&info.digest, pack) {
                self.chunks.remove(&info.digest);
            }
        }
    }

    pub(super) fn knows(&self, path: &PathBuf) -> bool {
        self.packs.contains_key(path) || self.unreadable.contains_key(path)
    }

    /// Whether the pack is still this one, and has not been removed or written anew.
    pub(super) fn holds(&self, pack: &Arc<Pack>) -> bool {
        self.packs.get(&pack.path).is_some_and(|known| Arc::ptr_eq(known, pack))
    }

    pub(super) fn packs(&self) -> impl Iterator<Item = &Arc<Pack>> {
        self.packs.values()
    }

    pub(super) fn unreadable(&self) -> &BTreeMap<PathBuf, String> {
        &self.unreadable
    }

    /// Whether a chunk need not be stored again.
    pub(super) fn is_stored(&self, digest: &Digest) -> bool {
        self.chunks.contains_key(digest) && !self.suspects.contains(digest)
    }

    /// Whether this is the pack that the chunk is read from.
    pub(super) fn is_read_from(&self, digest: &Digest, pack: &Arc<Pack>) -> bool {
        self.chunks.get(digest).is_some_and(|location| Arc::ptr_eq(&location.pack, pack))
    }

    pub(super) fn locate(&self, digest: &Digest) -> Option<Location> {
        self.chunks.get(digest).cloned()
    }

    /// Every copy of a chunk. This looks through all packs and is for when something has gone wrong.
    pub(super) fn copies(&self, digest: &Digest) -> Vec<Location> {
        let copies = self.packs.values().flat_map(Location::all_of);
        copies.filter(|location| location.entry().info.digest == *digest).collect()
    }

    /// Reads the chunk from here from now on: this copy is good.
    pub(super) fn prefer(&mut self, digest: Digest, location: Location) {
        if self.holds(&location.pack) {
            self.suspects.remove(&digest);
            self.chunks.insert(digest, location);
        }
    }

    /// No copy of the chunk is good.
    pub(super) fn suspect(&mut self, digest: Digest) {
        self.suspects.insert(digest);
    }
}
