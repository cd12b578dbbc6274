//! An actor in a bucket, so that it can go on elsewhere when this machine is gone. What comes out of a bucket is another
//! incarnation, as with a file; but unlike a file, a bucket knows whose the actor is. Whoever takes it over becomes its
//! owner, and the owner before can push it no more.
//!
//! An actor is told from others, also of the same name, by the record that its history in the log begins with: it holds
//! a random seed, and stays as long as the actor. So there is nothing to keep beside the log. The record is known before
//! it is written, so the actor is taken over in the bucket first and begins here afterwards: at no time do two go on that
//! both believe to be the owner. If this process dies in between, the bucket has all of the actor, and whoever pulls it
//! next owns it; if the beginning fails, it is given back to its owner before.

use std::sync::{Arc, OnceLock};

use belljar_store::ActorEntry;
use belljar_store::bucket::{Bucket, Claim, Owner, Pushed, Transfer};

use super::bundle::{Arrived, ImportOptions};
use super::handle::{Actor, Actors, Owning};
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
        let (owner, departing) = (self.owner(&entry)?, self.depart(&entry, generation)?);
        let payload = |wanted: u64| recovery::payload_of(&self.durable.log, entry.id, wanted);
        Ok(bucket.push(name, owner, departing.parts(), payload, &self.durable.packs, progress)?)
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
        let asked = bucket.clone();
        // A checkpoint for nothing would be one more to keep.
        self.system.blocking(move || Ok(asked.prepare()?)).await?;
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
    /// it meanwhile. Nothing is left of the actor here then, and it is not taken over; unless the bucket could not even
    /// be told that, and then nobody owns it until it is pulled again. Once it is fetched it begins, or is given back,
    /// whether this is still waited for or not.
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
        let options = ImportOptions { name: Some(own_name), ..options };
        if is_copy {
            return self.settle_in(arrived, options, None).await;
        }
        let takeover = Takeover { bucket: bucket.clone(), claim, owner: Arc::default() };
        let (actors, name) = (self.clone(), name.to_owned());
        // In a task of its own: whoever waits for this may stop waiting, and nobody would give the actor back then.
        let settling = async move { actors.take_over(&name, takeover, arrived, options).await };
        self.system.spawn(settling).await.unwrap_or(Err(Error::ShutDown))
    }

    /// Begins an actor as its new owner, or gives it back.
    async fn take_over(
        &self,
        name: &str,
        takeover: Takeover,
        arrived: Arrived,
        options: ImportOptions,
    ) -> Result<Actor, Error> {
        let kept = self.kept()?;
        let settled = self.settle_in(arrived, options, Some(takeover.owning())).await;
        match &settled {
            // Whether it began is not known when this process ends, and with two owners two would go on.
            Ok(_) | Err(Error::ShutDown) => {}
            Err(_) => {
                // It goes on under the name that it had.
                let own_name = name.to_owned();
                let undo = move || takeover.give_back_unless_begun(&kept, &own_name);
                if let Err(error) = self.system.blocking(undo).await {
                    // What made the beginning fail says more to whoever called.
                    tracing::warn!(actor = name, %error, "an actor that could not begin could not be given back");
                }
            }
        }
        settled
    }
}

/// An actor of a bucket that becomes this machine's.
struct Takeover {
    bucket: Arc<Bucket>,
    claim: Claim,
    /// Who it was to belong to, from when the bucket was told.
    owner: Arc<OnceLock<Owner>>,
}

impl Takeover {
    fn owning(&self) -> Owning {
        let (bucket, claim, known) = (self.bucket.clone(), self.claim.clone(), self.owner.clone());
        Box::new(move |owner| {
            // First, because the bucket may do it although its answer is lost.
            known.set(owner).ok();
            Ok(bucket.claim(&claim, owner).map(drop)?)
        })
    }

    /// Makes the owner before the owner again, unless the actor began here whatever was heard of it.
    fn give_back_unless_begun(&self, kept: &KeptActors, name: &str) -> Result<(), Error> {
        let Some(mine) = self.owner.get() else { return Ok(()) };
        let present = match kept.entry(name) {
            Ok(entry) => Some(kept.owner(&entry)?),
            Err(Error::Actor(ActorError::Unknown { .. })) => None,
            Err(error) => return Err(error),
        };
        if present != Some(*mine) {
            self.bucket.give_back(&self.claim, *mine)?;
        }
        Ok(())
    }
}
