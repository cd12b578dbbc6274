//! Taking an actor out of a bucket: everything is fetched and verified first, and only then is the actor taken
//! over, by the swap of its head.

use object_store::path::Path;

use super::head::{HEAD_BYTES_MAX, Head, InBucket, Owner, Unreadable};
use super::letter::{LETTER_BYTES_MAX, Letter};
use super::swap::{Seen, Swapped};
use super::{Bucket, Transfer, keys};
use crate::checkpoint::transit::{Arrival, BATCH_CHUNKS, COMPONENT_BYTES_MAX, Refusal, TRAVELLING_CHUNK_BYTES_MAX};
use crate::checkpoint::{Imported, Packs};
use crate::digest::Digest;
use crate::error::StoreError;

/// A checkpoint that was fetched.
#[derive(Debug)]
pub struct Pulled {
    /// What was fetched, verified. The chunks are durable in the packs.
    pub imported: Imported,
    /// Which checkpoint it is.
    pub checkpoint: InBucket,
    /// What it takes to become the actor's owner.
    pub claim: Claim,
}

/// That an actor was seen in a bucket, which is what it takes to take it over as it was seen.
#[derive(Clone, Debug)]
pub struct Claim {
    head: Head,
    seen: Seen,
}

impl Bucket {
    /// Fetches a checkpoint of an actor into the packs; the newest one, unless its number in the bucket is named.
    /// The bucket is not changed: follow it by [`claim`](Self::claim), unless the actor is only to be copied.
    ///
    /// # Errors
    /// [`StoreError::NotInBucket`]; [`StoreError::BucketDamaged`] and [`StoreError::CheckpointVersion`] with the
    /// key of what cannot be used; [`StoreError::BucketBusy`] when the checkpoint was dropped meanwhile, so pull again;
    /// [`StoreError::Bucket`], [`StoreError::DiskFull`], [`StoreError::ReadOnly`]. Nothing was stored then.
    pub fn pull(
        &self,
        name: &str,
        number: Option<u64>,
        packs: &Packs,
        mut progress: impl FnMut(Transfer),
    ) -> Result<Pulled, StoreError> {
        let unknown = |what: String| StoreError::NotInBucket { what, bucket: self.io.place.clone() };
        let (head, seen) = self.read_head(name)?.ok_or_else(|| unknown(format!("actor `{name}`")))?;
        let checkpoint = match number {
            None => head.newest(),
            Some(number) => head.checkpoint(number),
        };
        let wanted = || number.map_or("checkpoint".to_owned(), |number| format!("checkpoint {number}"));
        let checkpoint = *checkpoint.ok_or_else(|| unknown(format!("{} of `{name}`", wanted())))?;
        match self.fetch_checkpoint(&checkpoint, packs, &mut progress) {
            Ok(imported) => Ok(Pulled { imported, checkpoint, claim: Claim { head, seen } }),
            // What a newer head does not name any more may be gone, and nothing is damaged then.
            Err(error) if error.is_damage() && !self.is_still(name, &seen)? => Err(self
                .io
                .busy(format!("`{name}` was pushed meanwhile, and checkpoint {} dropped", checkpoint.number))),
            Err(error) => Err(error),
        }
    }

    fn fetch_checkpoint(
        &self,
        checkpoint: &InBucket,
        packs: &Packs,
        progress: &mut impl FnMut(Transfer),
    ) -> Result<Imported, StoreError> {
        let letter = self.io.wait(self.read_letter(checkpoint.letter))?;
        let component = self.io.wait(self.read_component(letter.manifest.meta.component))?;
        let mut arrival = Arrival::of(&letter.manifest, packs)?;
        let missing = arrival.only_missing();
        let total = letter.manifest.chunks().collect::<std::collections::HashSet<_>>().len() as u64;
        let mut done = total - missing.len() as u64;
        progress(Transfer { done, total });
        for batch in missing.chunks(BATCH_CHUNKS) {
            let keys: Vec<Path> = batch.iter().copied().map(keys::chunk).collect();
            let objects = self.io.get_all(&keys, TRAVELLING_CHUNK_BYTES_MAX);
            for ((digest, key), object) in batch.iter().zip(&keys).zip(objects) {
                let object = object?.ok_or_else(|| self.damaged(key, "it is not there"))?;
                arrival.take_named(*digest, &object.bytes).map_err(|refusal| match refusal {
                    Refusal::Chunk(problem) => self.damaged(key, problem),
                    Refusal::Store(error) => error,
                })?;
            }
            done += batch.len() as u64;
            progress(Transfer { done, total });
        }
        let Letter { description, manifest } = letter;
        Ok(Imported { description, component, manifest, pin: arrival.complete()? })
    }

