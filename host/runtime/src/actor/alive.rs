//! What an actor has while it is awake: its instance, its state, its journal, its checkpoints.

use std::sync::Arc;
use std::time::Duration;

use belljar_engine::{ActorImage, Digest, Instance, Linked, Services};
use belljar_store::{RECORD_BYTES_MAX, RecordKind};
use tokio::sync::OwnedSemaphorePermit;

use super::checkpoints::Checkpoints;
use super::compute::KEPT_COMPUTE_BYTES_MAX;
use super::images::CheckpointId;
use super::info::{ActorInfo, ActorStatus, Awake};
use super::journal::Journal;
use super::message::{Message, Work};
use super::objects::{HeldName, KEPT_OBJECTS_BYTES_MAX, Shelf};
use super::parcel::Parcel;
use super::record::{Arrival, Ending, Origin, Outcome, Settings};
use super::state::ActorState;
use super::system::{Cell, System};
use super::voice::{Kept, Voice};
use super::writing::Writing;
use super::{ActorError, Durability, services};
use crate::{Error, clock};

/// Bytes of a result, as JSON: what fits into a record, with 4 KiB for the rest of it.
const RESULT_BYTES_MAX: usize = RECORD_BYTES_MAX - (4 << 10);

/// An actor that is to begin.
pub(crate) struct Birth {
    pub state: ActorState,
    pub settings: Settings,
    pub linked: Linked,
    /// Its journal, if it is durable.
    pub journal: Option<Journal>,
    /// What it goes on from, if it is a fork.
    pub from: Option<Box<belljar_engine::Snapshot>>,
}

/// An actor that is awake.
pub(crate) struct Alive {
    pub(super) system: Arc<System>,
    pub(super) cell: Arc<Cell>,
    pub(super) settings: Settings,
    pub(super) linked: Linked,
    pub(super) voice: Arc<Voice>,
    pub(super) instance: Option<Living>,
    pub(super) checkpoints: Checkpoints,
    pub(super) writing: Option<Writing>,
    /// The newest checkpoint, if it is a large one of this time awake: the one that an image can be of.
    pub(super) image_of: Option<CheckpointId>,
    pub(super) status: ActorStatus,
    pub(super) faults_in_row: u32,
    _end: EndOfLife,
}

/// Ends a life of an actor when it is dropped: what it has not sent yet it sends no more.
struct EndOfLife(Arc<Voice>);

impl Drop for EndOfLife {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// An instance, and its place among those that may live.
pub(super) struct Living {
    pub instance: Instance,
    _permit: OwnedSemaphorePermit,
}

impl Alive {
    /// Begins the life of a new actor.
    pub(super) async fn born(system: &Arc<System>, cell: &Arc<Cell>, birth: Birth) -> Result<Alive, Error> {
        let Birth { state, settings, linked, journal, from: snapshot } = birth;
        let durability = settings.options.durability;
        let mut alive = Alive::assemble(system, cell, settings, linked, state, journal);
        let result = alive.begin(snapshot.as_deref()).await;
        if let Err(error) = result {
            alive.abandon().await;
            return Err(error);
        }
        if durability != Durability::Volatile {
            let is_fork = snapshot.is_some();
            let begun = alive.begin_life(snapshot.map(|snapshot| *snapshot), "the first one", is_fork).await;
            if let Err(error) = begun {
                alive.abandon().await;
                return Err(error);
            }
        }
        Ok(alive)
    }

    /// Another life for the same actor, which does not have its journal yet.
    pub(super) fn successor(&self, linked: Linked, settings: Settings, state: ActorState) -> Alive {
        let mut other = Alive::assemble(&self.system, &self.cell, settings, linked, state, None);
        let generation = self.checkpoints.generation;
        other.checkpoints.recovered(None, generation, self.checkpoints.kept.clone());
        other
    }

    /// Takes the journal over from the life before.
    pub(super) fn take_journal_of(&mut self, before: &mut Alive) {
        let journal = before.voice.kept().journal.take();
        self.voice.kept().journal = journal;
    }

