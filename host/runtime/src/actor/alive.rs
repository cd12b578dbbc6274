//! What an actor has while it is awake: its instance, its state, its journal, its checkpoints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belljar_engine::{Capture, Digest, Instance, Linked, Services, Since};
use belljar_store::checkpoint::Encoded;
use belljar_store::{ActorId, RecordKind, Update};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::checkpoints::{self, Checkpoints, Taken, snapshot_of};
use super::info::{ActorInfo, ActorStatus, Awake, CheckpointInfo};
use super::journal::Journal;
use super::message::{Message, Work};
use super::record::{Arrival, Attempt, Ending, Note, Origin, Outcome, Settings};
use super::recovery::{self, Found, Replay};
use super::services;
use super::state::ActorState;
use super::system::{Cell, Durable, System};
use super::voice::{Kept, Voice};
use super::{ActorError, ActorName, Durability};
use crate::{Error, clock};

/// From this many captured bytes on (1 MiB) a checkpoint is written beside the actor.
const WRITTEN_BESIDE_BYTES_MIN: usize = 1 << 20;

/// An actor that is to begin.
pub(crate) struct Birth {
    pub state: ActorState,
    pub settings: Settings,
    pub linked: Linked,
    /// The actor's number and journal, if it is durable.
    pub journal: Option<(ActorId, Journal)>,
    /// What it goes on from, if it is a fork.
    pub from: Option<Box<belljar_engine::Snapshot>>,
}

/// An actor that is awake.
pub(crate) struct Alive {
    pub(super) system: Arc<System>,
    pub(super) cell: Arc<Cell>,
    id: Option<ActorId>,
    pub(super) settings: Settings,
    pub(super) linked: Linked,
    pub(super) voice: Arc<Voice>,
    pub(super) instance: Option<Living>,
    pub(super) checkpoints: Checkpoints,
    writing: Option<Writing>,
    status: ActorStatus,
    pub(super) faults_in_row: u32,
}

/// An instance, and its place among those that may live.
pub(super) struct Living {
    pub instance: Instance,
    _permit: OwnedSemaphorePermit,
}

/// A checkpoint that is written beside the actor.
struct Writing {
    taken: Arc<Taken>,
    task: JoinHandle<Result<Encoded, Error>>,
}

impl Alive {
    /// Begins the life of a new actor.
    pub(super) async fn born(system: &Arc<System>, cell: &Arc<Cell>, birth: Birth) -> Result<Alive, Error> {
        let Birth { state, settings, linked, journal, from: snapshot } = birth;
        let (id, journal) = match journal {
            Some((id, journal)) => (Some(id), Some(journal)),
            None => (None, None),
        };
        let durability = settings.options.durability;
        let mut alive = Alive::assemble(system, cell, id, settings, linked, state, journal);
        let result = alive.begin(snapshot.as_deref()).await;
        if let Err(error) = result {
            alive.abandon().await;
            return Err(error);
        }
        if durability != Durability::Volatile {
            alive.begin_life(snapshot.map(|snapshot| *snapshot), "the first one").await?;
        }
        Ok(alive)
    }

    /// Takes the first checkpoint of a life: of the snapshot that it began with, or of what the instance is now.
    pub(super) async fn begin_life(
        &mut self,
        snapshot: Option<belljar_engine::Snapshot>,
        why: &str,
    ) -> Result<(), Error> {
        let generation = self.checkpoints.generation + 1;
        if generation > 1
            && let Some(journal) = &mut self.voice.kept().journal
        {
            journal.append(RecordKind::Note, &Note::Life { generation })?;
        }
        match snapshot {
            // The instance is this and nothing else, and its next capture counts from here on.
            Some(snapshot) => {
                let capture = Capture { snapshot, since: Since::Base };
                self.write_checkpoint(capture, why.to_owned(), Duration::ZERO)?;
            }
            None => drop(self.take_checkpoint(why.to_owned()).await?),
        }
        self.finish_all_writing().await?;
        let info = self.describe(0);
        if let Some(journal) = &mut self.voice.kept().journal {
            journal.append_listing(&ActorInfo { awake: None, ..info })?;
        }
        self.durable().await
    }

    /// Another life for the same actor, which does not have its journal yet.
    pub(super) fn successor(&self, linked: Linked, settings: Settings, state: ActorState) -> Alive {
        let mut other = Alive::assemble(&self.system, &self.cell, self.id, settings, linked, state, None);
        let generation = self.checkpoints.generation;
        other.checkpoints.recovered(None, generation, self.checkpoints.kept.clone());
        other
    }

