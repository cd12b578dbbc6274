//! An actor in one file, to take it to another machine: its plugin, a checkpoint with everything in it, how it is to be
//! run. What comes out of the file is another incarnation, as with a fork: the one that was exported may go on.

use std::path::Path;

use belljar_store::StoreError;
use belljar_store::checkpoint::{self, BundleParts};
use serde::{Deserialize, Serialize};

use super::checkpoints::snapshot_of;
use super::handle::{Actor, Actors};
use super::info::{ActorInfo, CheckpointInfo};
use super::look::KeptActors;
use super::state::ActorState;
use super::{ActorError, record, recovery, services};
use crate::{Error, Grants};

/// How an actor is to be taken from a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The name that it gets; none for the one that it had.
    pub name: Option<String>,
    /// Whether it gets the grants that it had where it comes from. They name folders, origins, variables and actors
    /// of another machine, so they are nothing to take over unseen.
    pub with_grants: bool,
}

/// What the file says about itself.
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
        let checkpoint = self.chosen(&entry, generation)?;
        let payload = |wanted: u64| recovery::payload_of(&self.durable.log, entry.id, wanted);
        let loaded = self.load(&entry, checkpoint.generation)?;
        let state: ActorState = record::decode(&loaded.host_state)?;
        let settings = state.spawned.settings().map_err(Error::Setup)?;
        let actor = services::info_of(&state.spawned, &settings);
        let description = serde_json::to_string(&Description { actor, checkpoint: checkpoint.clone() })
            .map_err(|error| Error::Setup(error.to_string()))?;
        let component = self.durable.archive.read(state.spawned.digest())?;
        let parts =
            BundleParts { description: &description, component: &component, payload: &payload(checkpoint.generation)? };
        checkpoint::export(path, parts, payload, &self.durable.packs)?;
        Ok(checkpoint)
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
        let read = move || {
            let imported = checkpoint::import(&path, &durable.packs)?;
            // A bundle holds no chain, so there is no parent to ask for.
            let alone = |_| Err(StoreError::InvalidSnapshot { problem: "a bundle holds one checkpoint".to_owned() });
            let loaded = checkpoint::load(&imported.manifest.to_bytes()?, alone, &durable.packs)?;
            let state: ActorState = record::decode(&loaded.host_state)?;
            Ok((imported, snapshot_of(&loaded), state))
        };
        let (imported, snapshot, state) = self.system.blocking(read).await?;
        let settings = state.spawned.settings().map_err(Error::Setup)?;
        let name = options.name.unwrap_or_else(|| state.spawned.name.to_string());
        if settings.grants != Grants::default() && !options.with_grants {
            let grants = serde_json::to_string(&settings.grants).map_err(|error| Error::Setup(error.to_string()))?;
            return Err(ActorError::NeedsGrants { name, grants }.into());
        }
        let (grants, limits) = (settings.grants.clone(), settings.limits.clone());
        let plugin = self.runtime.load_bytes(&state.spawned.plugin, imported.component, grants, limits).await?;
        let incarnation = state.spawned.incarnation + 1;
        self.begin(&name, &plugin, settings, Some((Box::new(snapshot), state)), incarnation).await
    }
}