    pub(super) async fn begin(&mut self, from: Option<&belljar_engine::Snapshot>) -> Result<(), Error> {
        self.make_instance(from).await?;
        if from.is_some() {
            return Ok(());
        }
        let config = self.settings.options.config.clone();
        // One of an interface is something else: every component that is made of Python exports one of its own.
        let has_init =
            self.linked.component().methods().any(|method| method.interface.is_none() && method.name == "init");
        match (has_init, config.is_empty()) {
            (true, _) => self.init(config).await,
            (false, true) => Ok(()),
            (false, false) => Err(ActorError::NoInit { plugin: self.linked.component().name().to_owned() }.into()),
        }
    }

    pub(super) fn assemble(
        system: &Arc<System>,
        cell: &Arc<Cell>,
        settings: Settings,
        linked: Linked,
        state: ActorState,
        journal: Option<Journal>,
    ) -> Alive {
        let is_journaled = settings.options.durability == Durability::Journal;
        let shelf = match (settings.options.durability, &system.durable) {
            (Durability::Volatile, _) | (_, None) => None,
            (_, Some(durable)) => Some(Arc::new(Shelf::new(durable.packs.clone()))),
        };
        let voice = Arc::new(Voice::new(system.weak(), state, journal, is_journaled, shelf));
        Alive {
            checkpoints: Checkpoints::new(&settings.options),
            system: system.clone(),
            cell: cell.clone(),
            settings,
            linked,
            _end: EndOfLife(voice.clone()),
            voice,
            instance: None,
            writing: None,
            image_of: None,
            status: ActorStatus::Running,
            faults_in_row: 0,
        }
    }

