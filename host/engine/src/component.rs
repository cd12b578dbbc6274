//! A loaded component: its compiled code, and what it says about itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use wasmtime::component::Val;

use crate::codec;
use crate::exports::{self, Export};
use crate::imports::{self, Import};
use crate::inspect::MemoryReport;
use crate::limits::Limits;
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
        let compile = || wasmtime::component::Component::from_binary(wasmtime, bytes);
        let compiled = match engine.cache() {
            Some(cache) => cache.get_or_compile(wasmtime, &digest, compile),
            None => compile(),
        };
        let compiled =
            compiled.map_err(|error| Error::Compile { name: name.to_owned(), message: format!("{error:#}") })?;
        let exports = exports::read(&compiled, wasmtime);
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

    pub(crate) fn compiled(&self) -> &wasmtime::component::Component {
        &self.inner.compiled
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.inner.name.clone()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("name", &self.name()).field("digest", &self.digest()).finish()
    }
}

#[cfg(test)]
mod tests;
