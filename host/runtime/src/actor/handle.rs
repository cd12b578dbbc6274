//! What an embedder holds: all actors of a runtime, and one of them.

use std::sync::Arc;
use std::time::Duration;

use belljar_engine::Digest;
use belljar_store::bucket::Owner;
use belljar_store::checkpoint;
use belljar_store::{NewActor, StoreError};
use serde_json::Value as Json;

use super::alive::Birth;
use super::body::Beginning;
use super::call::ActorCall;
use super::info::{ActorInfo, ActorStatus, CheckpointInfo};
use super::journal::Journal;
use super::look::{self, KeptActors};
use super::message::Order;
use super::record::{self, Settings, Spawned};
use super::recovery;
use super::state::ActorState;
use super::system::{Durable, System};
use super::{ActorError, ActorName, Durability, SpawnOptions, services};
use crate::{Error, Plugin, Runtime, clock};

/// How long a list waits for an actor that is busy with a message, before it tells what the index knows of it.
const LIST_PATIENCE: Duration = Duration::from_millis(20);
/// How long a clean end waits for actors to go to sleep.
const HIBERNATION_PATIENCE: Duration = Duration::from_secs(60);

/// Makes an actor that is about to begin the owner of what it goes on from. If it fails, the actor does not begin.
pub(super) type Owning = Box<dyn FnOnce(Owner) -> Result<(), Error> + Send>;

/// The actors of a runtime. Cheap to clone.
#[derive(Clone)]
pub struct Actors {
    pub(super) runtime: Runtime,
    pub(super) system: Arc<System>,
}

/// One actor, by name. Cheap to clone; the actor lives on when the last handle is dropped.
#[derive(Clone)]
pub struct Actor {
    pub(super) runtime: Runtime,
    pub(super) system: Arc<System>,
    pub(super) name: ActorName,
}

impl Actors {
    pub(crate) fn new(runtime: Runtime, system: Arc<System>) -> Actors {
        Actors { runtime, system }
    }

    /// Begins an actor: its plugin is kept, an instance made, `init` called with the configuration, and all that is
    /// durable when this returns.
    ///
    /// # Errors
    ///
    /// [`ActorError::BadName`], [`ActorError::NameTaken`], [`ActorError::NeedsDataDir`], [`ActorError::InitRefused`];
    /// an engine error when the plugin cannot be snapshotted, or `init` faults. Nothing is left of the actor then.
    pub async fn spawn(&self, name: &str, plugin: &Plugin, options: SpawnOptions) -> Result<Actor, Error> {
        let settings = Settings { grants: plugin.grants().clone(), limits: plugin.limits().clone(), options };
        self.begin(name, plugin, settings, None, 1, None).await
    }

    /// Begins an actor from nothing or from a snapshot. `owning` comes between the certainty that its name is free and
    /// its first trace in the log; a volatile actor has none, and does not call it.
    pub(super) async fn begin(
        &self,
        name: &str,
        plugin: &Plugin,
        settings: Settings,
        from: Option<(Box<belljar_engine::Snapshot>, ActorState)>,
        incarnation: u64,
        owning: Option<Owning>,
    ) -> Result<Actor, Error> {
        let name: ActorName = name.parse()?;
        let component = plugin.component();
        let spawned = Spawned {
            name: name.clone(),
            plugin: component.name().to_owned(),
            component: *component.digest().as_bytes(),
            settings: serde_json::to_string(&settings).map_err(|error| Error::Setup(error.to_string()))?,
            incarnation,
            born_ns: clock::now_ns(),
            seed: services::fresh_seed()?,
        };
        let actor = Actor { runtime: self.runtime.clone(), system: self.system.clone(), name: name.clone() };
        if self.system.live().contains_key(&name) {
            return Err(ActorError::NameTaken { name: name.to_string() }.into());
        }
        let journal = match (settings.options.durability, &self.system.durable) {
            (Durability::Volatile, durable) => {
                let known = durable.as_ref().map(|durable| durable.log.find(name.as_str())).transpose()?.flatten();
                if known.is_some() {
                    return Err(ActorError::NameTaken { name: name.to_string() }.into());
                }
                None
            }
            (_, None) => return Err(ActorError::NeedsDataDir.into()),
            (_, Some(durable)) => {
                self.check_snapshotable(plugin)?;
                check_replayable(plugin, settings.options.durability)?;
                let (durable, spawned, settings) = (durable.clone(), spawned.clone(), settings.clone());
                let bytes = component.bytes();
                Some(self.system.blocking(move || create(&durable, &spawned, &settings, &bytes, owning)).await?)
            }
        };
        self.system.know(component);
        let (from, state) = match from {
            Some((snapshot, earlier)) => (Some(snapshot), earlier.as_new_incarnation(spawned)),
            None => (None, ActorState::new(spawned)),
        };
        let birth = Birth { state, settings, linked: plugin.linked().clone(), journal, from };
        let (tell, told) = tokio::sync::oneshot::channel();
        let is_durable = birth.journal.is_some();
        if let Err(error) = self.system.begin(&name, Beginning::Born(Box::new(birth), tell)) {
            // Someone called that name in between. What was begun in the log is nobody's.
            if is_durable {
                actor.erase().await?;
            }
            return Err(error.into());
        }
        told.await.unwrap_or(Err(Error::ShutDown))?;
        Ok(actor)
    }

