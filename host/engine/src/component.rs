//! A loaded component: its compiled code, and what it says about itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use tokio::sync::OnceCell;
use wasmtime::component::Val;

use crate::codec;
use crate::exports::{self, Export};
use crate::imports::{self, Import};
use crate::inspect::MemoryReport;
use crate::limits::Limits;
use crate::snapshot::ActorImage;
use crate::snapshot::birth::MemoryPlan;
use crate::snapshot::globals::GlobalAccess;
use crate::snapshot::image::Image;
use crate::snapshot::instrument::{self, Obstacle, Preparation};
use crate::wit::Method;
use crate::{Engine, Error, Grants, Inspection, Linked, inspect};

/// Bytes of a component file: 64 MiB. A Python component has 18 MB.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// The BLAKE3 of a component's bytes: what it is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    pub(crate) fn from_hash(hash: blake3::Hash) -> Digest {
        Digest(*hash.as_bytes())
    }

    /// The digest that these bytes are.
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A component that is compiled and ready to be linked. Cheap to clone.
#[derive(Clone)]
pub struct Component {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    name: Arc<str>,
    digest: Digest,
    size_bytes: u64,
    memories: Vec<MemoryReport>,
    producers: BTreeMap<String, String>,
    exports: Vec<Export>,
    imports: Vec<Import>,
    compiled: wasmtime::component::Component,
    snapshots: SnapshotPlan,
    bytes: Arc<[u8]>,
}

/// What making and taking snapshots of this component's instances needs.
struct SnapshotPlan {
    obstacles: Vec<String>,
    globals: Vec<GlobalAccess>,
    has_start: bool,
    /// What the memories of a fresh instance are.
    fresh: Arc<[MemoryPlan]>,
    /// Their sizes as the component declares them.
    declared_bytes: Vec<u64>,
    base: OnceCell<ActorImage>,
}

