//! Removing what no actor of a bucket needs: letters that no head names, and chunks and plugins that no letter
//! names.
//!
//! Nothing is removed that is younger than [`COLLECTION_GRACE`], so what a push has uploaded stays until its head
//! names it; and the bucket's mark keeps pushes away that would rely on something older (see `mark`).

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use object_store::ObjectMeta;
use object_store::path::Path;
use serde::Serialize;

use super::io::Stat;
use super::swap::Swapped;
use super::{Bucket, keys, mark};
use crate::digest::Digest;
use crate::error::StoreError;

/// How old something is at least that a collection removes.
pub const COLLECTION_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a collection goes on. What it has not removed by then is left for the next.
pub const COLLECTION_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// How many objects are removed between two looks at the clock.
const REMOVED_AT_ONCE: usize = 1_000;

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CollectedFromBucket {
    /// Checkpoints that no actor has any more.
    pub checkpoints: u64,
    /// Chunks that no checkpoint names.
    pub chunks: u64,
    /// Plugins that no checkpoint names.
    pub components: u64,
    /// The size of all of them in bytes.
    pub bytes: u64,
    /// Whether there is more, which there was no time for.
    pub is_cut_short: bool,
}

impl Bucket {
    /// Removes what no actor of the bucket needs and nobody has written lately. Pushes are refused meanwhile.
    ///
    /// # Errors
    /// [`StoreError::BucketBusy`] while there is another collection. [`StoreError::BucketDamaged`] and
    /// [`StoreError::CheckpointVersion`] when a head or a letter cannot be read: what it needs is not known then,
    /// and nothing is removed. [`StoreError::Bucket`]; what was removed up to then is removed.
    pub fn collect(&self) -> Result<CollectedFromBucket, StoreError> {
        self.collect_older_than(COLLECTION_GRACE)
    }

    pub(super) fn collect_older_than(&self, grace: Duration) -> Result<CollectedFromBucket, StoreError> {
        let began = Instant::now();
        let other = || self.busy("what nobody needs is being removed by another process, or was until it died");
        let (mark, seen) = mark::of(&self.io)?;
        if mark.is_collecting() {
            return Err(other());
        }
        let mine = mark.with_collection();
        if self.io.swap(&keys::mark(), Some(&seen), mine.to_bytes())? == Swapped::Changed {
            return Err(other());
        }
        let collected = self.sweep(began, grace);
        // Also after an error: otherwise pushes would be refused until the collection is taken for dead.
        let (present, seen) = mark::of(&self.io)?;
        if present == mine {
            self.io.swap(&keys::mark(), Some(&seen), mine.without_collection().to_bytes())?;
        }
        collected
    }

    fn sweep(&self, began: Instant, grace: Duration) -> Result<CollectedFromBucket, StoreError> {
        // The mark was written just now, by the clock that everything in the bucket is dated by.
        let now = self.io.stat(&keys::mark())?.map_or(SystemTime::UNIX_EPOCH, |stat| stat.written);
        let is_old = |object: &ObjectMeta| now.duration_since(Stat::from(object).written).unwrap_or_default() >= grace;
        let letters = self.io.list(keys::LETTERS)?;
        let mut live = HashSet::new();
        for head in self.list()? {
            live.extend(head?.kept.iter().map(|kept| kept.letter));
        }
        let (dead, young): (Vec<_>, Vec<_>) =
            letters.into_iter().filter(|letter| !is_named(letter, &live)).partition(|letter| is_old(letter));
        live.extend(young.iter().filter_map(|letter| keys::digest_of(&letter.location)));
        let mut needed = HashSet::new();
        for letter in live {
            let manifest = self.fetch_letter(letter)?.manifest;
            needed.extend(manifest.chunks());
            needed.insert(manifest.meta.component);
        }
        let unneeded = |prefix| -> Result<Vec<ObjectMeta>, StoreError> {
            let all = self.io.list(prefix)?.into_iter();
            Ok(all.filter(|object| is_old(object) && !is_named(object, &needed)).collect())
        };
        let (chunks, components) = (unneeded(keys::CHUNKS)?, unneeded(keys::COMPONENTS)?);
        let mut collected = CollectedFromBucket::default();
        // Letters go first, so that none is left that names what is gone.
        collected.checkpoints = self.remove_all(&dead, began, &mut collected)?;
        collected.chunks = self.remove_all(&chunks, began, &mut collected)?;
        collected.components = self.remove_all(&components, began, &mut collected)?;
        Ok(collected)
    }

    fn remove_all(
        &self,
        objects: &[ObjectMeta],
        began: Instant,
        collected: &mut CollectedFromBucket,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        for batch in objects.chunks(REMOVED_AT_ONCE) {
            if began.elapsed() > COLLECTION_TIME_MAX {
                collected.is_cut_short = true;
                break;
            }
            let keys: Vec<Path> = batch.iter().map(|object| object.location.clone()).collect();
            self.io.delete_all(keys)?;
            removed += batch.len() as u64;
            collected.bytes += batch.iter().map(|object| object.size).sum::<u64>();
        }
        Ok(removed)
    }
}

/// Whether an object is among these. One whose name says nothing is not Belljar's, and is left alone.
fn is_named(object: &ObjectMeta, digests: &HashSet<Digest>) -> bool {
    keys::digest_of(&object.location).is_none_or(|digest| digests.contains(&digest))
}
