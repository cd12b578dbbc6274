//! Reading chunks: in few long reads, on all cores, and verified.
//!
//! A chunk that turns out to be damaged is looked for in other packs. When no copy is good it becomes a
//! suspect, which the next put of the same content stores again: otherwise a new checkpoint would build on
//! the damaged copy that it shares with an old one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rayon::prelude::*;

use super::chunk::StoredChunk;
use super::index::{Index, Location};
use super::packs::{Packs, Shared, read_up_to};
use crate::digest::Digest;
use crate::error::StoreError;

/// The most bytes of one read. Shorter ones keep all cores busy; longer ones gain nothing.
const READ_BYTES_MAX: u64 = 2 << 20;

/// The most bytes between two chunks that are read along rather than skipped.
const GAP_BYTES_MAX: u64 = 64 << 10;

impl Packs {
    /// The content of chunks, verified, by digest. They are read on several threads.
    ///
    /// # Errors
    /// [`StoreError::ChunkMissing`], [`StoreError::CheckpointDamaged`] or [`StoreError::Io`] for the first
    /// chunk that cannot be had.
    pub fn get(&self, digests: impl IntoIterator<Item = Digest>) -> Result<HashMap<Digest, Bytes>, StoreError> {
        let wanted: HashSet<Digest> = digests.into_iter().collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let stretches = stretches(self.shared.locate_all(&wanted)?);
        let read: Vec<_> = stretches.par_iter().flat_map_iter(|stretch| self.shared.read(stretch)).collect();
        read.into_iter()
            .map(|(digest, content)| Ok((digest, content.or_else(|e| self.shared.read_copy(&digest, e))?)))
            .collect()
    }

    /// Makes sure that chunks are stored, without reading them.
    ///
    /// # Errors
    /// [`StoreError::ChunkMissing`] for the first that is not; [`StoreError::Io`] when the folder cannot be read.
    pub fn check_stored(&self, digests: impl IntoIterator<Item = Digest>) -> Result<(), StoreError> {
        let wanted: HashSet<Digest> = digests.into_iter().collect();
        if wanted.is_empty() { Ok(()) } else { self.shared.locate_all(&wanted).map(drop) }
    }

    /// Reads everything, and returns what cannot be read. `progress` is called after each pack with the
    /// bytes that were read so far.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be read. What is wrong with a pack is part of the result.
    pub fn verify(&self, mut progress: impl FnMut(u64)) -> Result<Vec<StoreError>, StoreError> {
        self.shared.refresh()?;
        let (packs, mut problems) = self.shared.with_index(|index, _| {
            let unreadable =
                index.unreadable().iter().map(|(path, problem)| self.shared.damaged(path, problem.clone()));
            (index.packs().cloned().collect::<Vec<_>>(), unreadable.collect::<Vec<_>>())
        })?;
        let mut bytes = 0;
        for pack in packs {
            for stretch in stretches(Location::all_of(&pack)) {
                problems.extend(self.shared.read(&stretch).into_iter().filter_map(|(_, content)| content.err()));
            }
            bytes += pack.table.file_bytes();
            progress(bytes);
        }
        Ok(problems)
    }
}

impl Shared {
    /// Where each of the chunks is. A process that only reads looks for new packs before it gives up.
    fn locate_all(&self, wanted: &HashSet<Digest>) -> Result<Vec<Location>, StoreError> {
        let locate = |index: &mut Index| -> Result<Vec<Location>, Digest> {
            wanted.iter().map(|digest| index.locate(digest).ok_or(*digest)).collect()
        };
        if let Ok(locations) = self.with_index(|index, _| locate(index))? {
            return Ok(locations);
        }
        self.refresh()?;
        self.with_index(|index, _| locate(index).map_err(|digest| missing(digest, index)))?
    }

    /// The chunks of a stretch, each with its content or what is wrong with it.
    fn read(&self, stretch: &[Location]) -> Vec<(Digest, Result<Bytes, StoreError>)> {
        let each = |content: &dyn Fn(&Location) -> Result<Bytes, StoreError>| {
            stretch.iter().map(|location| (location.entry().info.digest, content(location))).collect()
        };
        match self.read_stretch(stretch) {
            Ok(stored) => each(&|location| self.unpack(location, stored_of(location, stretch, &stored))),
            // Each chunk is looked for elsewhere, and the pack is asked again for the error of each.
            Err(_) if stretch.len() > 1 => each(&|location| self.read_one(location)),
            Err(error) => vec![(stretch[0].entry().info.digest, Err(error))],
        }
    }

