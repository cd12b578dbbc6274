//! Taking checkpoints of an actor that is awake, and writing them: small ones at once, large ones beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belljar_engine::{ActorImage, Capture, PAGE_BYTES};
use belljar_store::checkpoint::Encoded;
use belljar_store::{RecordKind, Update};
use tokio::task::JoinHandle;

use super::alive::Alive;
use super::checkpoints::{Moment, Taken};
use super::images::{CheckpointId, LocalImages};
use super::info::{ActorInfo, CheckpointInfo};
use super::journal::Journal;
use super::record::Note;
use super::system::System;
use super::voice::Kept;
use super::{ActorError, ActorName, Durability, images};
use crate::Error;

/// From this many captured bytes on (64 KiB) a checkpoint is written beside the actor. What is smaller fits into its record.
const WRITTEN_BESIDE_BYTES_MIN: u64 = 64 << 10;

/// A checkpoint that is written beside the actor.
pub(super) struct Writing {
    taken: Arc<Taken>,
    task: JoinHandle<Result<Encoded, Error>>,
}

impl Alive {
    /// Takes the first checkpoint of a life: of the snapshot that it began with, or of what the instance is now. One that
    /// nothing before it leads to is marked, and taken twice: no earlier checkpoint may stand in for it.
    pub(super) async fn begin_life(
        &mut self,
        snapshot: Option<belljar_engine::Snapshot>,
        why: &str,
        is_marked: bool,
    ) -> Result<(), Error> {
        // The beginning may have been more than messages, such as taking over what another version of the plugin saved.
        self.voice.save_objects().await?;
        let started = Instant::now();
        let snapshot = match (snapshot, &mut self.instance) {
            // The instance is this and nothing else, and its next capture counts from here on.
            (Some(snapshot), _) => snapshot,
            (None, Some(living)) => living.instance.capture().await?.into_snapshot()?,
            (None, None) => return Err(belljar_engine::Error::InstanceGone.into()),
        };
        let pause = started.elapsed();
        let second = is_marked.then(|| snapshot.clone());
        self.write_checkpoint(snapshot.into(), why.to_owned(), pause)?;
        self.finish_all_writing().await?;
        if let Some(second) = second {
            let generation = self.checkpoints.generation;
            if let Some(journal) = &mut self.voice.kept().journal {
                journal.append(RecordKind::Note, &Note::Life { generation })?;
            }
            self.write_checkpoint(second.into(), why.to_owned(), pause)?;
            self.finish_all_writing().await?;
        }
        let info = self.describe(0);
        if let Some(journal) = &mut self.voice.kept().journal {
            journal.append_listing(&ActorInfo { awake: None, ..info })?;
        }
        self.durable().await
    }

    /// Waits until no checkpoint is being written.
    pub(super) async fn finish_all_writing(&mut self) -> Result<(), Error> {
        while self.writing.is_some() {
            self.finish_writing().await?;
        }
        Ok(())
    }

    /// Whether no call of the actor's is on its way.
    pub(super) fn may_sleep(&self) -> bool {
        self.writing.is_none() && !self.voice.kept().state.outgoing.values().any(|call| call.answer.is_none())
    }

    /// Takes a checkpoint, if one is due.
    pub(super) async fn checkpoint_if_due(&mut self, work: Duration) {
        if self.writing.as_ref().is_some_and(|writing| writing.task.is_finished()) {
            self.checkpoint_written().await;
        }
        let Some(reason) = self.checkpoints.after_call(self.cell.name.as_str(), work) else { return };
        // The next end of a call asks again.
        if self.writing.is_none()
            && let Err(error) = self.take_checkpoint(reason).await
        {
            tracing::warn!(actor = %self.cell.name, %error, "a checkpoint could not be taken");
        }
    }

    /// Takes a checkpoint and waits until it is durable.
    pub(super) async fn checkpoint_now(&mut self, reason: &str) -> Result<CheckpointInfo, Error> {
        self.finish_all_writing().await?;
        if self.instance.is_none() {
            self.reload().await?;
        }
        let taken = self.take_checkpoint(reason.to_owned()).await?;
        self.finish_all_writing().await?;
        self.durable().await?;
        Ok(taken)
    }

    pub(super) async fn take_checkpoint(&mut self, reason: String) -> Result<CheckpointInfo, Error> {
        let Some(living) = &mut self.instance else { return Err(belljar_engine::Error::InstanceGone.into()) };
        let started = Instant::now();
        let capture = match living.instance.capture().await {
            Ok(capture) => capture,
            Err(error) => {
                if !living.instance.is_alive() {
                    self.instance = None;
                }
                return Err(error.into());
            }
        };
        let written = self.write_checkpoint(capture, reason, started.elapsed());
        if written.is_err() {
            // The instance counts what it writes from this capture on, which is lost.
            self.instance = None;
        }
        written
    }

