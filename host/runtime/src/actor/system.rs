//! All actors of a runtime: who is awake, and how a message finds its actor.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use belljar_engine::{Component, Digest, Engine, Linked, Services};
use belljar_store::checkpoint::Packs;
use belljar_store::{ActorEntry, ActorLog, DataDir, IndexPlace, LogOptions, Storage, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinHandle;

use super::archive::Archive;
use super::body::{Beginning, Body};
use super::deadlock::WaitGraph;
use super::images::LocalImages;
use super::info::{ActorInfo, ActorStatus};
use super::mailbox::{Mailbox, Refused};
use super::message::{Message, Order};
use super::options::MAILBOX_LENGTH_MAX;
use super::record::Settings;
use super::{ActorError, ActorName, Durability, services};
use crate::{Error, clock};

/// Idle actors that are put to sleep at once when others need the room: 64.
const HIBERNATED_AT_ONCE: usize = 64;
/// Actors that are woken at once because a timer of theirs is due, or a call of theirs may be on its way: 1,000.
const WOKEN_AT_ONCE: usize = 1_000;
/// How often the log is looked at whether it holds much that no actor needs.
const LOG_LOOKED_AT: Duration = Duration::from_secs(30);
/// How often hibernated actors' timers are looked at.
const TIMERS_LOOKED_AT: Duration = Duration::from_millis(50);

/// The actors of a runtime.
pub(crate) struct System {
    me: Weak<System>,
    handle: Handle,
    engine: Engine,
    services: Services,
    instances: Arc<Semaphore>,
    pub durable: Option<Durable>,
    live: Mutex<HashMap<ActorName, Arc<Cell>>>,
    /// The runtime ends: nobody is woken any more.
    closed: AtomicBool,
    waits: WaitGraph,
    components: Mutex<HashMap<Digest, Component>>,
}

/// Where durable actors are kept.
#[derive(Clone)]
pub(crate) struct Durable {
    pub log: Arc<ActorLog>,
    pub packs: Packs,
    pub archive: Archive,
    pub images: LocalImages,
}

impl Durable {
    /// Opens it in a data directory.
    pub(crate) fn open(data_dir: &DataDir, storage: Option<Arc<dyn Storage>>) -> Result<Durable, StoreError> {
        let (log, packs) = match storage {
            Some(storage) => {
                let log = ActorLog::open(storage.clone(), &IndexPlace::Memory, LogOptions::default())?;
                (log, Packs::new(storage, "actors/packs"))
            }
            None => belljar_store::open_actors(data_dir)?,
        };
        let archive = Archive::new(data_dir.path().join("plugins"));
        Ok(Durable {
            log: Arc::new(log),
            packs,
            archive,
            images: LocalImages::new(data_dir.path().join("actors/images")),
        })
    }
}

impl Durable {
    /// The actor of this name. One whose spawning was cut short was never there for anybody.
    pub(super) fn find(&self, name: &ActorName) -> Result<Option<ActorEntry>, StoreError> {
        let found = self.log.find(name.as_str())?;
        Ok(found.filter(|entry| services::status_of(entry) != ActorStatus::Beginning))
    }

    /// The actors whose names begin with `prefix`, by name, after `after`; of at most `limit` that the log has.
    pub(super) fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ActorInfo>, StoreError> {
        let entries = self.log.list(after, prefix, limit)?;
        let listed = entries.iter().filter_map(services::listed);
        Ok(listed.filter(|info| info.status != ActorStatus::Beginning).collect())
    }

    /// Gives back the room of records that no actor needs any more, if there are many; says whether it did.
    pub(super) fn compact_if_due(&self) -> Result<bool, StoreError> {
        let is_due = self.log.is_compaction_due()?;
        if is_due {
            let compaction = self.log.compact()?;
            tracing::info!(?compaction, "gave back room in the log of actors");
        }
        Ok(is_due)
    }
}

/// An actor that is awake, or being woken.
pub(crate) struct Cell {
    pub name: ActorName,
    pub mailbox: Mailbox,
    /// Known once the actor was read.
    pub durability: OnceLock<Durability>,
    /// When it last had something to do, in nanoseconds since 1970; zero while it works.
    pub idle_since_ns: std::sync::atomic::AtomicU64,
    /// Becomes true when the actor is killed, in the middle of a message if need be.
    pub killed: watch::Sender<bool>,
    /// Becomes true when the actor's time in memory is over, and its journal free for the next.
    pub ended: watch::Sender<bool>,
    /// The end of the one before, if that was still going when this one was started.
    pub after: Option<watch::Receiver<bool>>,
}

impl System {
    pub(crate) fn new(
        handle: Handle,
        engine: Engine,
        services: Services,
        instances: Arc<Semaphore>,
        durable: Option<Durable>,
    ) -> Arc<System> {
        let system = Arc::new_cyclic(|me| System {
            me: me.clone(),
            handle,
            engine,
            services,
            instances,
            durable,
            live: Mutex::default(),
            closed: AtomicBool::new(false),
            waits: WaitGraph::default(),
            components: Mutex::default(),
        });
        if system.durable.is_some() {
            system.handle.spawn(ring_timers(system.me.clone()));
            system.handle.spawn(keep_log_small(system.me.clone()));
        }
        system
    }

    /// Ends the writing: what was told so far is durable, and nothing is told any more. Whoever is not awake stays so.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(durable) = &self.durable {
            durable.log.close();
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn waits(&self) -> &WaitGraph {
        &self.waits
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) fn weak(&self) -> Weak<System> {
        self.me.clone()
    }

    /// Starts work on a guest thread.
    pub(crate) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.handle.spawn(work)
    }

    /// Does something that blocks.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.handle.spawn_blocking(work).await.unwrap_or(Err(Error::ShutDown))
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, HashMap<ActorName, Arc<Cell>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The actors that are awake.
    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        self.live().values().cloned().collect()
    }

    /// Whether all that this actor does is in the log. Of one that sleeps nobody knows without looking, and a sender
    /// that takes it for one that is not only waits a little longer.
    pub(crate) fn is_journaled(&self, name: &ActorName) -> bool {
        self.live().get(name).is_some_and(|cell| cell.durability.get() == Some(&Durability::Journal))
    }

    /// Begins the life of an actor, unless there is one of this name that is awake.
    pub(crate) fn begin(&self, name: &ActorName, beginning: Beginning) -> Result<Arc<Cell>, ActorError> {
        let live = self.live();
        if live.contains_key(name) {
            return Err(ActorError::NameTaken { name: name.to_string() });
        }
        Ok(self.start(live, name, beginning, None))
    }

    /// The cell of an actor, which is woken if it sleeps.
    pub(crate) fn cell(&self, name: &ActorName) -> Arc<Cell> {
        let live = self.live();
        match live.get(name) {
            Some(cell) => cell.clone(),
            None => self.start(live, name, Beginning::Wake, None),
        }
    }

    /// The cell of an actor whose last one takes no more: the next one begins when that has ended.
    fn cell_after(&self, gone: &Arc<Cell>) -> Arc<Cell> {
        let live = self.live();
        match live.get(&gone.name) {
            Some(cell) if !Arc::ptr_eq(cell, gone) => cell.clone(),
            _ => self.start(live, &gone.name, Beginning::Wake, Some(gone.ended.subscribe())),
        }
    }

    fn start(
        &self,
        mut live: MutexGuard<'_, HashMap<ActorName, Arc<Cell>>>,
        name: &ActorName,
        beginning: Beginning,
        after: Option<watch::Receiver<bool>>,
    ) -> Arc<Cell> {
        let cell = Arc::new(Cell {
            name: name.clone(),
            mailbox: Mailbox::new(MAILBOX_LENGTH_MAX),
            durability: OnceLock::new(),
            idle_since_ns: Default::default(),
            killed: watch::Sender::new(false),
            ended: watch::Sender::new(false),
            after,
        });
        live.insert(name.clone(), cell.clone());
        // An executor that has ended drops the body here and now, and a body that is dropped forgets its cell.
        drop(live);
        if let Some(system) = self.me.upgrade() {
            self.handle.spawn(Body::new(system, cell.clone()).run(beginning));
        }
        cell
    }

    /// Ends the message that an actor works on, if it is awake.
    pub(crate) fn interrupt(&self, name: &ActorName) {
        if let Some(cell) = self.live().get(name) {
            cell.killed.send_replace(true);
        }
    }

    /// Forgets an actor that has gone to sleep or ended.
    pub(crate) fn forget(&self, cell: &Arc<Cell>) {
        let mut live = self.live();
        if live.get(&cell.name).is_some_and(|known| Arc::ptr_eq(known, cell)) {
            live.remove(&cell.name);
        }
    }

    /// Puts a message into an actor's mailbox; an actor that sleeps is woken. A message that finds no room comes back.
    /// When the runtime ends, the sender learns so.
    pub(crate) fn deliver(&self, name: &ActorName, mut message: Message) -> Result<(), Box<Message>> {
        let mut cell = self.cell(name);
        loop {
            match cell.mailbox.push(message) {
                Ok(()) => return Ok(()),
                Err(Refused::Full(back)) => return Err(back),
                Err(Refused::Closed(back)) if self.is_closed() => {
                    (back.reply)(Err(Error::ShutDown));
                    return Ok(());
                }
                // It is just going to sleep.
                Err(Refused::Closed(back)) => (message, cell) = (*back, self.cell_after(&cell)),
            }
        }
    }

    /// The same, and waits for room.
    pub(crate) async fn deliver_when_room(&self, name: &ActorName, mut message: Message) {
        while let Err(back) = self.deliver(name, message) {
            message = *back;
            self.cell(name).mailbox.room().await;
        }
    }

    /// Gives an order to an actor and waits for the answer; an actor that sleeps is woken.
    pub(crate) async fn order<T>(
        &self,
        name: &ActorName,
        order: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Order,
    ) -> Result<T, Error> {
        let (tell, told) = oneshot::channel();
        let mut order = order(tell);
        let mut cell = self.cell(name);
        while let Err(back) = cell.mailbox.order(order) {
            if self.is_closed() {
                return Err(Error::ShutDown);
            }
            (order, cell) = (back, self.cell_after(&cell));
        }
        told.await.unwrap_or(Err(Error::ShutDown))
    }

    /// Waits until another instance may live, and puts idle actors to sleep if that is what it takes.
    pub(crate) async fn admit(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(permit) = self.instances.clone().try_acquire_owned() {
            return Ok(permit);
        }
        self.hibernate_idle();
        self.instances.clone().acquire_owned().await.map_err(|_| Error::ShutDown)
    }

    fn hibernate_idle(&self) {
        let since = |cell: &Arc<Cell>| cell.idle_since_ns.load(Ordering::Relaxed);
        let mut idle: Vec<Arc<Cell>> = self.cells().into_iter().filter(|cell| since(cell) > 0).collect();
        idle.sort_by_key(since);
        for cell in idle.iter().take(HIBERNATED_AT_ONCE) {
            let (tell, _) = oneshot::channel();
            cell.mailbox.order(Order::Hibernate(tell)).ok();
        }
    }

    /// The component of a durable actor, linked with its grants and limits. It blocks while it compiles.
    pub(crate) fn link(&self, digest: Digest, name: &str, settings: &Settings) -> Result<Linked, Error> {
        let known = self.components.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        let component = match known {
            Some(component) => component,
            None => {
                let durable = self.durable.as_ref().ok_or(ActorError::NeedsDataDir)?;
                let component = self.engine.load_bytes(name, &durable.archive.read(digest)?)?;
                self.know(&component);
                component
            }
        };
        Ok(component.link(settings.grants.clone(), settings.limits.clone())?)
    }

    /// Remembers a component, so that actors of it need not load it again.
    pub(crate) fn know(&self, component: &Component) {
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        components.entry(component.digest()).or_insert_with(|| component.clone());
    }

    /// Puts all actors to sleep, as at a clean end: what they would have to replay is in a checkpoint then.
    pub(crate) async fn hibernate_all(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut waits = Vec::new();
        for cell in self.cells() {
            let (tell, told) = oneshot::channel();
            if cell.mailbox.order(Order::Hibernate(tell)).is_ok() {
                waits.push(told);
            }
        }
        for told in waits {
            tokio::time::timeout_at(until.into(), told).await.ok();
        }
    }
}

