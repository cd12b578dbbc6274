//! What a component is, without running it: for `belljar plugin inspect`, and for the errors of a load.

use std::collections::BTreeMap;

use serde::Serialize;
use wasmparser::{Encoding, KnownCustom, Parser, Payload};

use crate::imports::Provision;
use crate::wit::Method;
use crate::{Component, Digest, Error};

/// Core modules nested in components, and components in components, that are read: 1,000 in all.
const PARTS_MAX: usize = 1_000;

/// A component's description.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Its name.
    pub name: String,
    /// The BLAKE3 of its bytes.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    /// Its methods.
    pub methods: Vec<Method>,
    /// What it imports.
    pub imports: Vec<ImportReport>,
    /// The linear memories of its core modules.
    pub memories: Vec<MemoryReport>,
    /// The languages and tools that it was made with, as its producers section says.
    pub producers: BTreeMap<String, String>,
}

/// An import of a component.
#[derive(Debug, Clone, Serialize)]
pub struct ImportReport {
    /// As the component names it.
    pub name: String,
    /// Whether Belljar provides it.
    pub status: ImportStatus,
    /// What has to be added or changed, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Whether an import can be satisfied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// It is there for every plugin.
    Provided,
    /// It is there for every plugin, and can do nothing without a grant.
    Powerless,
    /// It is refused without a grant.
    NeedsGrant,
    /// Belljar does not have it.
    Missing,
}

/// A linear memory that a core module defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryReport {
    /// Its size at the start.
    pub initial_bytes: u64,
    /// The most it may grow to by its own declaration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_bytes: Option<u64>,
}

impl Inspection {
    pub(crate) fn new(
        component: &Component,
        memories: &[MemoryReport],
        producers: &BTreeMap<String, String>,
        size_bytes: u64,
    ) -> Inspection {
        let imports = component.imports().iter().map(|import| {
            let (status, remedy) = match import.provision() {
                Provision::Always => (ImportStatus::Provided, None),
                Provision::Powerless => (ImportStatus::Powerless, None),
                Provision::Granted { grant, .. } => {
                    (ImportStatus::NeedsGrant, Some(format!("add `{grant}` to its grants")))
                }
                Provision::Missing { remedy } => (ImportStatus::Missing, Some(remedy)),
            };
            ImportReport { name: import.name.clone(), status, remedy }
        });
        Inspection {
            name: component.name().to_owned(),
            digest: component.digest(),
            size_bytes,
            methods: component.methods().cloned().collect(),
            imports: imports.collect(),
            memories: memories.to_vec(),
            producers: producers.clone(),
        }
    }
}

/// What a look at the bytes tells that the compiled component does not.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub memories: Vec<MemoryReport>,
    pub producers: BTreeMap<String, String>,
}

/// Reads the sections of a component and refuses what is none.
pub(crate) fn scan(name: &str, bytes: &[u8]) -> Result<Scan, Error> {
    let not = |found, remedy| Error::NotAComponent { name: name.to_owned(), found, remedy };
    if !bytes.starts_with(b"\0asm") {
        let found = if bytes.is_empty() { "empty" } else { "something else" };
        return Err(not(found, "name a .wasm file that a component toolchain built"));
    }
    let malformed =
        |error: wasmparser::BinaryReaderError| Error::Compile { name: name.to_owned(), message: format!("{error}") };
    let mut scan = Scan::default();
    let mut parts = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(malformed)? {
            Payload::Version { encoding: Encoding::Module, .. } if parts == 0 => {
                return Err(not(
                    "a core module",
                    "wrap it into a component: build it with `wasm-component-ld` as the linker, or run \
                     `wasm-tools component new` on it",
                ));
            }
            Payload::Version { .. } => {
                parts += 1;
                if parts > PARTS_MAX {
                    let message = format!("it consists of more than {PARTS_MAX} modules and components");
                    return Err(Error::Compile { name: name.to_owned(), message });
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory.map_err(malformed)?;
                    let page_bytes = 1_u64 << memory.page_size_log2.unwrap_or(16).min(16);
                    scan.memories.push(MemoryReport {
                        initial_bytes: memory.initial.saturating_mul(page_bytes),
                        maximum_bytes: memory.maximum.map(|pages| pages.saturating_mul(page_bytes)),
                    });
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(fields) = section.as_known() {
                    // A producers section is a hint; a malformed one is no reason to refuse the component.
                    for field in fields.into_iter().flatten() {
                        for value in field.values.into_iter().flatten() {
                            scan.producers.insert(value.name.to_owned(), value.version.to_owned());
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(scan)
}
