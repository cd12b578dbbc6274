//! Removing what no actor of a bucket needs: letters that no head names, and chunks and plugins that no letter
//! names.
//!
//! Nothing is removed that is younger than [`COLLECTION_GRACE`], so what a push has uploaded stays until its head
//! names it; and the bucket's mark keeps pushes away that would rely on something older (see `mark`). Before each few
//! objects the collection looks whether the mark is still its own: somebody may have taken it for dead.

use std::collections::HashSet;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream::{self, StreamExt as _};
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::Serialize;

use super::head::Head;
use super::io::{REQUESTS_AT_ONCE, Stat};
use super::mark::{self, Mark};
use super::swap::Swapped;
use super::{Bucket, keys};
use crate::digest::Digest;
use crate::error::StoreError;

/// How old something is at least that a collection removes.
pub const COLLECTION_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a collection goes on. What it has not removed by then is left for the next.
pub const COLLECTION_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// How many objects are removed between two looks at the mark and the clock.
pub(super) const REMOVED_AT_ONCE: usize = 64;

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
    /// Whether it ended before its time was enough for all, or because somebody else ended it. There may be more.
    pub is_cut_short: bool,
    /// Whether it ended before it even knew what is needed, and so removed nothing. The next will fare no better
    /// unless it is nearer to the bucket.
    pub is_unread: bool,
}

impl Bucket {
    /// Removes what no actor of the bucket needs and nobody has written lately. Pushes are refused meanwhile.
    ///
    /// # Errors
    /// [`StoreError::BucketBusy`] while there is another collection; [`StoreError::NotInBucket`] where nothing was
    /// ever pushed. [`StoreError::BucketDamaged`] and [`StoreError::CheckpointVersion`] when a head or a letter cannot
    /// be read: what it needs is not known then, and nothing is removed. [`StoreError::Bucket`]; what was removed up
    /// to then is removed.
    pub fn collect(&self) -> Result<CollectedFromBucket, StoreError> {
        self.collect_older_than(COLLECTION_GRACE)
    }

    /// Ends a collection that is going on, or died, and says whether there was one. If it lives, it stops after the
    /// few objects that it is removing; until then a push may rely on one of those, so this is for a process that is
    /// known to be gone.
    ///
    /// # Errors
    /// [`StoreError::BucketBusy`] when somebody else ends it or begins one; [`StoreError::BucketDamaged`],
    /// [`StoreError::Bucket`].
    pub fn end_collection(&self) -> Result<bool, StoreError> {
        match mark::read(&self.io)? {
            Some((mark, seen)) if mark.collections % 2 == 1 => mark::end(&self.io, mark, &seen).map(|_| true),
            _ => Ok(false),
        }
    }

    pub(super) fn collect_older_than(&self, grace: Duration) -> Result<CollectedFromBucket, StoreError> {
        if mark::read(&self.io)?.is_none() {
            let what = "checkpoints to remove any of".to_owned();
            return Err(StoreError::NotInBucket { what, bucket: self.io.place.clone() });
        }
        mark::quiet(&self.io)?;
        let (mark, seen) = mark::of(&self.io)?;
        let watch = Watch { bucket: self, mine: mark.with_collection(), began: Instant::now() };
        if mark.is_collecting() || self.io.swap(&keys::mark(), Some(&seen), watch.mine.to_bytes())? == Swapped::Changed
        {
            return Err(self.io.busy("another collection has just begun"));
        }
        let collected = self.sweep(&watch, grace);
        // Also after an error: otherwise pushes would be refused until the collection is taken for dead.
        let ended = watch.end();
        let collected = collected?;
        ended?;
        Ok(collected)
    }