/// Wakes actors that sleep when a timer of theirs is due, and those that may have calls on their way.
async fn ring_timers(system: Weak<System>) {
    loop {
        {
            let Some(system) = system.upgrade() else { return };
            let Some(durable) = system.durable.clone() else { return };
            let look = move || Ok(durable.log.due_timers(clock::now_ns(), WOKEN_AT_ONCE)?);
            match system.blocking(look).await {
                Ok(due) => {
                    for entry in due {
                        // One that is awake looks at its timers itself.
                        if let Ok(name) = entry.name.parse::<ActorName>()
                            && !system.live().contains_key(&name)
                        {
                            system.cell(&name).mailbox.order(Order::Ring).ok();
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "timers of hibernated actors cannot be read"),
            }
        }
        tokio::time::sleep(TIMERS_LOOKED_AT).await;
    }
}

/// Gives back the room of records that no actor needs any more, when there are many.
async fn keep_log_small(system: Weak<System>) {
    loop {
        tokio::time::sleep(LOG_LOOKED_AT).await;
        let Some(system) = system.upgrade() else { return };
        let Some(durable) = system.durable.clone() else { return };
        if let Err(error) = system.blocking(move || Ok(durable.compact_if_due()?)).await {
            tracing::warn!(%error, "the log of actors could not be made smaller");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::Runtime;
    use crate::actor::message::Work;
    use crate::actor::record::Origin;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A message whose reply is told.
    fn message(tell: mpsc::Sender<Result<(), Error>>) -> Message {
        Message {
            origin: Origin::Outside,
            work: Work::Call { method: "add".into(), arguments: Default::default() },
            reply: Box::new(move |outcome| tell.send(outcome.map(drop)).expect("someone waits")),
            cancelled: None,
            depends: None,
        }
    }

    /// Tasks of the runtime itself do this when it is dropped while they run.
    #[test]
    fn whoever_sends_while_the_runtime_ends_learns_so_and_keeps_nothing_alive() {
        let runtime = Runtime::builder().build().expect("a runtime");
        let system = runtime.actors().system.clone();
        drop(runtime);
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || {
            let name: ActorName = "visits".parse().expect("a name");
            let (tell, told) = mpsc::channel();
            assert!(system.deliver(&name, message(tell)).is_ok(), "there is nobody whose mailbox is full");
            assert!(matches!(told.recv(), Ok(Err(Error::ShutDown))));
            assert!(system.begin(&name, Beginning::Wake).is_ok());
            let executor = tokio::runtime::Builder::new_current_thread().build().expect("an executor");
            let ordered = executor.block_on(system.order(&name, Order::Hibernate));
            assert!(matches!(ordered, Err(Error::ShutDown)));
            assert!(system.cells().is_empty());
            assert_eq!(Arc::strong_count(&system), 1);
            ended.send(()).expect("someone waits");
        });
        end.recv_timeout(PATIENCE).expect("it neither hangs nor fails");
    }
}
