//! Other lives of an actor: a fork, a return to an earlier checkpoint, a new version of its plugin.

use belljar_engine::{Linked, Snapshot, Value};
use belljar_store::checkpoint::Pin;

use super::alive::Alive;
use super::checkpoints::snapshot_of;
use super::compute::{self, KEPT_COMPUTE_BYTES_MAX};
use super::handle::{Actor, Actors, check_replayable};
use super::info::ActorStatus;
use super::message::Order;
use super::record::{Settings, Spawned};
use super::state::ActorState;
use super::{ActorError, Durability, recovery, services};
use crate::{Error, Plugin, clock};

/// Another life for an actor that is awake.
pub(crate) struct Replacement {
    pub linked: Linked,
    pub settings: Settings,
    /// What the actor is from now on. The incarnation, its time and its seed are set when it begins.
    pub spawned: Spawned,
    pub memory: Memory,
    /// The reason that its first checkpoint tells.
    pub why: String,
}

/// Where the memory of another life comes from.
pub(crate) enum Memory {
    /// From a checkpoint, with the host's part of the actor's state as it was then: a new incarnation begins.
    Snapshot(Box<Snapshot>, Box<ActorState>),
    /// From what the plugin itself saves: the same incarnation goes on.
    Saved,
}

impl Alive {
    /// Begins another life in place of this one. If it cannot begin, this one goes on.
    pub(super) async fn replace(&mut self, replacement: Replacement) -> Result<(), Error> {
        let Replacement { linked, settings, mut spawned, memory, why } = replacement;
        self.finish_all_writing().await?;
        let mut computed = None;
        let name = self.cell.name.to_string();
        let cannot_migrate = |message| ActorError::CannotMigrate { name: name.clone(), message };
        let saved = match memory {
            Memory::Saved => {
                // A `checkpoint` actor that is refused for what it has already would lose what it has done since.
                self.settle().await?;
                let living = self.instance.as_ref();
                if let Some(message) =
                    living.and_then(|living| compute::obstacle(&living.instance.compute(), &settings))
                {
                    return Err(cannot_migrate(message).into());
                }
                let saved = self.save().await;
                self.note_objects();
                self.settle().await?;
                computed = self.instance.as_ref().map(|living| living.instance.compute());
                let saved = match self.voice.save_objects().await {
                    Ok(()) => saved,
                    Err(error) => Err(error),
                };
                // Saving is no message: what it did to the memory is undone.
                self.instance = None;
                Some(saved?)
            }
            Memory::Snapshot(..) => None,
        };
        if let Some(message) = computed.as_ref().and_then(|computed| compute::obstacle(computed, &settings)) {
            return Err(cannot_migrate(message).into());
        }
        // A version that may not compute has not even numbers.
        let computed = computed.filter(|_| settings.grants.compute);
        let now = self.voice.kept().state.clone();
        let state = match &memory {
            Memory::Saved => {
                let Spawned { incarnation, born_ns, seed, .. } = now.spawned;
                (spawned.incarnation, spawned.born_ns, spawned.seed) = (incarnation, born_ns, seed);
                ActorState { spawned, ..now }
            }
            Memory::Snapshot(_, then) => {
                spawned.incarnation = now.spawned.incarnation + 1;
                (spawned.born_ns, spawned.seed) = (clock::now_ns(), services::fresh_seed()?);
                // Messages are numbered on, so that none of the earlier life is taken for one of this.
                let (objects, compute) = (then.objects.clone(), then.compute.clone());
                ActorState { sequence: now.sequence, objects, compute, ..now.as_new_incarnation(spawned) }
            }
        };
        let mut other = self.successor(linked, settings, state);
        match (&memory, saved) {
            (Memory::Snapshot(snapshot, _), _) => other.make_instance(Some(snapshot)).await?,
            (Memory::Saved, saved) => {
                other.make_instance(None).await?;
                // Boards and tensors keep their numbers, by which what was saved may name them.
                if let (Some(living), Some(computed)) = (&mut other.instance, computed) {
                    living.instance.set_compute(computed);
                }
                other.restore_saved(saved.unwrap_or_default()).await?;
                let bytes = other.kept_compute_bytes();
                if bytes > KEPT_COMPUTE_BYTES_MAX {
                    let message = format!(
                        "its boards, tensors and buffers take {bytes} bytes, and it can keep {KEPT_COMPUTE_BYTES_MAX}"
                    );
                    return Err(cannot_migrate(message).into());
                }
            }
        }
        other.take_journal_of(self);
        let snapshot = match memory {
            Memory::Snapshot(snapshot, _) => Some(*snapshot),
            Memory::Saved => None,
        };
        let begun = other.begin_life(snapshot, &why, true).await;
        if let Err(error) = begun {
            // Whichever life the log has now is the one that goes on.
            self.take_journal_of(&mut other);
            self.instance = None;
            return Err(error);
        }
        *self = other;
        self.voice.send_unanswered();
        Ok(())
    }
}