    /// Takes the journal over from the life before.
    pub(super) fn take_journal_of(&mut self, before: &mut Alive) {
        let journal = before.voice.kept().journal.take();
        self.voice.kept().journal = journal;
    }

    /// Waits until no checkpoint is being written.
    pub(super) async fn finish_all_writing(&mut self) -> Result<(), Error> {
        while self.writing.is_some() {
            self.finish_writing().await?;
        }
        Ok(())
    }

    async fn begin(&mut self, from: Option<&belljar_engine::Snapshot>) -> Result<(), Error> {
        self.make_instance(from).await?;
        if from.is_some() {
            return Ok(());
        }
        let config = self.settings.options.config.clone();
        let has_init = self.linked.component().methods().any(|method| method.name == "init");
        match (has_init, config.is_empty()) {
            (true, _) => self.init(config).await,
            (false, true) => Ok(()),
            (false, false) => Err(ActorError::NoInit { plugin: self.linked.component().name().to_owned() }.into()),
        }
    }

    /// Wakes an actor that is kept in the log.
    pub(super) async fn wake(system: &Arc<System>, cell: &Arc<Cell>) -> Result<Alive, Error> {
        Alive::load(system, cell, true).await
    }

    async fn load(system: &Arc<System>, cell: &Arc<Cell>, is_new_process: bool) -> Result<Alive, Error> {
        let unknown = || Error::from(ActorError::Unknown { name: cell.name.to_string() });
        let durable = system.durable.clone().ok_or_else(unknown)?;
        let (reader, name, started) = (system.clone(), cell.name.clone(), Instant::now());
        let read = move || reader.read(&durable, &name);
        let Some((id, journal, found, status)) = system.blocking(read).await? else { return Err(unknown()) };
        if status != ActorStatus::Running {
            return Err(ActorError::NotRunning { name: cell.name.to_string(), status: status.to_string() }.into());
        }
        let settings = found.state.spawned.settings().map_err(|message| damaged(&cell.name, message))?;
        let (linker, spawned, wanted) = (system.clone(), found.state.spawned.clone(), settings.clone());
        let link = move || linker.link(spawned.digest(), &spawned.plugin, &wanted);
        let linked = system.blocking(link).await?;
        for problem in &found.damaged {
            tracing::warn!(actor = %cell.name, problem, "a part of the actor's history is damaged; what is left is enough");
        }
        let Found { state, checkpoint, replays, generation, .. } = found;
        let (kept, policy) = (state.checkpoints.clone(), state.policy.clone());
        let mut alive = Alive::assemble(system, cell, Some(id), settings, linked, state, Some(journal));
        let snapshot = checkpoint.as_ref().map(snapshot_of);
        let page_map = checkpoint.map(|checkpoint| checkpoint.page_map);
        alive.checkpoints.recovered(page_map, generation, kept);
        alive.checkpoints.adopt(policy);
        alive.make_instance(snapshot.as_ref()).await?;
        let replayed = replays.len();
        alive.replay(replays, is_new_process).await?;
        if is_new_process && replayed > 0 {
            alive.checkpoints.failed(started.elapsed());
        }
        tracing::debug!(actor = %cell.name, generation, replayed, elapsed = ?started.elapsed(), "woke an actor");
        Ok(alive)
    }

    fn assemble(
        system: &Arc<System>,
        cell: &Arc<Cell>,
        id: Option<ActorId>,
        settings: Settings,
        linked: Linked,
        state: ActorState,
        journal: Option<Journal>,
    ) -> Alive {
        let is_journaled = settings.options.durability == Durability::Journal;
        let voice = Arc::new(Voice::new(system.weak(), state, journal, is_journaled));
        Alive {
            checkpoints: Checkpoints::new(&settings.options),
            system: system.clone(),
            cell: cell.clone(),
            id,
            settings,
            linked,
            voice,
            instance: None,
            writing: None,
            status: ActorStatus::Running,
            faults_in_row: 0,
        }
    }

    /// Makes the instance, from a snapshot or from nothing.
    pub(super) async fn make_instance(&mut self, snapshot: Option<&belljar_engine::Snapshot>) -> Result<(), Error> {
        let permit = self.system.admit().await?;
        let services: Services = services::of_actor(self.system.services(), &self.voice, self.durability());
        let label = self.cell.name.as_str();
        let mut instance = match snapshot {
            Some(snapshot) => self.linked.restore(snapshot, &services, label).await?,
            // A volatile actor may keep state where no snapshot sees it.
            None if self.durability() == Durability::Volatile
                && !self.linked.component().snapshot_obstacles().is_empty() =>
            {
                self.linked.instantiate(&services, label).await?
            }
            None => {
                let base = self.linked.base_image(&services).await?;
                self.linked.instantiate_from(&base, &services, label).await?
            }
        };
        instance.set_random(self.voice.kept().state.random());
        self.instance = Some(Living { instance, _permit: permit });
        Ok(())
    }