impl Component {
    pub(crate) fn load(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Component, Error> {
        let size_bytes = bytes.len() as u64;
        if size_bytes > COMPONENT_BYTES_MAX {
            return Err(Error::TooLarge { name: name.to_owned(), limit_bytes: COMPONENT_BYTES_MAX });
        }
        let scan = inspect::scan(name, bytes)?;
        let digest = Digest::of(bytes);
        let wasmtime = engine.wasmtime();
        let malformed = |message: String| Error::Compile { name: name.to_owned(), message };
        let prepared = instrument::prepare(bytes).map_err(|error| malformed(error.to_string()))?;
        let to_compile = match &prepared {
            Preparation::Snapshotable(prepared) => prepared.bytes.as_slice(),
            Preparation::NotSnapshotable(_) => bytes,
        };
        let compile = || wasmtime::component::Component::from_binary(wasmtime, to_compile);
        let compiled = match engine.cache() {
            Some(cache) => cache.get_or_compile(wasmtime, &digest, compile),
            None => compile(),
        };
        let compiled = compiled.map_err(|error| malformed(format!("{error:#}")))?;
        let snapshots = SnapshotPlan::new(&prepared, &compiled).map_err(malformed)?;
        let exports = exports::read(&compiled, wasmtime, &prepared.accessors());
        let imports = imports::read(&compiled, wasmtime);
        Ok(Component {
            inner: Arc::new(Inner {
                engine: engine.clone(),
                name: name.into(),
                digest,
                size_bytes,
                memories: scan.memories,
                producers: scan.producers,
                exports,
                imports,
                compiled,
                snapshots,
                bytes: bytes.into(),
            }),
        })
    }

    /// Its name: the file's without the ending, or what the caller chose.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// Its methods, in the order of its exports.
    pub fn methods(&self) -> impl ExactSizeIterator<Item = &Method> {
        self.inner.exports.iter().map(|export| &export.method)
    }

    /// The method of this name: `function`, `interface/function`, or `package:name/interface@version#function`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMethod`] with the names that there are, also when two interfaces have a function of this
    /// name; [`Error::UnsupportedMethod`] for a signature
    /// that no message can carry.
    pub fn method(&self, name: &str) -> Result<&Method, Error> {
        self.export(name).map(|export| &export.method)
    }

    /// Reads a call in WAVE, such as `add(1, 2)`, against this component's types.
    pub fn parse_wave(&self, call: &str) -> Result<(&Method, Vec<Val>), Error> {
        let call = codec::parse_call(call).map_err(Error::NotACall)?;
        let export = self.export(call.method())?;
        let arguments =
            call.arguments(export).map_err(|source| Error::Arguments { method: export.method.name.clone(), source })?;
        Ok((&export.method, arguments))
    }

    /// Reads the arguments of a method from JSON; see [`codec::params_from_json`].
    pub fn parse_json(&self, method: &str, arguments: &serde_json::Value) -> Result<(&Method, Vec<Val>), Error> {
        let method = self.method(method)?;
        let values = codec::params_from_json(arguments, &method.params)
            .map_err(|source| Error::Arguments { method: method.name.clone(), source })?;
        Ok((method, values))
    }

    /// What the component is: methods, imports and what they need, memories, size, tools.
    pub fn inspect(&self) -> Inspection {
        Inspection::new(self, &self.inner.memories, &self.inner.producers, self.inner.size_bytes)
    }

    /// Checks what the component imports against what it is granted, and prepares it for instances.
    ///
    /// # Errors
    ///
    /// [`Error::MissingImport`], [`Error::ImportNotGranted`] and [`Error::BadGrant`], each with the line to add
    /// or change.
    pub fn link(&self, grants: Grants, limits: Limits) -> Result<Linked, Error> {
        Linked::new(self.clone(), grants, limits)
    }

    pub(crate) fn export(&self, name: &str) -> Result<&Export, Error> {
        let export = exports::find(&self.inner.exports, name).ok_or_else(|| Error::UnknownMethod {
            name: self.name().to_owned(),
            method: name.to_owned(),
            available: self.methods().map(|method| method.name.clone()).collect(),
        })?;
        match &export.method.unsupported {
            None => Ok(export),
            Some(reason) => Err(Error::UnsupportedMethod {
                name: self.name().to_owned(),
                method: export.method.name.clone(),
                reason: reason.clone(),
            }),
        }
    }

    pub(crate) fn imports(&self) -> &[Import] {
        &self.inner.imports
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Why the memory of an instance cannot be snapshotted; empty if it can.
    pub fn snapshot_obstacles(&self) -> &[String] {
        &self.inner.snapshots.obstacles
    }

    /// Whether it runs kernels of its own on the compute device, which need not come to the same twice.
    pub fn computes_on_device(&self) -> bool {
        self.inner.imports.iter().any(imports::Import::is_of_device)
    }

    /// Its bytes, as they were loaded.
    pub fn bytes(&self) -> Arc<[u8]> {
        self.inner.bytes.clone()
    }

    pub(crate) fn fresh_memories(&self) -> &Arc<[MemoryPlan]> {
        &self.inner.snapshots.fresh
    }

    pub(crate) fn declared_memory_bytes(&self) -> &[u64] {
        &self.inner.snapshots.declared_bytes
    }

    pub(crate) fn globals(&self) -> &[GlobalAccess] {
        &self.inner.snapshots.globals
    }

    pub(crate) fn has_start(&self) -> bool {
        self.inner.snapshots.has_start
    }

    pub(crate) fn base_image_cell(&self) -> &OnceCell<ActorImage> {
        &self.inner.snapshots.base
    }

    pub(crate) fn compiled(&self) -> &wasmtime::component::Component {
        &self.inner.compiled
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.inner.name.clone()
    }
}

impl SnapshotPlan {
    fn new(preparation: &Preparation<'_>, compiled: &wasmtime::component::Component) -> Result<SnapshotPlan, String> {
        let prepared = match preparation {
            Preparation::Snapshotable(prepared) => prepared,
            Preparation::NotSnapshotable(obstacles) => return Ok(SnapshotPlan::impossible(obstacles)),
        };
        let index = |name: &String| {
            compiled.get_export_index(None, name).ok_or_else(|| format!("the accessor {name} is missing"))
        };
        let mut globals = Vec::with_capacity(prepared.globals.len());
        for global in &prepared.globals {
            globals.push(GlobalAccess {
                get: index(&global.getter)?,
                set: index(&global.setter)?,
                words: global.words,
            });
        }
        let mut fresh = Vec::with_capacity(prepared.memories.len());
        for memory in &prepared.memories {
            let pieces = memory.data.iter().map(|data| (data.offset, data.bytes));
            let image = Image::of_pieces(pieces).map_err(|error| format!("no memory for its data: {error}"))?;
            fresh.push(MemoryPlan { image: image.map(Arc::new), size_bytes: None });
        }
        Ok(SnapshotPlan {
            obstacles: Vec::new(),
            globals,
            has_start: prepared.has_start,
            fresh: fresh.into(),
            declared_bytes: prepared.memories.iter().map(|memory| memory.minimum_bytes).collect(),
            base: OnceCell::new(),
        })
    }

    fn impossible(obstacles: &[Obstacle]) -> SnapshotPlan {
        SnapshotPlan {
            obstacles: obstacles.iter().map(ToString::to_string).collect(),
            globals: Vec::new(),
            has_start: false,
            fresh: Arc::default(),
            declared_bytes: Vec::new(),
            base: OnceCell::new(),
        }
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("name", &self.name()).field("digest", &self.digest()).finish()
    }
}

#[cfg(test)]
mod tests;