impl Alive {
    /// Hands a state over that an earlier version of the plugin saved.
    async fn restore_saved(&mut self, state: Vec<u8>) -> Result<(), Error> {
        let name = self.cell.name.to_string();
        let Some(living) = &mut self.instance else { return Err(belljar_engine::Error::InstanceGone.into()) };
        let bytes = state.into_iter().map(Value::U8).collect();
        let restored = living.instance.call_values("durable/restore", &[Value::List(bytes)]).await?;
        match restored {
            Some(Value::Result(Err(message))) => {
                let message = match message.as_deref() {
                    Some(Value::String(text)) => text.clone(),
                    other => format!("{other:?}"),
                };
                Err(ActorError::CannotMigrate { name, message }.into())
            }
            _ => Ok(()),
        }
    }

    /// Reads back what the guest has on the compute device.
    async fn settle(&mut self) -> Result<(), Error> {
        match &mut self.instance {
            Some(living) => Ok(living.instance.settle().await?),
            None => Ok(()),
        }
    }

    /// The state as the plugin itself saves it.
    async fn save(&mut self) -> Result<Vec<u8>, Error> {
        if self.instance.is_none() {
            self.come_back().await?;
        }
        let name = self.cell.name.to_string();
        let no = |message: String| Error::from(ActorError::CannotMigrate { name, message });
        let Some(living) = &mut self.instance else { return Err(belljar_engine::Error::InstanceGone.into()) };
        let saved = living.instance.call_values("durable/save", &[]).await?;
        let Some(Value::List(bytes)) = saved else {
            return Err(no("`durable.save` returned no bytes".to_owned()));
        };
        let byte = |value: Value| match value {
            Value::U8(byte) => Some(byte),
            _ => None,
        };
        bytes
            .into_iter()
            .map(byte)
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| no("`durable.save` returned no bytes".to_owned()))
    }
}

impl ActorState {
    /// What another incarnation takes over: nothing but what the guest's memory holds, and the objects. Its random numbers and its
    /// clock are new, its mailbox is empty, it has no timers and owes no answers.
    pub(super) fn as_new_incarnation(&self, spawned: Spawned) -> ActorState {
        let (objects, compute) = (self.objects.clone(), self.compute.clone());
        ActorState { monotonic_ns: self.monotonic_ns, objects, compute, ..ActorState::new(spawned) }
    }
}

impl Actor {
    /// Begins another actor that goes on from where this one is, as a new incarnation.
    ///
    /// # Errors
    ///
    /// [`ActorError::NameTaken`]; [`ActorError::WrongDurability`] for a volatile actor.
    pub async fn fork(&self, name: &str) -> Result<Actor, Error> {
        let generation = self.checkpoint_for_fork().await?;
        self.fork_from(generation, name).await
    }

    /// Begins another actor that goes on from a checkpoint of this one.
    pub async fn fork_from(&self, generation: u64, name: &str) -> Result<Actor, Error> {
        let (plugin, settings, snapshot, state, _objects) = self.past(generation).await?;
        let incarnation = state.spawned.incarnation + 1;
        self.actors().begin(name, &plugin, settings, Some((snapshot, state)), incarnation, None).await
    }

