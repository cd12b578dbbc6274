//! What is kept of actors, for those who only look: lists, checkpoints, dead letters. Nothing is woken and nothing is
//! changed, so it works beside the process that has the data directory open, and shows what was durable when it was
//! opened.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use belljar_engine::Digest;
use belljar_store::checkpoint::{self, CheckpointDiff, Loaded, Manifest};
use belljar_store::{ActorEntry, ActorId, ActorLog, DataDir, RecordKind, StoreError};
use serde::Serialize;

use super::checkpoints::info_of as checkpoint_info;
use super::info::{ActorInfo, CheckpointInfo};
use super::recovery;
use super::state::{ActorState, DeadLetter};
use super::system::Durable;
use super::{ActorError, ActorName, record, services};
use crate::{Error, Runtime};

/// The actors of a data directory as they are kept. Everything here blocks.
#[derive(Clone)]
pub struct KeptActors {
    pub(super) durable: Durable,
}

/// A checkpoint, with what it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointDetails {
    /// How it came about.
    #[serde(flatten)]
    pub info: CheckpointInfo,
    /// The name of the plugin.
    pub plugin: String,
    /// The BLAKE3 of the plugin, as hexadecimal digits.
    pub component: String,
    /// The lease under which it was written.
    pub lease: u64,
    /// Its memories, by ordinal.
    pub memories: Vec<MemoryDetails>,
    /// How many mutable globals it has.
    pub globals: usize,
    /// The size of what the host keeps for the actor.
    pub host_state_bytes: usize,
    /// The timers that were set.
    pub timers: Vec<String>,
    /// Calls to other actors without a result.
    pub outgoing: usize,
    /// Results that callers may ask for again.
    pub results: usize,
    /// Messages that had no effect.
    pub dead_letters: usize,
}

/// What every fresh instance of a plugin looks like.
#[derive(Debug, Clone)]
pub struct BaseImage {
    digest: Digest,
    image: belljar_engine::ActorImage,
}

impl BaseImage {
    /// A page of the plugin with this digest, by memory and number; none if it is of zeros, or another plugin's.
    pub fn page(&self, digest: Digest, memory: u32, page: u32) -> Option<Vec<u8>> {
        // Memory of the kernel's that cannot be read is no reason to show nothing: the page counts as zeros.
        (digest == self.digest).then(|| self.image.page(memory as usize, u64::from(page)).ok().flatten()).flatten()
    }
}

/// One memory of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemoryDetails {
    /// Its size.
    pub size_bytes: u64,
    /// How many pages of [`PAGE_BYTES`](checkpoint::PAGE_BYTES) are not what every fresh instance has.
    pub pages: u64,
}