    /// Repeats the messages of the past, and finishes the one that was interrupted.
    async fn replay(&mut self, replays: Vec<Replay>, is_new_process: bool) -> Result<(), Error> {
        for replay in replays {
            let Some(arrival) = replay.arrival else { continue };
            for call in &replay.settled {
                self.voice.kept().state.outgoing.remove(call);
            }
            match replay.ending {
                Some(ending) if ending.has_effect() => {
                    self.repeat(&arrival, replay.results, ending).await?;
                    for call in &replay.settled {
                        self.voice.kept().state.outgoing.remove(call);
                    }
                }
                Some(ending) => {
                    let mut kept = self.voice.kept();
                    kept.state.arrived(&arrival);
                    kept.state.ended(&arrival, &ending);
                }
                None => self.resume(&arrival, replay.results, replay.deaths, is_new_process).await?,
            }
        }
        self.voice.send_unanswered();
        Ok(())
    }

    async fn repeat(
        &mut self,
        arrival: &Arrival,
        results: std::collections::VecDeque<super::record::HostAnswer>,
        recorded: Ending,
    ) -> Result<(), Error> {
        {
            let mut kept = self.voice.kept();
            (kept.is_past, kept.recorded) = (true, results);
        }
        let performed = self.perform(arrival, None).await;
        let mut kept = self.voice.kept();
        kept.is_past = false;
        let left = std::mem::take(&mut kept.recorded).len();
        if performed != recorded || left > 0 {
            let difference = format!("{} instead of {}", brief(&performed), brief(&recorded));
            let error =
                ActorError::Diverged { name: self.cell.name.to_string(), sequence: arrival.sequence, difference };
            return Err(error.into());
        }
        kept.state.ended(arrival, &recorded);
        Ok(())
    }

    /// Goes on with the message during which the process died, unless it has died too often.
    async fn resume(
        &mut self,
        arrival: &Arrival,
        results: std::collections::VecDeque<super::record::HostAnswer>,
        deaths: u32,
        is_new_process: bool,
    ) -> Result<(), Error> {
        let deaths = deaths + u32::from(is_new_process);
        let sequence = arrival.sequence;
        if deaths > self.settings.options.message_retries_max {
            self.voice.kept().state.arrived(arrival);
            let ending = Ending::DeadLetter { deaths };
            tracing::warn!(actor = %self.cell.name, sequence, deaths, "a message is a dead letter");
            return self.conclude(arrival, ending).await.map(|_| ());
        }
        if is_new_process {
            // Durable before the attempt, or a message that kills the process would be tried for ever.
            let tried = {
                let mut kept = self.voice.kept();
                kept.journal.as_mut().map(|journal| journal.append(RecordKind::Attempt, &Attempt { sequence, deaths }))
            };
            tried.transpose()?;
            self.durable().await?;
        }
        self.voice.kept().recorded = results;
        let ending = self.perform(arrival, None).await;
        let is_good = ending.has_effect();
        self.conclude(arrival, ending).await?;
        if is_good { Ok(()) } else { Box::pin(self.reload()).await }
    }

    /// Drops the instance and restores the actor from what is durable.
    pub(super) async fn reload(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        self.instance = None;
        self.writing = None;
        match self.durability() {
            Durability::Volatile => self.begin_again().await?,
            Durability::Journal | Durability::Checkpoint => {
                // An interrupted log has nothing of this actor to wait for.
                self.durable().await.ok();
                self.voice.kept().journal = None;
                let reloaded = Box::pin(Alive::load(&self.system, &self.cell, false)).await?;
                let (faults, checkpoints) = (self.faults_in_row, std::mem::replace(self, reloaded).checkpoints);
                self.faults_in_row = faults;
                self.checkpoints.adopt_policy(checkpoints);
            }
        }
        self.checkpoints.failed(started.elapsed());
        Ok(())
    }

    /// A volatile actor begins anew after a fault.
    async fn begin_again(&mut self) -> Result<(), Error> {
        let state = {
            let kept = self.voice.kept();
            let mut spawned = kept.state.spawned.clone();
            spawned.incarnation += 1;
            spawned.born_ns = clock::now_ns();
            spawned.seed = services::fresh_seed()?;
            let mut state = ActorState::new(spawned);
            state.dead_letters = kept.state.dead_letters.clone();
            state
        };
        self.voice = Arc::new(Voice::new(self.system.weak(), state, None, false));
        Box::pin(self.begin(None)).await
    }

