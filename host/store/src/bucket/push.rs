//! Bringing a checkpoint into a bucket: chunks, plugin and letter first, and the head, which names them, last.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;

use super::collect::COLLECTION_GRACE;
use super::head::{Head, InBucket, Owner};
use super::io::{Io, REQUESTS_AT_ONCE};
use super::letter::{LETTER_BYTES_MAX, Letter};
use super::swap::{Seen, Swapped};
use super::{Bucket, Transfer, keys, mark};
use crate::checkpoint::transit::{self, BATCH_CHUNKS};
use crate::checkpoint::{BundleParts, Meta, Packs};
use crate::clock;
use crate::digest::Digest;
use crate::error::StoreError;

/// The checkpoints of an actor that a bucket keeps.
pub const GENERATIONS_KEPT_IN_BUCKET: usize = 3;

/// How long a push may take. With the age up to which a chunk is relied on, it stays well within the time for
/// which a collection leaves alone what nothing names; what is left is for clocks that differ.
pub const PUSH_TIME_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// The age up to which a chunk or a plugin that nothing may name is relied on, rather than written again.
const REUSE_AGE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
const _: () = assert!(PUSH_TIME_MAX.as_secs() + REUSE_AGE_MAX.as_secs() < COLLECTION_GRACE.as_secs());

/// How often the head is swapped again that somebody with the same right has swapped meanwhile.
const SWAPS_MAX: usize = 4;

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pushed {
    /// The checkpoint in the bucket.
    pub checkpoint: InBucket,
    /// How many chunks it has.
    pub chunks: u64,
    /// How many of them were uploaded; the others were there.
    pub chunks_uploaded: u64,
    /// The bytes that were uploaded.
    pub uploaded_bytes: u64,
}

impl Bucket {
    /// Brings a checkpoint of an actor into the bucket. `parent` is as for [`load`](crate::checkpoint::load). A
    /// checkpoint that is the newest there already is not uploaded again.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the actor there is another owner's; [`StoreError::OlderThanBucket`] when this
    /// owner has pushed a later generation; [`StoreError::BucketBusy`], and the push can be tried again;
    /// [`StoreError::BucketUnconditional`], [`StoreError::Bucket`]; those of [`load`](crate::checkpoint::load). The
    /// actor is in the bucket as it was before or, when the connection was lost at the end, as this push made it.
    pub fn push(
        &self,
        name: &str,
        owner: Owner,
        parts: BundleParts<'_>,
        parent: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
        packs: &Packs,
        mut progress: impl FnMut(Transfer),
    ) -> Result<Pushed, StoreError> {
        let began = Instant::now();
        let mark = mark::quiet(&self.io)?;
        let owned = self.owned(name, owner)?;
        let (manifest, _pin) = transit::depart(parts.payload, parts.component, parent, packs)?;
        self.require_newest(owned.as_ref(), manifest.meta.generation)?;
        let letter = Letter { description: parts.description.to_owned(), manifest };
        let (bytes, digests) = (letter.to_bytes()?, letter.manifest.chunks().collect::<BTreeSet<_>>());
        let (digest, total) = (Digest::of(&bytes), digests.len() as u64);
        if let Some(checkpoint) = owned.as_ref().and_then(|(head, _)| head.newest()).filter(|it| it.letter == digest) {
            return Ok(Pushed { checkpoint: *checkpoint, chunks: total, chunks_uploaded: 0, uploaded_bytes: 0 });
        }
        let now = SystemTime::now();
        let component = keys::component(letter.manifest.meta.component);
        let mut uploaded_bytes = self.put_missing(vec![(component, parts.component.to_vec())], now)?.bytes;
        let there = self.named_by_newest(owned.as_ref().map(|(head, _)| head));
        let missing: Vec<Digest> = digests.into_iter().filter(|chunk| !there.contains(chunk)).collect();
        let (mut chunks_uploaded, mut done) = (0, total - missing.len() as u64);
        progress(Transfer { done, total });
        for batch in missing.chunks(BATCH_CHUNKS) {
            let chunks = transit::chunks_as_sent(batch, packs)?;
            let chunks = chunks.into_iter().map(|(chunk, bytes)| (keys::chunk(chunk), bytes)).collect();
            let uploaded = self.put_missing(chunks, now)?;
            chunks_uploaded += uploaded.objects;
            uploaded_bytes += uploaded.bytes;
            done += batch.len() as u64;
            progress(Transfer { done, total });
        }
        uploaded_bytes += bytes.len() as u64;
        self.io.wait(self.io.write(&keys::letter(digest), bytes))?;
        if began.elapsed() > PUSH_TIME_MAX || mark::of(&self.io)?.0.collections != mark.collections {
            return Err(self.io.busy("what nobody needs was removed while this was on its way"));
        }
        let checkpoint = self.name_in_head(name, owner, owned, &letter.manifest.meta, digest)?;
        Ok(Pushed { checkpoint, chunks: total, chunks_uploaded, uploaded_bytes })
    }