    fn check_snapshotable(&self, plugin: &Plugin) -> Result<(), Error> {
        let obstacles = plugin.component().snapshot_obstacles();
        if obstacles.is_empty() {
            return Ok(());
        }
        let (name, obstacles) = (plugin.component().name().to_owned(), obstacles.to_vec());
        Err(belljar_engine::Error::NotSnapshotable { name, obstacles }.into())
    }

    /// The actor of this name.
    ///
    /// # Errors
    ///
    /// [`ActorError::Unknown`] and [`ActorError::BadName`].
    pub async fn get(&self, name: &str) -> Result<Actor, Error> {
        let name: ActorName = name.parse()?;
        let actor = Actor { runtime: self.runtime.clone(), system: self.system.clone(), name };
        if self.system.live().contains_key(&actor.name) {
            return Ok(actor);
        }
        actor.entry().await?;
        Ok(actor)
    }

    /// The actors whose names begin with `prefix`, by name, after `after`; at most `limit`. Those that are awake tell
    /// more than those that sleep.
    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ActorInfo>, Error> {
        let mut listed = Vec::new();
        if let Some(durable) = self.system.durable.clone() {
            let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
            listed = self.system.blocking(move || Ok(durable.list(&prefix, after.as_deref(), limit)?)).await?;
        }
        for cell in self.system.cells() {
            let name = cell.name.as_str();
            if !name.starts_with(prefix) || after.is_some_and(|after| name <= after) {
                continue;
            }
            let told = tokio::time::timeout(LIST_PATIENCE, self.system.order(&cell.name, Order::Describe)).await;
            let Ok(Ok(info)) = told else { continue };
            match listed.iter_mut().find(|known| known.name == info.name) {
                Some(known) => *known = info,
                None => listed.push(info),
            }
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        listed.truncate(limit);
        Ok(listed)
    }

    /// How many actors there are.
    pub async fn count(&self) -> Result<u64, Error> {
        let volatile = self.system.cells().into_iter();
        let volatile = volatile.filter(|cell| cell.durability.get() == Some(&Durability::Volatile)).count() as u64;
        let Some(durable) = self.system.durable.clone() else { return Ok(volatile) };
        let kept = self.system.blocking(move || Ok(durable.log.count()?)).await?;
        Ok(kept + volatile)
    }

    /// Puts all actors to sleep. What they have done is durable anyway; but the next process has nothing to repeat.
    pub async fn hibernate_all(&self) {
        self.system.hibernate_all(HIBERNATION_PATIENCE).await;
    }
}

impl Actor {
    /// Its name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Puts a call together.
    pub fn call(&self, method: &str) -> ActorCall {
        let arguments = Ok(Json::Array(Vec::new()));
        ActorCall { actor: self.clone(), method: method.into(), arguments, references: Vec::new(), call_id: None }
    }

    /// Puts a call together whose arguments are JSON already: an array, an object by parameter name, or the bare
    /// argument of a method that has one.
    pub fn call_json(&self, method: &str, arguments: Json) -> ActorCall {
        ActorCall { arguments: Ok(arguments), ..self.call(method) }
    }

    /// What it is.
    pub async fn info(&self) -> Result<ActorInfo, Error> {
        if self.system.live().contains_key(&self.name) {
            return self.system.order(&self.name, Order::Describe).await;
        }
        let entry = self.entry().await?;
        services::listed(&entry).ok_or_else(|| self.unknown())
    }

    /// The component that it runs, as the data directory keeps it.
    pub async fn component(&self) -> Result<belljar_engine::Component, Error> {
        let info = self.info().await?;
        let system = self.system.clone();
        let found = self.read().await?;
        let settings = found.state.spawned.settings().map_err(Error::Setup)?;
        let link = move || Ok(system.link(found.state.spawned.digest(), &info.plugin, &settings)?.component().clone());
        self.system.blocking(link).await
    }

