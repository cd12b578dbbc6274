//! An actor in one file, to take it to another machine: its plugin, a checkpoint with everything in it, how it is to be
//! run. What comes out of the file is another incarnation, as with a fork: the one that was exported may go on.

use std::path::Path;

use belljar_engine::Snapshot;
use belljar_store::checkpoint::{self, BundleParts, Imported, Packs};
use belljar_store::{ActorEntry, StoreError};
use serde::{Deserialize, Serialize};

use super::checkpoints::snapshot_of;
use super::compute::KEPT_COMPUTE_BYTES_MAX;
use super::handle::{Actor, Actors, Owning};
use super::info::{ActorInfo, CheckpointInfo};
use super::look::KeptActors;
use super::state::ActorState;
use super::{ActorError, record, recovery, services};
use crate::{Error, Grants};

/// How an actor is to be taken from a file or a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The name that it gets; none for the one that it had.
    pub name: Option<String>,
    /// Whether it gets the grants that it had where it comes from. They name folders, origins, variables and actors
    /// of another machine, so they are nothing to take over unseen.
    pub with_grants: bool,
}

/// What travels with an actor to tell what it is.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    actor: ActorInfo,
    checkpoint: CheckpointInfo,
}

impl KeptActors {
    /// Writes an actor to a file, as of a checkpoint; the newest one unless a generation is named. Returns that
    /// checkpoint. Messages that came after it are not in the file.
    ///
    /// # Errors
    ///
    /// [`ActorError::UnknownGeneration`]; a store error when the checkpoint or the plugin is damaged, or the file cannot
    /// be written.
    pub fn export(&self, name: &str, generation: Option<u64>, path: &Path) -> Result<CheckpointInfo, Error> {
        let entry = self.entry(name)?;
        let departing = self.depart(&entry, generation)?;
        let payload = |wanted: u64| recovery::payload_of(&self.durable.log, entry.id, wanted);
        checkpoint::export(path, departing.parts(), payload, &self.durable.packs)?;
        Ok(departing.checkpoint)
    }

    /// Packs up an actor as of a checkpoint.
    pub(super) fn depart(&self, entry: &ActorEntry, generation: Option<u64>) -> Result<Departing, Error> {
        let checkpoint = self.chosen(entry, generation)?;
        let loaded = self.load(entry, checkpoint.generation)?;
        let state: ActorState = record::decode_state(&loaded.host_state)?;
        let settings = state.spawned.settings().map_err(Error::Setup)?;
        let actor = services::info_of(&state.spawned, &settings);
        let description = serde_json::to_string(&Description { actor, checkpoint: checkpoint.clone() })
            .map_err(|error| Error::Setup(error.to_string()))?;
        let component = self.durable.archive.read(state.spawned.digest())?;
        let payload = recovery::payload_of(&self.durable.log, entry.id, checkpoint.generation)?;
        Ok(Departing { checkpoint, description, component, payload })
    }
}

/// What leaves this machine of an actor, besides the chunks that the checkpoint names.
pub(super) struct Departing {
    checkpoint: CheckpointInfo,
    description: String,
    component: Vec<u8>,
    payload: Vec<u8>,
}

impl Departing {
    pub(super) fn parts(&self) -> BundleParts<'_> {
        BundleParts { description: &self.description, component: &self.component, payload: &self.payload }
    }
}

/// An actor that has arrived from elsewhere, verified, and is none of this machine's yet.
pub(super) struct Arrived {
    imported: Imported,
    snapshot: Snapshot,
    state: ActorState,
}

impl Arrived {
    pub(super) fn of(imported: Imported, packs: &Packs) -> Result<Arrived, StoreError> {
        // Checkpoints travel complete, so there is no parent to ask for.
        let alone = |_| Err(StoreError::InvalidSnapshot { problem: "a checkpoint travels alone".to_owned() });
        let loaded = checkpoint::load(&imported.manifest.to_bytes()?, alone, packs)?;
        let state = record::decode_state(&loaded.host_state)?;
        Ok(Arrived { imported, snapshot: snapshot_of(&loaded), state })
    }
}

impl Actors {
    /// Begins an actor that goes on from an exported one, as a new incarnation.
    ///
    /// # Errors
    ///
    /// A store error when the file is not wholly what was written; [`ActorError::NameTaken`];
    /// [`ActorError::NeedsGrants`] when it had grants that it is not to get. Nothing is left of the actor then.
    pub async fn import(&self, path: &Path, options: ImportOptions) -> Result<Actor, Error> {
        let (durable, path) = (self.kept()?.durable, path.to_owned());
        let read = move || Ok(Arrived::of(checkpoint::import(&path, &durable.packs)?, &durable.packs)?);
        let arrived = self.system.blocking(read).await?;
        self.settle_in(arrived, options, None).await
    }

    /// Begins the actor that has arrived; `owning` is as for [`begin`](Self::begin).
    pub(super) async fn settle_in(
        &self,
        arrived: Arrived,
        options: ImportOptions,
        owning: Option<Owning>,
    ) -> Result<Actor, Error> {
        let Arrived { imported, snapshot, mut state } = arrived;
        let settings = state.spawned.settings().map_err(Error::Setup)?;
        let name = options.name.unwrap_or_else(|| state.spawned.name.to_string());
        if settings.grants != Grants::default() && !options.with_grants {
            let grants = serde_json::to_string(&settings.grants).map_err(|error| Error::Setup(error.to_string()))?;
            return Err(ActorError::NeedsGrants { name, grants }.into());
        }
        // Only now: what it computes with may take much memory, and it says itself how much.
        let packs = self.kept()?.durable.packs;
        let limit_bytes = settings.limits.compute_bytes_max.min(KEPT_COMPUTE_BYTES_MAX);
        let open = move || Ok(state.open_compute(&packs, limit_bytes).map(|()| state)?);
        let state = self.system.blocking(open).await?;
        let (grants, limits) = (settings.grants.clone(), settings.limits.clone());
        // The pin keeps the chunks until the actor's own checkpoint names them.
        let Imported { component, pin: _pin, .. } = imported;
        let plugin = self.runtime.load_bytes(&state.spawned.plugin, component, grants, limits).await?;
        let incarnation = state.spawned.incarnation + 1;
        self.begin(&name, &plugin, settings, Some((Box::new(snapshot), state)), incarnation, owning).await
    }
}