    /// Waits until everything that the journal holds is durable.
    pub(super) fn durable(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let durable = self.voice.kept().journal.as_ref().map(Journal::durable);
        async move {
            match durable {
                Some(durable) => durable.await,
                None => Ok(()),
            }
        }
    }

    /// Writes down how a message ended, and what follows from it for the actor's state.
    pub(super) async fn conclude(&mut self, arrival: &Arrival, ending: Ending) -> Result<Ending, Error> {
        let mut kept = self.voice.kept();
        let kept: &mut Kept = &mut kept;
        kept.state.ended(arrival, &ending);
        if kept.is_journaled
            && let Some(journal) = &mut kept.journal
        {
            let outcome = Outcome { sequence: arrival.sequence, ending: ending.clone() };
            journal.append_end(RecordKind::Outcome, &outcome, kept.state.look_at_ns())?;
        }
        Ok(ending)
    }

    pub(super) fn durability(&self) -> Durability {
        self.settings.options.durability
    }

    pub(super) fn status(&self) -> ActorStatus {
        self.status
    }

    pub(super) fn mailbox_length_max(&self) -> usize {
        self.settings.options.mailbox_length_max
    }

    pub(super) fn idle_time_max(&self) -> Duration {
        Duration::from_millis(self.settings.options.idle_time_max_ms)
    }

    /// Whether no call of the actor's is on its way.
    pub(super) fn may_sleep(&self) -> bool {
        self.writing.is_none() && !self.voice.kept().state.outgoing.values().any(|call| call.answer.is_none())
    }

    /// How long until the next timer is due.
    pub(super) fn until_timer(&self) -> Option<Duration> {
        let kept = self.voice.kept();
        let (_, timer) = kept.state.next_timer()?;
        Some(Duration::from_nanos(timer.due_ns.saturating_sub(clock::now_ns())))
    }

    /// The message of a timer that is due.
    pub(super) fn due_timer(&self) -> Option<Message> {
        let kept = self.voice.kept();
        let (name, timer) = kept.state.next_timer()?;
        if timer.due_ns > clock::now_ns() {
            return None;
        }
        let actor = self.cell.name.clone();
        let reply = move |outcome: Result<_, Error>| {
            if let Err(error) = outcome {
                tracing::warn!(%actor, %error, "the message of a timer failed");
            }
        };
        Some(Message {
            origin: Origin::Timer { name: name.clone(), due_ns: timer.due_ns },
            work: Work::Call { method: timer.method.as_str().into(), arguments: timer.arguments.clone() },
            reply: Box::new(reply),
            cancelled: None,
        })
    }

