//! The engine: one compiler configuration, one ticker, one cache of compiled code, for all components.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Linker;

use crate::cache::CompiledCache;
use crate::component::{COMPONENT_BYTES_MAX, Component};
use crate::limits::STACK_BYTES_MAX;
use crate::snapshot::mapping::HostMemories;
use crate::state::HostState;
use crate::ticker::Ticker;
use crate::{Error, capability};

/// Stack for host functions beneath a guest's own: WASI's are deep in a build without optimisation.
const HOST_STACK_BYTES: usize = 1 << 20;
/// How long the self-test waits for the ticker.
const TICKER_PATIENCE: Duration = Duration::from_secs(2);

/// How to set up an [`Engine`].
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Where compiled code is kept; none to compile at every load.
    pub cache_dir: Option<PathBuf>,
}

/// Loads components. Cheap to clone; all clones share everything.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    ticker: Ticker,
    cache: Option<CompiledCache>,
    linker: Linker<HostState>,
    wasmtime: wasmtime::Engine,
}

impl Engine {
    /// Sets an engine up and starts its ticker.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] when this machine cannot run it, or the cache folder cannot be trusted.
    pub fn new(options: &EngineOptions) -> Result<Engine, Error> {
        let setup = |error: wasmtime::Error| Error::Setup(format!("{error:#}"));
        let wasmtime = wasmtime::Engine::new(&config()).map_err(setup)?;
        let ticker = Ticker::start(&wasmtime).map_err(|error| Error::Setup(error.to_string()))?;
        let mut linker = Linker::new(&wasmtime);
        capability::add_to_linker(&mut linker).map_err(setup)?;
        let cache = options.cache_dir.as_deref().map(|dir| CompiledCache::open(dir, &wasmtime)).transpose()?;
        Ok(Engine { inner: Arc::new(Inner { ticker, cache, linker, wasmtime }) })
    }

    /// Loads a component from a file; its name is the file's, without the ending.
    pub fn load_file(&self, path: impl AsRef<Path>) -> Result<Component, Error> {
        let path = path.as_ref();
        let bytes = read_bounded(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().map_or("component".into(), |stem| stem.to_string_lossy());
        self.load_bytes(&name, &bytes)
    }

    /// Loads a component from memory, under a name of the caller's. Compiling takes 0.1 s for a small
    /// component and half a minute for a Python one; the cache makes the second time short.
    pub fn load_bytes(&self, name: &str, bytes: &[u8]) -> Result<Component, Error> {
        Component::load(self, name, bytes)
    }

    /// Checks what every deadline rests on: that the ticker ticks.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] when it does not tick within two seconds.
    pub fn self_test(&self) -> Result<(), Error> {
        if self.inner.ticker.ticks_within(TICKER_PATIENCE) {
            Ok(())
        } else {
            Err(Error::Setup("the ticker does not tick, so no deadline would hold".to_owned()))
        }
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    pub(crate) fn cache(&self) -> Option<&CompiledCache> {
        self.inner.cache.as_ref()
    }

    pub(crate) fn linker(&self) -> &Linker<HostState> {
        &self.inner.linker
    }
}

/// Reads a file, and of one that is too large for a component one byte more than is allowed: its size as the
/// file system tells it means nothing for a pipe or a device.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn config() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    // Off, because it makes every call four times as slow, and async signatures are refused anyway.
    config.concurrency_support(false);
    // Memories belong to the host, which maps what they start with; wasmtime's own images would be mapped over it.
    config.with_host_memory(Arc::new(HostMemories));
    config.memory_init_cow(false);
    config.max_wasm_stack(STACK_BYTES_MAX);
    config.async_stack_size(STACK_BYTES_MAX + HOST_STACK_BYTES);
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(crate::FRAMES_MAX));
    config
}