    /// Makes a letter the actor's newest checkpoint.
    fn name_in_head(
        &self,
        name: &str,
        owner: Owner,
        mut owned: Option<(Head, Seen)>,
        meta: &Meta,
        letter: Digest,
    ) -> Result<InBucket, StoreError> {
        let key = keys::head(name);
        for _ in 0..SWAPS_MAX {
            let (head, seen) = owned.unzip();
            let mut head = head.unwrap_or_else(|| Head { name: name.to_owned(), lease: 1, owner, kept: Vec::new() });
            let checkpoint = InBucket {
                number: head.newest().map_or(Ok(1), |newest| self.io.after(&key, newest.number))?,
                lease: head.lease,
                generation: meta.generation,
                incarnation: meta.incarnation,
                message: meta.journal_sequence,
                taken_ns: meta.taken_ns,
                pushed_ns: u64::try_from(clock::now_ms()).unwrap_or_default() * 1_000_000,
                letter,
            };
            head.kept.push(checkpoint);
            head.kept.drain(..head.kept.len().saturating_sub(GENERATIONS_KEPT_IN_BUCKET));
            let bytes = head.to_bytes().map_err(|problem| StoreError::InvalidSnapshot { problem })?;
            if self.io.swap(&key, seen.as_ref(), bytes)? == Swapped::Done {
                return Ok(checkpoint);
            }
            owned = self.owned(name, owner)?;
            self.require_newest(owned.as_ref(), meta.generation)?;
        }
        Err(self.io.busy("the actor is being pushed by others"))
    }

    /// The head of an actor that this owner may push, if there is one.
    fn owned(&self, name: &str, owner: Owner) -> Result<Option<(Head, Seen)>, StoreError> {
        let found = self.read_head(name)?;
        match &found {
            Some((head, _)) if head.owner != owner => {
                Err(StoreError::LeaseLost { name: name.to_owned(), bucket: self.io.place.clone(), found: head.lease })
            }
            _ => Ok(found),
        }
    }

    /// Refuses what an owner has gone on from: generations ascend in a history, so one that is older than what this
    /// owner has pushed is not the newest, whether it was slower or comes from a copy of the data directory.
    fn require_newest(&self, owned: Option<&(Head, Seen)>, generation: u64) -> Result<(), StoreError> {
        let pushed =
            owned.and_then(|(head, _)| head.newest().filter(|newest| newest.lease == head.lease).zip(Some(head)));
        match pushed {
            Some((newest, head)) if newest.generation > generation => Err(StoreError::OlderThanBucket {
                name: head.name.clone(),
                bucket: self.io.place.clone(),
                generation,
                found: newest.generation,
            }),
            _ => Ok(()),
        }
    }

    /// The chunks that the newest checkpoint names: they are there, and stay. One that cannot be read says
    /// nothing, and is no reason not to push another.
    fn named_by_newest(&self, head: Option<&Head>) -> HashSet<Digest> {
        let Some(newest) = head.and_then(Head::newest) else { return HashSet::new() };
        let read = self.io.get(&keys::letter(newest.letter), LETTER_BYTES_MAX);
        let object = read.ok().flatten().filter(|object| Digest::of(&object.bytes) == newest.letter);
        let letter = object.and_then(|object| Letter::from_bytes(&object.bytes).ok());
        letter.map(|letter| letter.manifest.chunks().collect()).unwrap_or_default()
    }

    /// Writes those objects that are not there, or of which a collection may not know that they are needed. Their
    /// names say what they hold.
    fn put_missing(&self, objects: Vec<(Path, Vec<u8>)>, now: SystemTime) -> Result<Uploaded, StoreError> {
        let put = stream::iter(objects).map(|(key, bytes)| put_missing(&self.io, now, key, bytes));
        let sizes: Vec<Option<u64>> = self.io.wait(put.buffer_unordered(REQUESTS_AT_ONCE).try_collect())?;
        let uploaded = || sizes.iter().flatten();
        Ok(Uploaded { objects: uploaded().count() as u64, bytes: uploaded().sum() })
    }
}

struct Uploaded {
    objects: u64,
    bytes: u64,
}

/// Returns how many bytes were uploaded, if it had to be.
async fn put_missing(io: &Io, now: SystemTime, key: Path, bytes: Vec<u8>) -> Result<Option<u64>, StoreError> {
    let size_bytes = bytes.len() as u64;
    if let Some(stat) = io.look(&key).await?
        && stat.size_bytes == size_bytes
        && now.duration_since(stat.written).unwrap_or_default() < REUSE_AGE_MAX
    {
        return Ok(None);
    }
    io.write(&key, bytes).await?;
    Ok(Some(size_bytes))
}
