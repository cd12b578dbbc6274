//! The runtime: one per process, shared by everything that runs in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use belljar_engine::compute::{Adapter, DeviceConfig, DeviceError};
use belljar_engine::{Engine, EngineOptions, Grants, Limits, Processors, Services};
use belljar_store::{DataDir, ObjectLimits, ObjectStats, ObjectStore, Storage};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::task::JoinHandle;

use crate::actor::{Actors, Durable, System};
use crate::events::{EventBus, MetricSnapshot};
use crate::executor::GuestExecutor;
use crate::http::HttpClient;
use crate::object_ref::{Content, ObjectRef};
use crate::objects::{StoreObjects, StoredObject};
use crate::workflow::Runs;
use crate::{Error, Machine, Manifest, Plugin, RuntimeEvent};

/// A runtime. Cheap to clone; all clones are the same one, and the last that is dropped ends its threads.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    executor: GuestExecutor,
    engine: Engine,
    objects: Arc<ObjectStore>,
    services: Services,
    events: Arc<EventBus>,
    instances: Arc<Semaphore>,
    runs: Runs,
    actors: Arc<System>,
    data_dir: Option<DataDir>,
    /// Holds the spill files of a runtime without a data directory.
    _scratch: Option<tempfile::TempDir>,
}

impl Drop for Inner {
    /// Actors that still work on something must not write beside whoever opens the data directory next.
    fn drop(&mut self) {
        self.actors.close();
    }
}

/// How to set a runtime up. Every setting has a default.
#[derive(Debug, Clone, Default)]
pub struct RuntimeBuilder {
    data_dir: Option<PathBuf>,
    cache_dir: Option<PathBuf>,
    guest_threads: Option<usize>,
    object_limits: Option<ObjectLimits>,
    storage: Option<Arc<dyn Storage>>,
    device: Option<DeviceConfig>,
}

impl RuntimeBuilder {
    /// Where durable state is kept: workflow runs and their objects. Without it the runtime keeps nothing beyond its
    /// own end, and cannot run workflows. One process at a time may have it open.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Where compiled code is kept; [`default_cache_dir`] by default.
    pub fn cache_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(path.into());
        self
    }

    /// Threads that guests run on; one for each processor by default.
    pub fn guest_threads(mut self, threads: usize) -> Self {
        self.guest_threads = Some(threads);
        self
    }

    /// What the object store may use: 2 GB of memory by default, then disk.
    pub fn object_limits(mut self, limits: ObjectLimits) -> Self {
        self.object_limits = Some(limits);
        self
    }

    /// Where the log and the checkpoints of actors are kept instead of the data directory, such as a storage that a test
    /// makes fail. It has no index on disk: opening it reads the whole log.
    pub fn actor_storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = Some(storage);
        self
    }

    /// How the compute device for the kernels of guests is set up; [`device_from_environment`] by default.
    pub fn device(mut self, config: DeviceConfig) -> Self {
        self.device = Some(config);
        self
    }

    /// Sets the runtime up and starts its threads.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the data directory is in use or of another version, [`Error::Engine`] or
    /// [`Error::Setup`] when this machine cannot run it.
    pub fn build(self) -> Result<Runtime, Error> {
        let machine = Machine::detect();
        crate::machine::raise_files_limit();
        let setup = |error: std::io::Error| Error::Setup(error.to_string());
        let data_dir = self.data_dir.map(DataDir::open).transpose()?;
        let (spill_dir, scratch) = match &data_dir {
            Some(data_dir) => (data_dir.spill_dir(), None),
            None => {
                let scratch = tempfile::Builder::new().prefix("belljar-").tempdir().map_err(setup)?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let objects = Arc::new(ObjectStore::new(self.object_limits.unwrap_or_default(), spill_dir)?);
        let events = Arc::new(EventBus::new());
        let services = Services {
            events: events.clone(),
            objects: Arc::new(StoreObjects(objects.clone())),
            http: Arc::new(HttpClient::new(objects.clone())),
            actors: Arc::new(belljar_engine::capability::NoActors),
            timers: None,
            compute: Arc::new(Processors::new(machine.cores, self.device.unwrap_or_else(device_from_environment))),
        };
        let engine = match self.cache_dir {
            Some(cache_dir) => Engine::new(&EngineOptions { cache_dir: Some(cache_dir) })?,
            // Nobody asked for this folder, so it is no error if it cannot be used.
            None => Engine::new(&EngineOptions { cache_dir: default_cache_dir() }).or_else(|error| {
                tracing::warn!(%error, "compiled code is not kept; name a folder with BELLJAR_CACHE_DIR");
                Engine::new(&EngineOptions::default())
            })?,
        };
        let executor = GuestExecutor::start(self.guest_threads.unwrap_or(machine.cores).max(1)).map_err(setup)?;
        let instances = Arc::new(Semaphore::new(machine.instances_live_max));
        let durable = data_dir.as_ref().map(|data_dir| Durable::open(data_dir, self.storage)).transpose()?;
        let actors = System::new(executor.handle(), engine.clone(), services.clone(), instances.clone(), durable);
        Ok(Runtime {
            inner: Arc::new(Inner {
                executor,
                engine,
                objects,
                services,
                events,
                instances,
                runs: Runs::default(),
                actors,
                data_dir,
                _scratch: scratch,
            }),
        })
    }
}

/// Where compiled code is kept unless told otherwise: `BELLJAR_CACHE_DIR`, else `belljar` in `XDG_CACHE_HOME`, else
/// in `~/.cache`. It is shared by all data directories of a user. None where there is no home.
pub fn default_cache_dir() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("BELLJAR_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("belljar")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/belljar")))
}