    /// Puts it to sleep: its memory goes into a checkpoint, and the next message wakes it.
    pub async fn hibernate(&self) -> Result<(), Error> {
        if !self.system.live().contains_key(&self.name) {
            return self.entry().await.map(drop);
        }
        self.system.order(&self.name, Order::Hibernate).await
    }

    /// Takes a checkpoint now.
    pub async fn checkpoint(&self) -> Result<CheckpointInfo, Error> {
        self.system.order(&self.name, Order::Checkpoint).await
    }

    /// Works on what waits, and takes no more calls until it is [started](Actor::start).
    pub async fn stop(&self) -> Result<(), Error> {
        self.system.order(&self.name, Order::Stop).await
    }

    /// Stops it at once: the running message is undone, and what waits is refused.
    pub async fn kill(&self) -> Result<(), Error> {
        self.system.interrupt(&self.name);
        self.system.order(&self.name, Order::Kill).await
    }

    /// Lets it take calls again after it was stopped, killed or given up.
    pub async fn start(&self) -> Result<(), Error> {
        let durable = self.durable()?;
        let actor = self.clone();
        let status = move || {
            let entry = durable.find(&actor.name)?.ok_or_else(|| actor.unknown())?;
            let Some(info) = services::listed(&entry) else { return Err(actor.unknown()) };
            if info.status == ActorStatus::Running {
                return Ok(());
            }
            let mut journal = Journal::new(durable.log.clone(), durable.log.writer(entry.id)?, None);
            journal.append_status(&ActorInfo { status: ActorStatus::Running, ..info })?;
            Ok(journal.wait_durable()?)
        };
        self.system.blocking(status).await
    }

    /// Removes it and all that is kept of it.
    pub async fn remove(&self) -> Result<(), Error> {
        if self.system.live().contains_key(&self.name) {
            // It is removed whatever comes of its last message.
            self.kill().await.ok();
        }
        self.erase().await
    }

    /// Removes what the log has of it.
    async fn erase(&self) -> Result<(), Error> {
        let Ok(durable) = self.durable() else { return Ok(()) };
        let actor = self.clone();
        let remove = move || {
            let Some(entry) = durable.log.find(actor.name.as_str())? else { return Ok(()) };
            let ticket = durable.log.remove(durable.log.writer(entry.id)?)?;
            durable.log.wait_durable(ticket)?;
            durable.images.forget(&actor.name);
            Ok(())
        };
        self.system.blocking(remove).await
    }

    /// The checkpoints that are kept, newest first.
    pub async fn checkpoints(&self) -> Result<Vec<CheckpointInfo>, Error> {
        let (durable, entry) = (self.durable()?, self.entry().await?);
        let list = move || Ok(look::checkpoints_of(&durable.log, entry.id)?);
        self.system.blocking(list).await
    }

    /// The BLAKE3 of its memory and globals. Two runs of the same messages give the same.
    pub async fn state_digest(&self) -> Result<Digest, Error> {
        self.system.order(&self.name, Order::Digest).await
    }

    /// A checkpoint with all its content.
    ///
    /// # Errors
    ///
    /// [`ActorError::UnknownGeneration`]; a store error when it is damaged.
    pub async fn load_checkpoint(&self, generation: u64) -> Result<checkpoint::Loaded, Error> {
        let (kept, entry) = (KeptActors { durable: self.durable()? }, self.entry().await?);
        self.system.blocking(move || kept.load(&entry, generation)).await
    }

    /// What would be found of it if it were woken now.
    pub(super) async fn read(&self) -> Result<recovery::Found, Error> {
        let (durable, entry, name) = (self.durable()?, self.entry().await?, self.name.clone());
        let read = move || recovery::read(&durable.log, entry.id, &name, &durable.packs, None);
        self.system.blocking(read).await
    }

    pub(super) async fn entry(&self) -> Result<belljar_store::ActorEntry, Error> {
        let (durable, actor) = (self.durable().map_err(|_| self.unknown())?, self.clone());
        self.system.blocking(move || durable.find(&actor.name)?.ok_or_else(|| actor.unknown())).await
    }

    pub(super) fn durable(&self) -> Result<Durable, Error> {
        Ok(self.system.durable.clone().ok_or(ActorError::NeedsDataDir)?)
    }