    /// Whether the head of an actor is the one that was seen.
    fn is_still(&self, name: &str, seen: &Seen) -> Result<bool, StoreError> {
        let present = self.io.get(&keys::head(name), HEAD_BYTES_MAX)?;
        Ok(present.is_some_and(|present| present.bytes == seen.bytes))
    }

    /// Makes `owner` the owner of an actor, as of when it was pulled, and returns its lease number. Whoever owned
    /// it before is refused from now on.
    ///
    /// # Errors
    /// [`StoreError::BucketBusy`] when the actor was pushed or taken over meanwhile: what was pulled is not the
    /// newest any more, so pull again. [`StoreError::Bucket`]; it may have been taken over although its answer was
    /// lost.
    pub fn claim(&self, claim: &Claim, owner: Owner) -> Result<u64, StoreError> {
        let Claim { head, seen } = claim;
        match self.hand_over(head.clone(), seen, owner, None)? {
            Some(lease) => Ok(lease),
            None => Err(self.io.busy(format!("`{}` was pushed or taken over meanwhile", head.name))),
        }
    }

    /// Undoes a [`claim`](Self::claim): makes whoever owned the actor before its owner again, if `mine` still is, and
    /// says whether it was. Whatever came of the claim, this may be called after it.
    ///
    /// # Errors
    /// [`StoreError::Bucket`] and [`StoreError::BucketDamaged`]: it may still be owned by `mine`. Nothing is lost
    /// then, and whoever pulls it next owns it.
    pub fn give_back(&self, claim: &Claim, mine: Owner) -> Result<bool, StoreError> {
        let Some((head, seen)) = self.read_head(&claim.head.name)? else { return Ok(false) };
        if head.owner != mine {
            return Ok(false);
        }
        Ok(self.hand_over(head, &seen, claim.head.owner, Some(claim.head.lease))?.is_some())
    }

    /// Gives an actor another owner, under the next lease, if its head is still this one. What that owner has pushed
    /// under an earlier lease, if it has one, is still its own, so an older state of it is still refused.
    fn hand_over(
        &self,
        mut head: Head,
        seen: &Seen,
        owner: Owner,
        earlier_lease: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let key = keys::head(&head.name);
        (head.lease, head.owner) = (self.io.after(&key, head.lease)?, owner);
        let owners = head.kept.iter_mut().rev().take_while(|kept| Some(kept.lease) == earlier_lease);
        owners.for_each(|kept| kept.lease = head.lease);
        let bytes = head.to_bytes().map_err(|problem| StoreError::InvalidSnapshot { problem })?;
        Ok((self.io.swap(&key, Some(seen), bytes)? == Swapped::Done).then_some(head.lease))
    }

    /// A letter, verified.
    pub(super) async fn read_letter(&self, digest: Digest) -> Result<Letter, StoreError> {
        let key = keys::letter(digest);
        let bytes = self.fetch(&key, LETTER_BYTES_MAX).await?;
        if Digest::of(&bytes) != digest {
            return Err(self.damaged(&key, "its content has another digest"));
        }
        Letter::from_bytes(&bytes).map_err(|wrong| self.io.unreadable(&key, wrong))
    }

    /// A plugin, verified.
    pub(super) async fn read_component(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        let key = keys::component(digest);
        let bytes = self.fetch(&key, COMPONENT_BYTES_MAX).await?;
        match Digest::of(&bytes) == digest {
            true => Ok(bytes),
            false => Err(self.damaged(&key, "its content has another digest")),
        }
    }

    async fn fetch(&self, key: &Path, bytes_max: u64) -> Result<Vec<u8>, StoreError> {
        let object = self.io.read(key, bytes_max).await?.ok_or_else(|| self.damaged(key, "it is not there"))?;
        Ok(object.bytes.into())
    }

    fn damaged(&self, key: &Path, problem: impl Into<String>) -> StoreError {
        self.io.unreadable(key, Unreadable::Damaged(problem.into()))
    }
}
