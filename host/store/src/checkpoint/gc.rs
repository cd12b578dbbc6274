//! Removing chunks that no manifest names.
//!
//! A pack of which nothing is needed is removed. One of which little is needed, and small ones when there are
//! many, are copied together into a new pack first. The order makes a crash harmless at every step: the new
//! pack is durable under its name before the old ones go, and until then chunks are merely there twice. A
//! pack goes only when each chunk in it is either needed by nobody or read from another pack by now.
//!
//! Checkpoints may be written meanwhile. What they have put, or have found to be stored, has a pin, and a
//! chunk that had a pin at any time since the collection began counts as needed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use super::index::{Location, Pack};
use super::packs::{Packs, Shared};
use super::stage::Stage;
use crate::digest::Digest;
use crate::error::StoreError;

/// A pack is copied when less than this share of its bytes is needed, in percent.
const LIVE_PERCENT_MIN: u64 = 50;

/// A pack with fewer bytes of chunks is small.
const SMALL_BYTES: u64 = 1 << 20;

/// As many small packs may stay; when there are more, they become one.
const SMALL_PACKS_MAX: usize = 16;

/// How many bytes are copied before the packs that they come from are removed. It is the room that a
/// collection needs on the disk.
const BATCH_BYTES_MAX: u64 = 256 << 20;

/// What a garbage collection did.
#[derive(Debug, Default)]
pub struct GcReport {
    /// How many packs it removed, with those whose chunks it copied.
    pub packs_removed: u64,
    /// The bytes of these packs.
    pub bytes_removed: u64,
    /// The bytes of chunks that it copied to new packs.
    pub bytes_copied: u64,
    /// What it could not read. The packs concerned were left as they are.
    pub damaged: Vec<StoreError>,
}

impl Packs {
    /// Removes what neither a record nor a [`Pin`](super::Pin) needs. `live` gives, for every record that is still in
    /// the log, the chunks that it names: of a checkpoint those of its manifest, also of one that is kept only because
    /// a later one completes it. It is read after the collection has begun to watch what is being put.
    ///
    /// # Errors
    /// The first error of `live`, and then nothing was removed: what a record that cannot be read names is not known. [`StoreError::Io`], [`StoreError::DiskFull`], [`StoreError::ReadOnly`].
    pub fn collect_garbage(
        &self,
        live: impl IntoIterator<Item = Result<Vec<Digest>, StoreError>>,
    ) -> Result<GcReport, StoreError> {
        self.shared.require_writer()?;
        let _alone = self.shared.collection.lock().unwrap_or_else(PoisonError::into_inner);
        let _watch = Watch::start(&self.shared);
        let mut needed = HashSet::new();
        for chunks in live {
            needed.extend(chunks?);
        }
        let mut collection = Collection { shared: &self.shared, needed, report: GcReport::default() };
        collection.run()?;
        Ok(collection.report)
    }
}

/// Remembers pins for as long as it exists.
struct Watch<'a>(&'a Shared);

impl<'a> Watch<'a> {
    fn start(shared: &'a Shared) -> Self {
        shared.remember_pins();
        Self(shared)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.forget_pins();
    }
}

impl Candidate {
    fn is_small(&self) -> bool {
        self.pack.table.stored_bytes() < SMALL_BYTES
    }

    fn is_sparse(&self) -> bool {
        self.live.is_empty() || self.live_bytes * 100 < self.pack.table.stored_bytes() * LIVE_PERCENT_MIN
    }
}

struct Collection<'a> {
    shared: &'a Arc<Shared>,
    needed: HashSet<Digest>,
    report: GcReport,
}

/// A pack with what is needed of it.
struct Candidate {
    pack: Arc<Pack>,
    live: Vec<Location>,
    live_bytes: u64,
}