    pub(super) fn write_checkpoint(
        &mut self,
        capture: Capture,
        reason: String,
        pause: Duration,
    ) -> Result<CheckpointInfo, Error> {
        let durable = self.system.durable.clone().ok_or(ActorError::NeedsDataDir)?;
        self.note_objects();
        let state = {
            let mut kept = self.voice.kept();
            kept.state.after_record = kept.journal.as_ref().map_or(0, Journal::sequence);
            kept.state.clone()
        };
        let compute = self.instance.as_mut().map(|living| living.instance.take_settled());
        let compute = compute.filter(|state| !state.is_fresh());
        let bytes = capture.pages() * PAGE_BYTES as u64;
        // What an actor computes with goes into packs, however little it is.
        let is_long = bytes >= WRITTEN_BESIDE_BYTES_MIN || compute.is_some();
        // Later messages may free what it names before it is written.
        let objects = durable.packs.pin_stored(state.attachments())?;
        let lease = durable.log.lease();
        let taken = self.checkpoints.begin(Moment { capture, state, compute }, objects, reason, pause, lease)?;
        let taken = Arc::new(taken);
        let info = taken.info();
        if is_long {
            let (encoder, packs) = (taken.clone(), durable.packs.clone());
            let task = self.system.clone();
            let task = self.system.spawn(async move { task.blocking(move || encoder.encode(&packs)).await });
            self.writing = Some(Writing { taken, task });
        } else {
            let encoded = taken.encode(&durable.packs)?;
            self.append_checkpoint(&taken, encoded)?;
        }
        Ok(info)
    }

    /// Waits until a checkpoint that is written beside the actor is written; for ever if there is none.
    pub(super) async fn checkpoint_written(&mut self) {
        if self.writing.is_none() {
            return std::future::pending().await;
        }
        if let Err(error) = self.finish_writing().await {
            tracing::warn!(actor = %self.cell.name, %error, "a checkpoint could not be written");
        }
    }

    pub(super) async fn finish_writing(&mut self) -> Result<(), Error> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let encoded = (&mut writing.task).await.unwrap_or(Err(Error::ShutDown));
        // Nothing waits from here on: whoever waited for this may be dropped for a message that has arrived.
        let Some(Writing { taken, .. }) = self.writing.take() else { return Ok(()) };
        let appended = encoded.and_then(|encoded| self.append_checkpoint(&taken, encoded));
        if appended.is_err() {
            // The instance counts from this capture on, which is lost. Whoever needs it next restores it.
            self.instance = None;
        }
        appended
    }

    pub(super) fn append_checkpoint(&mut self, taken: &Taken, encoded: Encoded) -> Result<(), Error> {
        let kept_from = self.checkpoints.appended(taken.taken_ns, taken.pause, taken.after_record, &encoded.page_map);
        let is_large = taken.capture.image().is_some() && encoded.page_map.is_chunked();
        self.image_of = is_large.then(|| images::id_of(&encoded.payload));
        let mut kept = self.voice.kept();
        let kept: &mut Kept = &mut kept;
        if let Some(journal) = &mut kept.journal {
            let mut update = Update::default();
            update.kept_from = Some(kept_from);
            journal.append_checkpoint(&encoded.payload, update, kept.state.look_at_ns())?;
            // Its chunks are nobody else's until it is durable.
            let pin = encoded.pin;
            journal.when_durable(move |_| drop(pin));
        }
        Ok(())
    }

    /// Prepares to give the instance back: everything that happened is in a checkpoint, durably.
    pub(super) async fn hibernate(&mut self) -> Result<(), Error> {
        if self.durability() == Durability::Volatile {
            return Ok(());
        }
        self.finish_all_writing().await?;
        let told = {
            let kept = self.voice.kept();
            kept.journal.as_ref().is_some_and(|journal| journal.has_told(kept.state.look_at_ns()))
        };
        if self.instance.is_some() && (self.checkpoints.is_behind() || !told) {
            self.checkpoint_now("it goes to sleep").await?;
        }
        self.durable().await
    }

    /// The image of the newest checkpoint, for a quick wake-up, if the actor is large and has not gone on since.
    pub(super) async fn image_to_keep(&mut self) -> Option<ImageToKeep> {
        let (Some(checkpoint), Some(living), Some(durable)) = (self.image_of, &mut self.instance, &self.system.durable)
        else {
            return None;
        };
        let capture = living.instance.capture().await;
        let image = capture.as_ref().ok().and_then(|capture| capture.image().filter(|_| capture.pages() == 0)).cloned();
        if image.is_none() {
            // Should it stay awake, its next checkpoint would be without what this capture took.
            self.instance = None;
        }
        let (images, actor) = (durable.images.clone(), self.cell.name.clone());
        Some(ImageToKeep { system: self.system.clone(), images, actor, image: image?, checkpoint })
    }
}

/// The image of a large actor that has gone to sleep.
pub(super) struct ImageToKeep {
    system: Arc<System>,
    images: LocalImages,
    actor: ActorName,
    image: ActorImage,
    checkpoint: CheckpointId,
}

impl ImageToKeep {
    /// Writes it to its file. Whoever wakes the actor meanwhile does so from its checkpoint.
    pub(super) async fn keep(self) {
        let ImageToKeep { system, images, actor, image, checkpoint } = self;
        let name = actor.clone();
        if let Err(error) = system.blocking(move || images.keep(&name, &image, &checkpoint)).await {
            tracing::warn!(%actor, %error, "an image could not be kept; waking the actor takes longer");
        }
    }
}
