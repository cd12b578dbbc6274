//! An actor in a bucket, so that it can go on elsewhere when this machine is gone. What comes out of a bucket is another
//! incarnation, as with a file; but unlike a file, a bucket knows whose the actor is. Whoever takes it over becomes its
//! owner, and the owner before can push it no more.
//!
//! An actor is told from others, also of the same name, by the record that its history in the log begins with: it holds
//! a random seed, and stays as long as the actor. So there is nothing to keep beside the log, and nothing that could be
//! lost between a swap in the bucket and a write here.

use std::sync::Arc;

use belljar_store::ActorEntry;
use belljar_store::bucket::{Bucket, Owner, Pushed, Transfer};

use super::bundle::{Arrived, ImportOptions};
use super::handle::{Actor, Actors};
use super::look::KeptActors;
use super::{ActorError, recovery};
use crate::Error;

impl KeptActors {
    /// Brings a checkpoint of an actor into a bucket; the newest one unless a generation is named. Messages that came
    /// after it do not go along.
    ///
    /// # Errors
    ///
    /// [`ActorError::UnknownGeneration`]; a store error when the actor in the bucket is another's, the bucket cannot be
    /// used, or the checkpoint is damaged. The bucket has of the actor what it had before.
    pub fn push(
        &self,
        name: &str,
        generation: Option<u64>,
        bucket: &Bucket,
        progress: impl FnMut(Transfer),
    ) -> Result<Pushed, Error> {
        let entry = self.entry(name)?;
        let (owner, parcel) = (self.owner(&entry)?, self.parcel(&entry, generation)?);
        let payload = |wanted: u64| recovery::payload_of(&self.durable.log, entry.id, wanted);
        Ok(bucket.push(name, owner, parcel.parts(), payload, &self.durable.packs, progress)?)
    }

    fn owner(&self, entry: &ActorEntry) -> Result<Owner, Error> {
        Ok(Owner::of(&self.durable.log.spawn_record(entry.id)?.payload))
    }
}

impl Actors {
    /// Brings an actor into a bucket as it is now, with all its messages. One that has not changed since the last time
    /// is not uploaded again.
    ///
    /// # Errors
    ///
    /// Those of [`Actor::checkpoint`] and [`KeptActors::push`].
    pub async fn push(
        &self,
        name: &str,
        bucket: &Arc<Bucket>,
        progress: impl FnMut(Transfer) + Send + 'static,
    ) -> Result<Pushed, Error> {
        let actor = self.get(name).await?;
        if self.system.live().contains_key(&actor.name) {
            actor.checkpoint().await?;
        } else {
            actor.settle().await?;
        }
        let (kept, name, bucket) = (self.kept()?, name.to_owned(), bucket.clone());
        self.system.blocking(move || kept.push(&name, None, &bucket, progress)).await
    }

    /// Begins an actor that goes on from one in a bucket, as a new incarnation; from its newest checkpoint there, unless
    /// the number of another is given. It takes the actor over: who owned it before can push it no more. Under another
    /// name it is a copy, and the one in the bucket stays its owner's.
    ///
    /// # Errors
    ///
    /// [`ActorError::NameTaken`]; [`ActorError::NeedsGrants`] when it had grants that it is not to get; a store error
    /// when the bucket cannot be used or does not have it, when what is there is damaged, or when somebody else changed
    /// it meanwhile. Nothing is left of the actor here then, and it is not taken over.
    pub async fn pull(
        &self,
        name: &str,
        number: Option<u64>,
        bucket: &Arc<Bucket>,
        options: ImportOptions,
        progress: impl FnMut(Transfer) + Send + 'static,
    ) -> Result<Actor, Error> {
        let kept = self.kept()?;
        let own_name = options.name.clone().unwrap_or_else(|| name.to_owned());
        // Before anything is downloaded.
        if self.get(&own_name).await.is_ok() {
            return Err(ActorError::NameTaken { name: own_name }.into());
        }
        let is_copy = own_name != name;
        let (packs, from, wanted) = (kept.durable.packs.clone(), bucket.clone(), name.to_owned());
        let fetch = move || {
            let pulled = from.pull(&wanted, number, &packs, progress)?;
            Ok((Arrived::of(pulled.imported, &packs)?, pulled.claim))
        };
        let (arrived, claim) = self.system.blocking(fetch).await?;
        let actor = self.settle_in(arrived, ImportOptions { name: Some(own_name), ..options }).await?;
        if is_copy {
            return Ok(actor);
        }
        let (entry, bucket) = (actor.entry().await?, bucket.clone());
        let claimed = self.system.blocking(move || Ok(bucket.claim(claim, kept.owner(&entry)?)?)).await;
        if let Err(error) = claimed {
            // Otherwise there would be two that go on, of which this one could never be pushed.
            actor.remove().await?;
            return Err(error);
        }
        Ok(actor)
    }
}