    /// Makes the instance, from a snapshot or from nothing.
    pub(super) async fn make_instance(&mut self, snapshot: Option<&belljar_engine::Snapshot>) -> Result<(), Error> {
        let permit = self.system.admit().await?;
        let services: Services = services::of_actor(self.system.services(), &self.voice);
        let label = self.cell.name.as_str();
        let instance = match snapshot {
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
        self.animate(instance, permit)
    }

    /// Begins another life of an actor that keeps nothing.
    pub(super) fn go_on_as(&mut self, voice: Voice) {
        self.voice = Arc::new(voice);
        self._end = EndOfLife(self.voice.clone());
    }

    /// Takes an instance for its own, once it has given it what a snapshot does not carry.
    fn animate(&mut self, mut instance: Instance, permit: OwnedSemaphorePermit) -> Result<(), Error> {
        instance.set_random(self.voice.kept().state.random());
        instance.set_exact(self.durability() == Durability::Journal);
        if let Some(shelf) = self.voice.shelf() {
            let held = self.voice.kept().state.objects.clone();
            let held = held.iter().map(|held| held.open(shelf)).collect::<Result<Vec<_>, _>>()?;
            instance.give_back_objects(held);
        }
        // Of what is taken here the next checkpoint has its own copy.
        if let Some(compute) = self.voice.kept().state.compute.take().and_then(|kept| kept.at_hand) {
            instance.set_compute(compute);
        }
        self.instance = Some(Living { instance, _permit: permit });
        Ok(())
    }

    /// Notes what the guest holds, for whoever has to give it back.
    pub(super) fn note_objects(&mut self) {
        if let Some(living) = &self.instance {
            let held = living.instance.held_objects().into_iter().filter_map(HeldName::of);
            self.voice.kept().state.objects = held.collect();
        }
    }

    /// Makes the instance from a checkpoint's image, copying nothing.
    pub(super) async fn make_instance_of_image(&mut self, image: &ActorImage) -> Result<(), Error> {
        let permit = self.system.admit().await?;
        let services: Services = services::of_actor(self.system.services(), &self.voice);
        let instance = self.linked.instantiate_from(image, &services, self.cell.name.as_str()).await?;
        self.animate(instance, permit)
    }

    /// The instance of an actor that keeps its state.
    fn kept_instance(&self) -> Option<&Instance> {
        self.instance.as_ref().filter(|_| self.voice.shelf().is_some()).map(|living| &living.instance)
    }

    /// The sizes of the objects that the guest holds, of an actor that keeps them.
    fn held_object_bytes(&self) -> u64 {
        self.kept_instance().map_or(0, Instance::held_object_bytes)
    }

    /// What the guest computes with in the host, of an actor that keeps it.
    pub(super) fn kept_compute_bytes(&self) -> u64 {
        self.kept_instance().map_or(0, Instance::compute_bytes)
    }

    /// Waits until everything that the journal holds is durable.
    pub(super) fn durable(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.voice.durable()
    }

    /// Writes down how a message ended, and what follows from it for the actor's state.
    pub(super) async fn conclude(&mut self, arrival: &Arrival, ending: Ending) -> Result<Ending, Error> {
        let ending = match ending {
            Ending::Value(result) if result.size_bytes() > RESULT_BYTES_MAX => Ending::Fault(format!(
                "the result has {} bytes, and one may have {RESULT_BYTES_MAX}; return large data as an object",
                result.size_bytes()
            )),
            Ending::Value(_) if self.held_object_bytes() > KEPT_OBJECTS_BYTES_MAX => Ending::Fault(format!(
                "the actor would hold {} bytes of objects, and one may hold {KEPT_OBJECTS_BYTES_MAX}; free some",
                self.held_object_bytes()
            )),
            Ending::Value(_) if self.kept_compute_bytes() > KEPT_COMPUTE_BYTES_MAX => Ending::Fault(format!(
                "the actor would have the host keep {} bytes of what it computes with, and one that keeps its state may \
                 have {KEPT_COMPUTE_BYTES_MAX}; free some",
                self.kept_compute_bytes()
            )),
            Ending::Value(result) => {
                self.voice.save_objects().await?;
                Ending::Value(result)
            }
            ending => ending,
        };
        let mut kept = self.voice.kept();
        let kept: &mut Kept = &mut kept;
        kept.state.ended(arrival, &ending);
        if kept.is_journaled
            && let Some(journal) = &mut kept.journal
        {
            let outcome = Outcome { sequence: arrival.sequence, ending: ending.clone() };
            if ending.has_effect() {
                journal.append_and_tell(RecordKind::Outcome, &outcome, kept.state.look_at_ns())?;
            } else {
                // The timers and calls that there are now are undone, and those from before are back.
                journal.append(RecordKind::Outcome, &outcome)?;
            }
        }
        Ok(ending)
    }

    /// Whether what is in memory is what the log leads to: there is an instance, and no write of the log has failed
    /// since it was read. Otherwise some of what the actor remembers may never have been.
    pub(super) fn is_current(&self) -> bool {
        self.instance.is_some() && self.voice.kept().journal.as_ref().is_none_or(Journal::is_alive)
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
            work: Work::Call {
                method: timer.method.as_str().into(),
                arguments: Parcel::json(timer.arguments.as_str()).into(),
            },
            reply: Box::new(reply),
            cancelled: None,
            depends: None,
        })
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
        // Whoever asks next finds it given up, not running.
        self.durable().await.ok();
    }

    pub(super) fn set_status(&mut self, status: ActorStatus) -> Result<(), Error> {
        let info = self.describe(0);
        if let Some(journal) = &mut self.voice.kept().journal {
            journal.append_status(&ActorInfo { status, awake: None, ..info })?;
        }
        self.status = status;
        Ok(())
    }

    /// Undoes the beginning of an actor that could not begin.
    pub(super) async fn abandon(&mut self) {
        self.instance = None;
        let Some(journal) = self.voice.kept().journal.take() else { return };
        if let Err(error) = journal.remove().await {
            tracing::warn!(actor = %self.cell.name, %error, "an actor that could not begin could not be removed");
        }
    }

    /// Says whether messages of the past are repeated: what they did once they may do again, however long it takes.
    pub(super) fn set_repeating(&mut self, is_repeating: bool) {
        if let Some(living) = &mut self.instance {
            living.instance.set_repeating(is_repeating);
        }
    }

    /// Gives the journal back.
    pub(super) fn release(&mut self) {
        self.voice.kept().journal = None;
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
                compute: self.instance.as_ref().map(|living| living.instance.compute_usage()).unwrap_or_default(),
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