    /// Takes a checkpoint, if one is due.
    pub(super) async fn checkpoint_if_due(&mut self, work: Duration) {
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

    async fn take_checkpoint(&mut self, reason: String) -> Result<CheckpointInfo, Error> {
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

    fn write_checkpoint(&mut self, capture: Capture, reason: String, pause: Duration) -> Result<CheckpointInfo, Error> {
        let durable = self.system.durable.clone().ok_or(ActorError::NeedsDataDir)?;
        let (state, after_record) = {
            let kept = self.voice.kept();
            (kept.state.clone(), kept.journal.as_ref().map_or(0, Journal::sequence))
        };
        let (size_bytes, bytes) = (capture.snapshot.size_bytes(), captured_bytes(&capture));
        let taken = Arc::new(self.checkpoints.begin(capture, state, reason, pause, durable.log.lease(), after_record));
        let info = taken.info(size_bytes);
        if bytes >= WRITTEN_BESIDE_BYTES_MIN {
            let (encoder, packs) = (taken.clone(), durable.packs.clone());
            let task = self.system.clone();
            let task = self.system.spawn(async move { task.blocking(move || Ok(encoder.encode(&packs)?)).await });
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

    async fn finish_writing(&mut self) -> Result<(), Error> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let encoded = (&mut writing.task).await.unwrap_or(Err(Error::ShutDown));
        let Some(Writing { taken, .. }) = self.writing.take() else { return Ok(()) };
        match encoded {
            Ok(encoded) => self.append_checkpoint(&taken, encoded),
            Err(error) => {
                // The instance counts from this capture on, which is lost: the next one has to be of all there is.
                self.reload().await?;
                Err(error)
            }
        }
    }

    fn append_checkpoint(&mut self, taken: &Taken, encoded: Encoded) -> Result<(), Error> {
        let kept_from = self.checkpoints.appended(taken.taken_ns, taken.pause, taken.after_record, &encoded.page_map);
        let mut kept = self.voice.kept();
        let kept: &mut Kept = &mut kept;
        if let Some(journal) = &mut kept.journal {
            let mut update = Update::default();
            update.kept_from = Some(kept_from);
            journal.append_checkpoint(&encoded.payload, update, kept.state.look_at_ns())?;
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

    /// Ends the actor's work: it takes no calls until it is started again.
    pub(super) async fn stop(&mut self, with_checkpoint: bool) -> Result<(), Error> {
        if with_checkpoint {
            self.hibernate().await?;
        }
        self.set_status(ActorStatus::Stopped)?;
        self.durable().await
    }

    /// Gives the actor up after too many faults.
    pub(super) async fn give_up(&mut self) {
        self.instance = None;
        if let Err(error) = self.set_status(ActorStatus::Failed) {
            tracing::warn!(actor = %self.cell.name, %error, "the end of an actor could not be noted");
        }
    }

    fn set_status(&mut self, status: ActorStatus) -> Result<(), Error> {
        self.status = status;
        let info = self.describe(0);
        if let Some(journal) = &mut self.voice.kept().journal {
            journal.append_status(&ActorInfo { awake: None, ..info })?;
        }
        Ok(())
    }

    /// Undoes the beginning of an actor that could not begin.
    async fn abandon(&mut self) {
        self.instance = None;
        let Some(journal) = self.voice.kept().journal.take() else { return };
        if let Err(error) = journal.remove().await {
            tracing::warn!(actor = %self.cell.name, %error, "an actor that could not begin could not be removed");
        }
    }

    /// Why what waits is refused, when the actor ends.
    pub(super) fn refusal(&self) -> Error {
        let (name, status) = (self.cell.name.to_string(), self.status.to_string());
        ActorError::NotRunning { name, status }.into()
    }

    pub(super) fn describe(&self, waiting: usize) -> ActorInfo {
        let kept = self.voice.kept();
        let state = &kept.state;
        ActorInfo {
            status: self.status,
            awake: Some(Awake {
                messages: state.sequence,
                waiting,
                memory_bytes: self.instance.as_ref().map_or(0, |living| living.instance.memory_bytes()),
                timers: state.timers.len(),
                outgoing: state.outgoing.len(),
                generation: self.checkpoints.generation,
                dead_letters: state.dead_letters.iter().cloned().collect(),
            }),
            ..services::info_of(&state.spawned, &self.settings)
        }
    }

    pub(super) async fn digest(&mut self) -> Result<Digest, Error> {
        if self.instance.is_none() {
            self.reload().await?;
        }
        match &mut self.instance {
            Some(living) => Ok(living.instance.state_digest().await?),
            None => Err(belljar_engine::Error::InstanceGone.into()),
        }
    }
}

impl Taken {
    fn info(&self, memory_bytes: u64) -> CheckpointInfo {
        CheckpointInfo {
            generation: self.generation,
            incarnation: self.state.spawned.incarnation,
            taken_ns: self.taken_ns,
            message: self.state.sequence,
            reason: self.reason.clone(),
            pause_ns: u64::try_from(self.pause.as_nanos()).unwrap_or(u64::MAX),
            write_ns: 0,
            written_bytes: 0,
            memory_bytes,
            parent: self.parent.as_ref().map(checkpoints::generation_of),
        }
    }
}

impl System {
    /// Reads an actor from the log and takes its writer; none if there is no actor of this name.
    fn read(
        &self,
        durable: &Durable,
        name: &ActorName,
    ) -> Result<Option<(ActorId, Journal, Found, ActorStatus)>, Error> {
        let Some(entry) = durable.log.find(name.as_str())? else { return Ok(None) };
        let status = services::status_of(&entry);
        let writer = durable.log.writer(entry.id)?;
        let found = recovery::read(&durable.log, entry.id, name, &durable.packs)?;
        let journal = Journal::new(durable.log.clone(), writer, entry.next_timer_ns);
        Ok(Some((entry.id, journal, found, status)))
    }
}

fn captured_bytes(capture: &Capture) -> usize {
    capture.snapshot.memories.iter().map(|memory| memory.bytes.len()).sum()
}

fn damaged(name: &ActorName, message: String) -> Error {
    ActorError::Damaged { name: name.to_string(), message }.into()
}

/// The beginning of what a message came to.
fn brief(ending: &Ending) -> String {
    const CHARS_MAX: usize = 200;
    let text = match ending {
        Ending::Value(json) => json.clone(),
        Ending::Fault(fault) => format!("the fault {fault}"),
        other => format!("{other:?}"),
    };
    text.chars().take(CHARS_MAX).collect()
}
