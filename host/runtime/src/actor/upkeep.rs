//! Looking after what is kept of actors: finding damage before it is needed, and giving back the room of what nobody
//! needs any more.

use std::collections::{HashSet, VecDeque};

use belljar_engine::Digest;
use belljar_store::checkpoint::{self, Manifest};
use belljar_store::{ActorEntry, ActorLog, Compaction, History, RecordKind, StoreError};
use serde::Serialize;

use super::handle::{Actor, Actors};
use super::look::KeptActors;
use super::record::{self, Spawned};
use super::system::Durable;
use super::{ActorError, recovery};
use crate::Error;

/// Actors that are looked up in the index at once: 1,000.
const ACTORS_AT_ONCE: usize = 1_000;

/// What a verification has read, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Segments of the log.
    pub segments: u64,
    /// Records of the log that are whole.
    pub records: u64,
    /// Bytes of packs.
    pub pack_bytes: u64,
    /// Actors.
    pub actors: u64,
    /// Checkpoints that can be restored.
    pub checkpoints: u64,
    /// Plugins that actors were spawned from.
    pub plugins: u64,
    /// Everything that is not what was written.
    pub damage: Vec<FoundDamage>,
}

/// Something that is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundDamage {
    /// The actor that it belongs to, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What is wrong, and where.
    pub message: String,
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyStep {
    /// It reads the log: segments of all segments.
    Log {
        /// Those that were read.
        done: u64,
        /// All.
        total: u64,
    },
    /// It reads packs: bytes of all bytes.
    Packs {
        /// Those that were read.
        done: u64,
        /// All.
        total: u64,
    },
    /// It loads checkpoints: actors of all actors.
    Actors {
        /// Those whose checkpoints were loaded.
        done: u64,
        /// All.
        total: u64,
    },
}

/// What a garbage collection gave back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Bytes of the log's segments that were removed.
    pub log_bytes_removed: u64,
    /// Bytes of the log that were copied because somebody still needs them.
    pub log_bytes_copied: u64,
    /// Packs that were removed.
    pub packs_removed: u64,
    /// Their bytes.
    pub pack_bytes_removed: u64,
    /// Bytes of packs that were copied because somebody still needs them.
    pub pack_bytes_copied: u64,
    /// Plugins that no actor is of any more.
    pub plugins_removed: u64,
    /// Their bytes.
    pub plugin_bytes_removed: u64,
    /// What could not be read, and was left as it is.
    pub damage: Vec<String>,
}

impl KeptActors {
    /// Reads everything that is kept of actors and says what is damaged: every record of the log, every chunk of the
    /// packs, every checkpoint as a recovery would load it, every plugin.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when something cannot be read at all. Damage is no error, but part of the result.
    pub fn verify(&self, mut progress: impl FnMut(VerifyStep)) -> Result<Verification, Error> {
        let Durable { log, packs, .. } = &self.durable;
        let read = log.verify(|done, total| progress(VerifyStep::Log { done, total }))?;
        let damage = read.damage.into_iter();
        let mut verified = Verification {
            segments: read.segments,
            records: read.records,
            pack_bytes: packs.stats()?.bytes,
            damage: damage
                .map(|damage| FoundDamage { actor: damage.actor.map(|(_, name)| name), message: damage.message })
                .collect(),
            ..Verification::default()
        };
        let total = verified.pack_bytes;
        for problem in packs.verify(|done| progress(VerifyStep::Packs { done, total }))? {
            verified.damage.push(FoundDamage { actor: None, message: problem.to_string() });
        }
        let (total, mut plugins) = (log.count()?, HashSet::new());
        let mut entries = Entries::new(log);
        while let Some(entry) = entries.next().transpose()? {
            progress(VerifyStep::Actors { done: verified.actors, total });
            verified.actors += 1;
            self.verify_checkpoints(&entry, &mut verified, &mut plugins)?;
        }
        for plugin in plugins {
            match self.durable.archive.read(plugin) {
                Ok(_) => verified.plugins += 1,
                Err(error) => verified.damage.push(FoundDamage { actor: None, message: error.to_string() }),
            }
        }
        Ok(verified)
    }

    fn verify_checkpoints(
        &self,
        entry: &ActorEntry,
        verified: &mut Verification,
        plugins: &mut HashSet<Digest>,
    ) -> Result<(), Error> {
        let Durable { log, packs, .. } = &self.durable;
        for record in log.history(entry.id)? {
            // What is wrong with a record is in the log's own report already.
            let Ok(record) = record else { continue };
            let component = component_of(record.kind, &record.payload);
            plugins.extend(component.iter().flatten());
            let parent = |wanted: u64| recovery::payload_of(log, entry.id, wanted);
            let whole = component.and_then(|_| match record.kind {
                RecordKind::Checkpoint => {
                    let loaded = checkpoint::load(&record.payload, parent, packs)?;
                    recovery::state_of(&loaded, packs)?;
                    // What it names of objects is not read to load it.
                    packs.check_stored(chunks_of(record.kind, &record.payload)?)
                }
                kind => packs.check_stored(chunks_of(kind, &record.payload)?),
            });
            match whole {
                Ok(()) if record.kind == RecordKind::Checkpoint => verified.checkpoints += 1,
                Ok(()) => {}
                Err(error) => {
                    verified.damage.push(FoundDamage { actor: Some(entry.name.clone()), message: error.to_string() });
                }
            }
        }
        Ok(())
    }
}