/// The compute device as the environment wants it: `BELLJAR_COMPUTE_CPU=1` lets kernels run on an adapter that computes on
/// the processor, `BELLJAR_COMPUTE_ADAPTER` is a part of the name of the adapter to use.
pub fn device_from_environment() -> DeviceConfig {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    DeviceConfig {
        allow_cpu: set("BELLJAR_COMPUTE_CPU").is_some_and(|value| value != "0"),
        adapter_name: set("BELLJAR_COMPUTE_ADAPTER"),
        ..DeviceConfig::default()
    }
}

impl Runtime {
    /// Starts to set a runtime up.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Loads a plugin file, with the grants of the [`Manifest`] beside it if there is one.
    pub async fn load(&self, path: impl AsRef<Path>) -> Result<Plugin, Error> {
        let manifest = Manifest::beside(path.as_ref())?;
        self.load_with(path, manifest.grants, manifest.limits).await
    }

    /// Loads a plugin file with these grants and limits; a manifest beside it is not read.
    pub async fn load_with(&self, path: impl AsRef<Path>, grants: Grants, limits: Limits) -> Result<Plugin, Error> {
        let (engine, path) = (self.inner.engine.clone(), path.as_ref().to_owned());
        self.link(grants, limits, move || engine.load_file(path)).await
    }

    /// Loads a plugin from memory, under a name of your own.
    pub async fn load_bytes(
        &self,
        name: &str,
        bytes: Vec<u8>,
        grants: Grants,
        limits: Limits,
    ) -> Result<Plugin, Error> {
        let (engine, name) = (self.inner.engine.clone(), name.to_owned());
        self.link(grants, limits, move || engine.load_bytes(&name, &bytes)).await
    }

    async fn link(
        &self,
        grants: Grants,
        limits: Limits,
        load: impl FnOnce() -> Result<belljar_engine::Component, belljar_engine::Error> + Send + 'static,
    ) -> Result<Plugin, Error> {
        let manifest = Manifest { grants, limits }.normalised().map_err(Error::Setup)?;
        let linked = tokio::task::spawn_blocking(move || load()?.link(manifest.grants, manifest.limits)).await;
        Ok(Plugin::new(self.clone(), linked.map_err(|_| Error::ShutDown)??))
    }

    /// What guests' own kernels run on, which is looked for if that has not been done. The kernels run in processes of this
    /// program, whose `main` therefore calls [`compute::run_worker_if_asked`](crate::compute::run_worker_if_asked) first.
    ///
    /// # Errors
    ///
    /// [`DeviceError`], which says what there is, and what to do.
    pub async fn compute_adapter(&self) -> Result<Adapter, DeviceError> {
        self.inner.services.compute.adapter().await
    }

    /// Puts bytes into the object store.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when neither memory nor disk has room.
    pub fn put(&self, bytes: impl AsRef<[u8]>) -> Result<ObjectRef, Error> {
        let object = StoredObject::put(&self.inner.objects, bytes.as_ref())?;
        Ok(ObjectRef::ready_with(Content::Bytes(object)))
    }

    /// Waits until `count` of these results are there, good or bad, or the time is over. Returns their indices, the
    /// ready ones in the order in which they became ready, and the others.
    pub async fn wait(
        &self,
        objects: &[ObjectRef],
        count: usize,
        timeout: Option<Duration>,
    ) -> (Vec<usize>, Vec<usize>) {
        let mut waiting: FuturesUnordered<_> = objects
            .iter()
            .enumerate()
            .map(|(at, object)| async move {
                object.ready().await;
                at
            })
            .collect();
        let mut ready = Vec::new();
        let enough = async {
            while ready.len() < count.min(objects.len()) {
                match waiting.next().await {
                    Some(at) => ready.push(at),
                    None => break,
                }
            }
        };
        match timeout {
            // Running out of time is an answer here, not an error: what is ready is returned.
            Some(timeout) => tokio::time::timeout(timeout, enough).await.unwrap_or_default(),
            None => enough.await,
        }
        let others = (0..objects.len()).filter(|at| !ready.contains(at)).collect();
        (ready, others)
    }

    /// The actors.
    pub fn actors(&self) -> Actors {
        Actors::new(self.clone(), self.inner.actors.clone())
    }

    /// What the object store holds.
    pub fn object_stats(&self) -> ObjectStats {
        self.inner.objects.stats()
    }

    /// The numbers that plugins reported, by plugin and name.
    pub fn metrics(&self) -> Vec<MetricSnapshot> {
        self.inner.events.metrics()
    }

    /// Log lines and progress of all guests from now on.
    pub fn events(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.inner.events.subscribe()
    }

    /// The engine, for what needs no runtime: loading and inspecting components.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The data directory, if the runtime has one.
    pub fn data_dir(&self) -> Option<&DataDir> {
        self.inner.data_dir.as_ref()
    }

    pub(crate) fn objects(&self) -> &Arc<ObjectStore> {
        &self.inner.objects
    }

    pub(crate) fn services(&self) -> &Services {
        &self.inner.services
    }

    /// Waits until another instance may live.
    pub(crate) async fn admit(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.inner.instances.clone().acquire_owned().await.map_err(|_| Error::ShutDown)
    }

    /// The workflow runs that are going on in this process.
    pub(crate) fn runs(&self) -> &Runs {
        &self.inner.runs
    }

    /// Runs work of yours on a guest thread, beside the guests: calls that it makes save the way between threads. It
    /// must not block.
    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.inner.executor.spawn(work)
    }

    /// Runs work on a guest thread and waits for it. When the waiting future is dropped, the work is too.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let mut task = AbortOnDrop(self.spawn(work));
        (&mut task.0).await.unwrap_or(Err(Error::ShutDown))
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