impl KeptActors {
    /// Opens the actors of a data directory for reading.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when there is no data directory, or its log cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<KeptActors, Error> {
        let data_dir = DataDir::open_read_only(path)?;
        Ok(KeptActors { durable: Durable::open(&data_dir, None)? })
    }

    /// The actors whose names begin with `prefix`, by name, after `after`; at most `limit`.
    pub fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ActorInfo>, Error> {
        Ok(self.durable.list(prefix, after, limit)?)
    }

    /// How many actors are kept.
    pub fn count(&self) -> Result<u64, Error> {
        Ok(self.durable.log.count()?)
    }

    /// What an actor is.
    ///
    /// # Errors
    ///
    /// [`ActorError::Unknown`] and [`ActorError::BadName`], as for everything here that takes a name.
    pub fn info(&self, name: &str) -> Result<ActorInfo, Error> {
        services::listed(&self.entry(name)?).ok_or_else(|| unknown(name))
    }

    /// The checkpoints of an actor that are kept, newest first.
    pub fn checkpoints(&self, name: &str) -> Result<Vec<CheckpointInfo>, Error> {
        Ok(checkpoints_of(&self.durable.log, self.entry(name)?.id)?)
    }

    /// A checkpoint of an actor, read and verified as a whole; the newest one unless a generation is named.
    ///
    /// # Errors
    ///
    /// [`ActorError::UnknownGeneration`]; a store error when it is damaged.
    pub fn checkpoint(&self, name: &str, generation: Option<u64>) -> Result<CheckpointDetails, Error> {
        let entry = self.entry(name)?;
        let info = self.chosen(&entry, generation)?;
        let loaded = self.load(&entry, info.generation)?;
        let state: ActorState = record::decode_state(&loaded.host_state)?;
        let memories = loaded
            .memories
            .iter()
            .map(|memory| MemoryDetails { size_bytes: memory.size_bytes, pages: memory.each_page().count() as u64 });
        Ok(CheckpointDetails {
            info,
            plugin: state.spawned.plugin,
            component: loaded.meta.component.to_string(),
            lease: loaded.meta.lease,
            memories: memories.collect(),
            globals: loaded.globals.len(),
            host_state_bytes: loaded.host_state.len(),
            timers: state.timers.into_keys().collect(),
            outgoing: state.outgoing.len(),
            results: state.results.len(),
            dead_letters: state.dead_letters.len(),
        })
    }

    /// What has changed from one checkpoint of an actor to another. `base` gives a page of the base image of a plugin,
    /// which what is not listed in a checkpoint is, by the plugin's digest, memory and number; nothing is zeros.
    ///
    /// # Errors
    ///
    /// As for [`KeptActors::checkpoint`].
    pub fn diff(
        &self,
        name: &str,
        before: u64,
        after: u64,
        base: impl Fn(Digest, u32, u32) -> Option<Vec<u8>>,
    ) -> Result<CheckpointDiff, Error> {
        let entry = self.entry(name)?;
        let (before, after) = (self.load(&entry, before)?, self.load(&entry, after)?);
        let mut missing = base_pages_missing(&before, &after, &base);
        missing.extend(base_pages_missing(&after, &before, &base));
        Ok(checkpoint::diff(&before, &after, |memory, page| missing.get(&(memory, page)).map(Vec::as_slice)))
    }

    /// What every fresh instance of a plugin looks like of which an actor is, or was.
    ///
    /// # Errors
    ///
    /// As for [`KeptActors::checkpoint`], and an engine error when the plugin cannot be instantiated any more.
    pub async fn base_image(&self, runtime: &Runtime, name: &str, generation: u64) -> Result<BaseImage, Error> {
        let (kept, reader, name) = (self.clone(), runtime.clone(), name.to_owned());
        let link = move || {
            let loaded = kept.load(&kept.entry(&name)?, generation)?;
            let state: ActorState = record::decode_state(&loaded.host_state)?;
            let (digest, settings) = (state.spawned.digest(), state.spawned.settings().map_err(Error::Setup)?);
            let component = reader.engine().load_bytes(&state.spawned.plugin, &kept.durable.archive.read(digest)?)?;
            Ok::<_, Error>((digest, component.link(settings.grants, settings.limits)?))
        };
        let (digest, linked) = tokio::task::spawn_blocking(link).await.unwrap_or(Err(Error::ShutDown))?;
        let services = runtime.services().clone();
        let image = runtime.run(async move { Ok(linked.base_image(&services).await?) }).await?;
        Ok(BaseImage { digest, image })
    }

    /// The messages of an actor that had no effect, oldest first.
    ///
    /// # Errors
    ///
    /// [`ActorError::Damaged`] when its state cannot be read any more.
    pub fn dead_letters(&self, name: &str) -> Result<Vec<DeadLetter>, Error> {
        let entry = self.entry(name)?;
        let name: ActorName = name.parse()?;
        let found = recovery::read(&self.durable.log, entry.id, &name, &self.durable.packs, None)?;
        let mut state = found.state;
        for replay in &found.replays {
            if let (Some(arrival), Some(ending)) = (&replay.arrival, &replay.ending) {
                state.arrived(arrival);
                state.ended(arrival, ending);
            }
        }
        Ok(state.dead_letters.into())
    }

    pub(super) fn entry(&self, name: &str) -> Result<ActorEntry, Error> {
        let parsed: ActorName = name.parse()?;
        self.durable.find(&parsed)?.ok_or_else(|| unknown(name))
    }

    /// The checkpoint of this generation, or the newest one.
    pub(super) fn chosen(&self, entry: &ActorEntry, generation: Option<u64>) -> Result<CheckpointInfo, Error> {
        let mut kept = checkpoints_of(&self.durable.log, entry.id)?.into_iter();
        let unknown = |generation| ActorError::UnknownGeneration { name: entry.name.clone(), generation };
        match generation {
            Some(wanted) => kept.find(|kept| kept.generation == wanted).ok_or_else(|| unknown(wanted).into()),
            None => kept.next().ok_or_else(|| unknown(1).into()),
        }
    }

    /// The checkpoint of this generation, with all its content.
    pub(super) fn load(&self, entry: &ActorEntry, generation: u64) -> Result<Loaded, Error> {
        // One that is not kept any more is unknown, not damaged.
        self.chosen(entry, Some(generation))?;
        let Durable { log, packs, .. } = &self.durable;
        let payload = |wanted: u64| recovery::payload_of(log, entry.id, wanted);
        Ok(checkpoint::load(&payload(generation)?, payload, packs)?)
    }
}

/// The pages of the base image in place of which `other` lists some and `loaded` does not, by memory and number.
fn base_pages_missing(
    loaded: &Loaded,
    other: &Loaded,
    base: impl Fn(Digest, u32, u32) -> Option<Vec<u8>>,
) -> HashMap<(u32, u32), Vec<u8>> {
    let pages = |loaded: &Loaded| -> HashSet<(u32, u32)> {
        let memories = (0..).zip(&loaded.memories);
        memories.flat_map(|(at, memory)| memory.each_page().map(move |(page, _)| (at, page))).collect()
    };
    let component = Digest::from_bytes(*loaded.meta.component.as_bytes());
    let missing = &pages(other) - &pages(loaded);
    missing.into_iter().filter_map(|(memory, page)| Some(((memory, page), base(component, memory, page)?))).collect()
}

/// The checkpoints that can be read, newest first.
pub(super) fn checkpoints_of(log: &ActorLog, actor: ActorId) -> Result<Vec<CheckpointInfo>, StoreError> {
    let checkpoints = log.history(actor)?.filter_map(|record| {
        let record = record.ok().filter(|record| record.kind == RecordKind::Checkpoint)?;
        let manifest = Manifest::from_bytes(&record.payload).ok()?;
        let parent = manifest.parent.map(|parent| parent.generation);
        Some(checkpoint_info(&manifest.meta, manifest.memory_sizes.iter().sum(), parent))
    });
    Ok(checkpoints.collect())
}

fn unknown(name: &str) -> Error {
    ActorError::Unknown { name: name.to_owned() }.into()
}