impl Verification {
    /// Whether nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}

impl Actors {
    /// What is kept of these actors, for looking at it.
    ///
    /// # Errors
    ///
    /// [`ActorError::NeedsDataDir`] for a runtime that keeps nothing.
    pub fn kept(&self) -> Result<KeptActors, Error> {
        let durable = self.system.durable.clone().ok_or(ActorError::NeedsDataDir)?;
        Ok(KeptActors { durable })
    }

    /// Gives back the room of what no actor needs: records before the oldest checkpoint that is kept, those of removed
    /// actors, chunks that no checkpoint names, plugins that no actor is of. Actors may work meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when a record of an actor cannot be read: what it needs is not known then, so nothing that it
    /// may need is removed. What was done up to then is done.
    pub async fn collect_garbage(&self) -> Result<Collected, Error> {
        let durable = self.kept()?.durable;
        self.system.blocking(move || collect(&durable)).await
    }

    /// Compacts the log if it has grown so much that it is worth while, and says whether it did.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the log cannot be read or written. The actors are unharmed.
    pub async fn tidy(&self) -> Result<bool, Error> {
        let Some(durable) = self.system.durable.clone() else { return Ok(false) };
        self.system.blocking(move || Ok(durable.compact_if_due()?)).await
    }
}

impl Actor {
    /// Takes a checkpoint if a process died with messages that the next one would have to repeat, and says whether it
    /// did. An actor that sleeps with nothing to repeat is not woken.
    pub async fn settle(&self) -> Result<bool, Error> {
        let is_behind = !self.read().await?.replays.is_empty();
        if is_behind {
            self.checkpoint().await?;
        }
        Ok(is_behind)
    }
}

fn collect(durable: &Durable) -> Result<Collected, Error> {
    let (mut compaction, mut plugins) = (Compaction::default(), HashSet::new());
    let live = LiveChunks {
        entries: Entries::new(&durable.log),
        history: None,
        compaction: &mut compaction,
        plugins: &mut plugins,
        is_begun: false,
    };
    let packs = durable.packs.collect_garbage(live)?;
    let (plugins_removed, plugin_bytes_removed) = durable.archive.retain(&plugins)?;
    Ok(Collected {
        log_bytes_removed: compaction.bytes_removed,
        log_bytes_copied: compaction.bytes_copied,
        packs_removed: packs.packs_removed,
        pack_bytes_removed: packs.bytes_removed,
        pack_bytes_copied: packs.bytes_copied,
        plugins_removed,
        plugin_bytes_removed,
        damage: packs.damaged.iter().map(ToString::to_string).collect(),
    })
}

/// The chunks that each record names that is still in the log. Before the first one the log is compacted: that waits for
/// what was appended, so a record whose chunks have lost their pin before anybody watched is among them.
struct LiveChunks<'a> {
    entries: Entries<'a>,
    history: Option<History>,
    compaction: &'a mut Compaction,
    plugins: &'a mut HashSet<Digest>,
    is_begun: bool,
}

impl LiveChunks<'_> {
    fn advance(&mut self) -> Result<Option<Vec<belljar_store::Digest>>, StoreError> {
        if !self.is_begun {
            *self.compaction = self.entries.log.compact()?;
            self.is_begun = true;
        }
        loop {
            while let Some(record) = self.history.as_mut().and_then(Iterator::next).transpose()? {
                self.plugins.extend(component_of(record.kind, &record.payload)?);
                let chunks = chunks_of(record.kind, &record.payload)?;
                if !chunks.is_empty() {
                    return Ok(Some(chunks));
                }
            }
            let Some(entry) = self.entries.next().transpose()? else { return Ok(None) };
            self.history = match self.entries.log.history(entry.id) {
                // It was removed since it was listed.
                Err(StoreError::UnknownActor { .. }) => None,
                history => Some(history?),
            };
        }
    }
}

impl Iterator for LiveChunks<'_> {
    type Item = Result<Vec<belljar_store::Digest>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// All actors of a log, a few at a time: there may be millions.
struct Entries<'a> {
    log: &'a ActorLog,
    page: VecDeque<ActorEntry>,
    after: Option<String>,
    is_last_page: bool,
}

impl<'a> Entries<'a> {
    fn new(log: &'a ActorLog) -> Entries<'a> {
        Entries { log, page: VecDeque::new(), after: None, is_last_page: false }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<ActorEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.is_last_page {
            match self.log.list(self.after.as_deref(), "", ACTORS_AT_ONCE) {
                Ok(page) => self.page = page.into(),
                Err(error) => {
                    self.is_last_page = true;
                    return Some(Err(error));
                }
            }
            self.is_last_page = self.page.len() < ACTORS_AT_ONCE;
            self.after = self.page.back().map(|last| last.name.clone());
        }
        self.page.pop_front().map(Ok)
    }
}

/// The chunks that a record names.
fn chunks_of(kind: RecordKind, payload: &[u8]) -> Result<Vec<belljar_store::Digest>, StoreError> {
    match kind {
        RecordKind::Checkpoint => Ok(Manifest::from_bytes(payload)?.chunks().collect()),
        kind => record::chunks_of(kind, payload),
    }
}

/// The plugin that a record names.
fn component_of(kind: RecordKind, payload: &[u8]) -> Result<Option<Digest>, StoreError> {
    Ok(match kind {
        RecordKind::Spawn => Some(record::decode::<Spawned>(payload)?.digest()),
        RecordKind::Checkpoint => Some(Digest::from_bytes(*Manifest::from_bytes(payload)?.meta.component.as_bytes())),
        _ => None,
    })
}