    pub(super) fn unknown(&self) -> Error {
        ActorError::Unknown { name: self.name.to_string() }.into()
    }
}

/// Refuses to journal what a replay need not come to again.
pub(super) fn check_replayable(plugin: &Plugin, durability: Durability) -> Result<(), ActorError> {
    if durability == Durability::Journal && plugin.component().computes_on_device() {
        return Err(ActorError::NotReplayable { plugin: plugin.component().name().to_owned() });
    }
    Ok(())
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Actor").field(&self.name.as_str()).finish()
    }
}

/// Removes what is left of an actor whose spawning was cut short, so that its name is free.
fn remove_unborn(durable: &Durable, name: &ActorName) -> Result<(), Error> {
    let found = durable.log.find(name.as_str())?;
    let Some(entry) = found.filter(|entry| services::status_of(entry) == ActorStatus::Beginning) else {
        return Ok(());
    };
    match durable.log.writer(entry.id) {
        Ok(writer) => Ok(durable.log.wait_durable(durable.log.remove(writer)?)?),
        // Somebody is spawning it just now.
        Err(StoreError::ActorInUse { .. }) => Err(ActorError::NameTaken { name: name.to_string() }.into()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the plugin and begins the actor's history.
fn create(
    durable: &Durable,
    spawned: &Spawned,
    settings: &Settings,
    component: &[u8],
    owning: Option<Owning>,
) -> Result<Journal, Error> {
    durable.archive.keep(spawned.digest(), component)?;
    let info = ActorInfo { status: ActorStatus::Beginning, ..services::info_of(spawned, settings) };
    let status = serde_json::to_string(&info).unwrap_or_default();
    remove_unborn(durable, &spawned.name)?;
    let taken = || Error::from(ActorError::NameTaken { name: spawned.name.to_string() });
    let first = record::encode(spawned);
    if let Some(owning) = owning {
        // Nobody should lose an actor to one that cannot begin.
        if durable.log.find(spawned.name.as_str())?.is_some() {
            return Err(taken());
        }
        owning(Owner::of(&first))?;
    }
    let new = NewActor { name: spawned.name.as_str(), status: Some(&status) };
    let (writer, _) = durable.log.create(&new, &first).map_err(|error| match error {
        StoreError::NameTaken { .. } => taken(),
        error => error.into(),
    })?;
    Ok(Journal::new(durable.log.clone(), writer, None))
}

#[cfg(test)]
mod tests {
    use belljar_store::DataDir;

    use super::*;

    fn spawned(name: &str, seed: u8) -> Spawned {
        Spawned {
            name: name.parse().expect("a name"),
            plugin: "counter".to_owned(),
            component: *Digest::of(b"component").as_bytes(),
            settings: "{}".to_owned(),
            incarnation: 1,
            born_ns: 1,
            seed: [seed; 32],
        }
    }

    fn begin(durable: &Durable, spawned: &Spawned, owning: Option<Owning>) -> Result<Journal, Error> {
        create(durable, spawned, &Settings::default(), b"component", owning)
    }

    #[test]
    fn an_actor_is_owned_before_it_leaves_a_trace_and_under_the_identity_that_it_keeps() {
        let folder = tempfile::tempdir().expect("a folder");
        let durable = Durable::open(&DataDir::open(folder.path()).expect("a data directory"), None).expect("a log");
        let actor = spawned("visits", 1);

        let refuse: Owning = Box::new(|_| Err(Error::ShutDown));
        assert!(matches!(begin(&durable, &actor, Some(refuse)), Err(Error::ShutDown)));
        assert!(durable.log.find("visits").expect("the index").is_none(), "who could not own it has not begun");

        let (log, (tell, told)) = (durable.log.clone(), std::sync::mpsc::channel());
        let own: Owning = Box::new(move |owner| {
            assert!(log.find("visits").expect("the index").is_none());
            tell.send(owner).map_err(|_| Error::ShutDown)
        });
        let mut journal = begin(&durable, &actor, Some(own)).expect("an actor");
        journal.append_status(&services::info_of(&actor, &Settings::default())).expect("a record");
        journal.wait_durable().expect("a durable record");
        let entry = durable.log.find("visits").expect("the index").expect("an actor");
        let first = durable.log.spawn_record(entry.id).expect("a record").payload;
        assert_eq!(told.recv(), Ok(Owner::of(&first)));

        let never: Owning = Box::new(|_| panic!("an actor whose name is taken is not taken over"));
        let refused = begin(&durable, &spawned("visits", 2), Some(never)).map(drop);
        assert!(matches!(refused, Err(Error::Actor(ActorError::NameTaken { .. }))), "{refused:?}");
    }
}