    /// Goes back to a checkpoint, as a new incarnation. What came after it is given up; messages that wait are worked
    /// on by the new one.
    ///
    /// # Errors
    ///
    /// [`ActorError::UnknownGeneration`]; the actor is as before.
    pub async fn restore(&self, generation: u64) -> Result<(), Error> {
        let (plugin, settings, snapshot, state, _objects) = self.past(generation).await?;
        let replacement = Replacement {
            linked: plugin.linked().clone(),
            settings,
            spawned: state.spawned.clone(),
            memory: Memory::Snapshot(snapshot, Box::new(state)),
            why: format!("restored from {generation}"),
        };
        self.system.order(&self.name, |tell| Order::Replace(Box::new(replacement), tell)).await
    }

    /// Goes over to another version of its plugin, which takes over the state that the present one saves: both have to
    /// export `belljar:plugin/durable`. It stays the same incarnation: timers, stored results and calls on their way
    /// are kept.
    ///
    /// # Errors
    ///
    /// [`ActorError::CannotMigrate`] with what is missing, or what the new version said; the actor is as before.
    pub async fn migrate(&self, plugin: &Plugin) -> Result<(), Error> {
        let no = |message: String| ActorError::CannotMigrate { name: self.name.to_string(), message };
        for (what, component) in
            [("the new version", plugin.component()), ("the present version", &self.component().await?)]
        {
            for method in ["durable/save", "durable/restore"] {
                if component.method(method).is_err() {
                    return Err(no(format!("{what} does not export `belljar:plugin/durable`")).into());
                }
            }
        }
        let durable = self.durable()?;
        let (component, digest) = (plugin.component().bytes(), plugin.component().digest());
        self.system.blocking(move || Ok(durable.archive.keep(digest, &component)?)).await?;
        self.system.know(plugin.component());
        let spawned = self.read().await?.state.spawned;
        let present = spawned.settings().map_err(no)?;
        check_replayable(plugin, present.options.durability)?;
        let settings = Settings { grants: plugin.grants().clone(), limits: plugin.limits().clone(), ..present };
        let spawned = Spawned {
            plugin: plugin.component().name().to_owned(),
            component: *digest.as_bytes(),
            settings: serde_json::to_string(&settings).map_err(|error| Error::Setup(error.to_string()))?,
            ..spawned
        };
        let why = format!("migrated to {}", plugin.component().name());
        let replacement =
            Replacement { linked: plugin.linked().clone(), settings, spawned, memory: Memory::Saved, why };
        self.system.order(&self.name, |tell| Order::Replace(Box::new(replacement), tell)).await
    }

    /// A plugin, settings, memory and state of a checkpoint, and what keeps the objects that it names.
    async fn past(
        &self,
        generation: u64,
    ) -> Result<(Plugin, Settings, Box<belljar_engine::Snapshot>, ActorState, Pin), Error> {
        let loaded = self.load_checkpoint(generation).await?;
        let packs = self.durable()?.packs;
        let (snapshot, state, objects) = {
            let open = move || {
                let state = recovery::state_of(&loaded, &packs)?;
                let objects = packs.pin_stored(state.attachments())?;
                Ok((Box::new(snapshot_of(&loaded)), state, objects))
            };
            self.system.blocking(open).await?
        };
        let settings = state.spawned.settings().map_err(Error::Setup)?;
        let (system, spawned, wanted) = (self.system.clone(), state.spawned.clone(), settings.clone());
        let link = move || system.link(spawned.digest(), &spawned.plugin, &wanted);
        let linked = self.system.blocking(link).await?;
        let plugin = Plugin::new(self.runtime.clone(), linked);
        Ok((plugin, settings, snapshot, state, objects))
    }

    async fn checkpoint_for_fork(&self) -> Result<u64, Error> {
        let info = self.info().await?;
        if info.durability == Durability::Volatile {
            let (name, durability) = (self.name.to_string(), info.durability.to_string());
            let reason = "a fork needs a checkpoint".to_owned();
            return Err(ActorError::WrongDurability { name, durability, reason }.into());
        }
        if info.status != ActorStatus::Running {
            let newest = self.checkpoints().await?.first().map(|newest| newest.generation);
            return newest.ok_or_else(|| self.unknown());
        }
        Ok(self.checkpoint().await?.generation)
    }

    fn actors(&self) -> Actors {
        Actors { runtime: self.runtime.clone(), system: self.system.clone() }
    }
}