impl Collection<'_> {
    fn run(&mut self) -> Result<(), StoreError> {
        let candidates = self.candidates()?;
        let merges_small = candidates.iter().filter(|c| c.is_small() && !c.live.is_empty()).count() > SMALL_PACKS_MAX;
        let is_victim = |candidate: &Candidate| candidate.is_sparse() || (merges_small && candidate.is_small());
        let (victims, kept): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_victim);
        // Chunks that are in a pack that stays as well. A crash between copying and removing leaves such.
        let kept: HashMap<Digest, Location> =
            kept.into_iter().flat_map(|c| c.live).map(|location| (location.entry().info.digest, location)).collect();

        let mut stage = Stage::new(self.shared);
        let mut staged = HashSet::new();
        let mut staged_bytes = 0;
        let mut batch = Vec::new();
        for victim in victims {
            for location in &victim.live {
                let info = location.entry().info;
                if !staged.contains(&info.digest) && self.copy(location, &kept, &mut stage)? {
                    staged.insert(info.digest);
                    staged_bytes += u64::from(info.stored_bytes);
                    self.report.bytes_copied += u64::from(info.stored_bytes);
                }
            }
            batch.push(victim.pack);
            if staged_bytes >= BATCH_BYTES_MAX {
                self.finish(std::mem::replace(&mut stage, Stage::new(self.shared)), &mut batch)?;
                staged_bytes = 0;
            }
        }
        self.finish(stage, &mut batch)
    }

    /// All packs, with what is needed of them as far as is known now.
    fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        self.shared.with_index(|index, owners| {
            let is_needed = |location: &Location| {
                let digest = &location.entry().info.digest;
                self.needed.contains(digest) || owners.has_pin(digest)
            };
            let candidate = |pack: &Arc<Pack>| {
                let live: Vec<_> = Location::all_of(pack).into_iter().filter(is_needed).collect();
                let live_bytes = live.iter().map(|location| u64::from(location.entry().info.stored_bytes)).sum();
                Candidate { pack: Arc::clone(pack), live, live_bytes }
            };
            index.packs().map(candidate).collect()
        })
    }

    /// Copies a chunk to the new pack, unless a good copy of it stays anyway, and says whether it did.
    fn copy(
        &mut self,
        location: &Location,
        kept: &HashMap<Digest, Location>,
        stage: &mut Stage,
    ) -> Result<bool, StoreError> {
        let digest = location.entry().info.digest;
        if let Some(copy) = kept.get(&digest)
            && self.shared.read_stored(copy).is_ok()
        {
            self.shared.with_index(|index, _| index.prefer(digest, copy.clone()))?;
            return Ok(false);
        }
        match self.shared.read_stored(location) {
            Ok(chunk) => stage.push(&chunk).map(|()| true),
            Err(error) => {
                self.report.damaged.push(error);
                Ok(false)
            }
        }
    }

    /// Makes the copies durable and removes the packs that they come from.
    fn finish(&mut self, stage: Stage, batch: &mut Vec<Arc<Pack>>) -> Result<(), StoreError> {
        stage.commit()?;
        for pack in batch.drain(..) {
            if self.remove(&pack)? {
                self.report.packs_removed += 1;
                self.report.bytes_removed += pack.table.file_bytes();
            }
        }
        Ok(())
    }

    /// Removes a pack, unless something in it is needed after all: it was damaged, and so not copied, or it
    /// has got a pin since. Nobody can pin a chunk, or learn where one is, in the meantime.
    fn remove(&self, pack: &Arc<Pack>) -> Result<bool, StoreError> {
        self.shared.with_index(|index, owners| {
            let is_bound = |digest: &Digest| {
                index.is_read_from(digest, pack) && (self.needed.contains(digest) || owners.has_pin(digest))
            };
            if !index.holds(pack) || pack.table.entries.iter().any(|entry| is_bound(&entry.info.digest)) {
                return Ok(false);
            }
            self.shared.storage.remove(&pack.path)?;
            index.remove(pack);
            Ok(true)
        })?
    }
}