    /// The content of one copy of a chunk.
    fn read_one(&self, location: &Location) -> Result<Bytes, StoreError> {
        self.read_stretch(std::slice::from_ref(location)).and_then(|stored| self.unpack(location, stored))
    }

    /// One copy of a chunk as it is stored, verified.
    pub(super) fn read_stored(&self, location: &Location) -> Result<StoredChunk<'static>, StoreError> {
        let stored = self.read_stretch(std::slice::from_ref(location))?;
        self.unpack(location, stored.clone())?;
        Ok(StoredChunk { info: location.entry().info, stored: Cow::Owned(stored.into()) })
    }

    /// What is in the file from the first chunk of a stretch to its last one, or less if the file is cut short.
    fn read_stretch(&self, stretch: &[Location]) -> Result<Bytes, StoreError> {
        let start = stretch[0].entry().offset;
        let end = stretch[stretch.len() - 1].end();
        let file = self.storage.open(&stretch[0].pack.path)?;
        // A stretch is not longer than READ_BYTES_MAX, or a single chunk.
        read_up_to(&*file, start, (end - start) as usize).map(Bytes::from)
    }

    fn unpack(&self, location: &Location, stored: Bytes) -> Result<Bytes, StoreError> {
        let info = location.entry().info;
        info.unpack(stored)
            .map_err(|problem| self.damaged(&location.pack.path, format!("chunk {}: {problem}", info.digest)))
    }

    /// The content of any good copy of a chunk whose usual copy could not be read. Garbage collection may
    /// also have moved it to another pack just now.
    fn read_copy(&self, digest: &Digest, mut error: StoreError) -> Result<Bytes, StoreError> {
        self.refresh()?;
        let copies = self.with_index(|index, _| index.copies(digest))?;
        for copy in copies {
            match self.read_one(&copy) {
                Ok(content) => {
                    self.with_index(|index, _| index.prefer(*digest, copy))?;
                    return Ok(content);
                }
                Err(e) => error = e,
            }
        }
        let is_gone = matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
        self.with_index(|index, _| {
            if is_gone || matches!(error, StoreError::CheckpointDamaged { .. }) {
                index.suspect(*digest);
            }
            Err(if is_gone { missing(*digest, index) } else { error })
        })?
    }

    /// The error for a pack that is not what was written.
    pub(super) fn damaged(&self, path: &Path, problem: String) -> StoreError {
        StoreError::CheckpointDamaged { place: self.storage.full_path(path).display().to_string(), problem }
    }
}

fn missing(digest: Digest, index: &Index) -> StoreError {
    StoreError::ChunkMissing { digest, damaged_packs: index.unreadable().len() }
}

/// The stored bytes of one chunk of a stretch. Where the stretch is cut short they are too, and their length
/// gives them away.
fn stored_of(location: &Location, stretch: &[Location], stored: &Bytes) -> Bytes {
    let from = (location.entry().offset - stretch[0].entry().offset) as usize;
    let to = from + location.entry().info.stored_bytes as usize;
    stored.slice(from.min(stored.len())..to.min(stored.len()))
}

/// Groups chunks into reads: each of one pack, in the order of the file, and with no long gaps.
fn stretches(locations: Vec<Location>) -> Vec<Vec<Location>> {
    let mut of_pack: BTreeMap<PathBuf, Vec<Location>> = BTreeMap::new();
    for location in locations {
        of_pack.entry(location.pack.path.clone()).or_default().push(location);
    }
    let mut stretches: Vec<Vec<Location>> = Vec::new();
    for mut locations in of_pack.into_values() {
        locations.sort_unstable_by_key(|location| location.entry().offset);
        let mut stretch: Vec<Location> = Vec::new();
        for location in locations {
            let follows = match (stretch.first(), stretch.last()) {
                (Some(first), Some(last)) => {
                    location.entry().offset - last.end() <= GAP_BYTES_MAX
                        && location.end() - first.entry().offset <= READ_BYTES_MAX
                }
                _ => true,
            };
            if !follows {
                stretches.push(std::mem::take(&mut stretch));
            }
            stretch.push(location);
        }
        stretches.push(stretch);
    }
    stretches
}