    pub(super) fn sweep(&self, watch: &Watch<'_>, grace: Duration) -> Result<CollectedFromBucket, StoreError> {
        // The mark was written just now, by the clock that everything in the bucket is dated by.
        let now = self.io.stat(&keys::mark())?.map_or(SystemTime::UNIX_EPOCH, |stat| stat.written);
        let is_old = |object: &ObjectMeta| now.duration_since(Stat::from(object).written).unwrap_or_default() >= grace;
        let letters = self.io.list(keys::LETTERS)?;
        let heads = self.list()?.into_iter().collect::<Result<Vec<Head>, _>>()?;
        let mut live: HashSet<Digest> = heads.iter().flat_map(|head| &head.kept).map(|kept| kept.letter).collect();
        let (dead, young): (Vec<_>, Vec<_>) =
            letters.into_iter().filter(|letter| !is_named(letter, &live)).partition(|letter| is_old(letter));
        live.extend(young.iter().filter_map(|letter| keys::digest_of(&letter.location)));
        let mut collected = CollectedFromBucket::default();
        let Some(needed) = self.named_by(live, &heads, watch)? else {
            return Ok(CollectedFromBucket { is_cut_short: true, is_unread: true, ..collected });
        };
        let unneeded = |prefix| -> Result<Vec<ObjectMeta>, StoreError> {
            let all = self.io.list(prefix)?.into_iter();
            Ok(all.filter(|object| is_old(object) && !is_named(object, &needed)).collect())
        };
        let (chunks, components) = (unneeded(keys::CHUNKS)?, unneeded(keys::COMPONENTS)?);
        // Letters go first, so that none is left that names what is gone.
        collected.checkpoints = self.remove_all(&dead, watch, &mut collected)?;
        collected.chunks = self.remove_all(&chunks, watch, &mut collected)?;
        collected.components = self.remove_all(&components, watch, &mut collected)?;
        Ok(collected)
    }

    /// The chunks and plugins that letters name; none if there was no time to read them all.
    fn named_by(
        &self,
        letters: HashSet<Digest>,
        heads: &[Head],
        watch: &Watch<'_>,
    ) -> Result<Option<HashSet<Digest>>, StoreError> {
        let mut named = HashSet::new();
        let read =
            |digest| async move { self.read_letter(digest).await.map_err(|error| of_actor(error, heads, digest)) };
        self.io.wait(async {
            let mut letters = pin!(stream::iter(letters).map(read).buffer_unordered(REQUESTS_AT_ONCE));
            while let Some(letter) = letters.next().await {
                let manifest = letter?.manifest;
                named.extend(manifest.chunks());
                named.insert(manifest.meta.component);
                if watch.is_over() {
                    return Ok(None);
                }
            }
            Ok(Some(named))
        })
    }

    fn remove_all(
        &self,
        objects: &[ObjectMeta],
        watch: &Watch<'_>,
        collected: &mut CollectedFromBucket,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        for batch in objects.chunks(REMOVED_AT_ONCE) {
            if collected.is_cut_short || !watch.may_go_on()? {
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

/// What a collection looks at to see whether it may go on.
pub(super) struct Watch<'a> {
    pub(super) bucket: &'a Bucket,
    /// The mark as this collection wrote it.
    pub(super) mine: Mark,
    pub(super) began: Instant,
}

impl Watch<'_> {
    /// Whether the time is over: by this process's clock, which stands still while the machine sleeps, or by the
    /// calendar, which somebody may set.
    fn is_over(&self) -> bool {
        self.began.elapsed().max(self.mine.age()) > COLLECTION_TIME_MAX
    }

    /// Whether there is time, and nobody has ended this collection.
    fn may_go_on(&self) -> Result<bool, StoreError> {
        let present = mark::read(&self.bucket.io)?;
        // The clock after the mark: reading may have taken long.
        Ok(present.is_some_and(|(present, _)| present == self.mine) && !self.is_over())
    }

    /// Ends the collection in the mark, unless somebody else has.
    fn end(&self) -> Result<(), StoreError> {
        match mark::read(&self.bucket.io)? {
            Some((present, seen)) if present == self.mine => {
                let ended = present.without_collection().to_bytes();
                self.bucket.io.swap(&keys::mark(), Some(&seen), ended).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// The error for a letter, with the actor that has it.
fn of_actor(error: StoreError, heads: &[Head], letter: Digest) -> StoreError {
    let mut kept = heads.iter().flat_map(|head| head.kept.iter().map(move |kept| (head, kept)));
    let found = kept.find(|(_, kept)| kept.letter == letter);
    match (error, found) {
        (StoreError::BucketDamaged { key, bucket, problem, .. }, Some((head, kept))) => StoreError::BucketDamaged {
            key,
            bucket,
            problem: format!("{problem} (it is checkpoint {} of `{}`)", kept.number, head.name),
            remedy: "a newer push drops it in time, and `belljar checkpoint rm NAME --from URL` removes the actor",
        },
        (error, _) => error,
    }
}

/// Whether an object is among these. One whose name says nothing is not Belljar's, and is left alone.
fn is_named(object: &ObjectMeta, digests: &HashSet<Digest>) -> bool {
    keys::digest_of(&object.location).is_none_or(|digest| digests.contains(&digest))
}
