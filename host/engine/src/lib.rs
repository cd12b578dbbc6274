//! The sandbox of Belljar: it loads WebAssembly components, says what they are, checks them against what
//! they were granted, and runs them inside limits.
//!
//! This is the only crate that names wasmtime, and the only one that may contain `unsafe`. It knows
//! nothing of tasks, workflows or files on disk: what an instance may reach outside itself comes in through
//! the traits of [`capability`], which an embedding runtime implements.
//!
//! The way of a call:
//!
//! 1. [`Engine::load_file`] or [`Engine::load_bytes`] compiles a component, or takes the compiled code from
//!    the [`cache`]; the [`Component`] knows its [`Method`]s and can be [inspected](Component::inspect).
//! 2. [`Component::link`] checks its imports against [`Grants`] and refuses, by name, what is missing.
//! 3. [`Linked::instantiate`] makes an [`Instance`] within [`Limits`].
//! 4. [`Instance::capture`] takes what a guest has written, between two calls, and [`Linked::restore`] makes an instance
//!    that goes on from there.
//! 5. [`Instance::call`] (typed Rust) or [`Instance::call_values`] (dynamic values, which [`codec`] turns
//!    into JSON and WAVE and back) runs a method. What goes wrong inside the guest is a [`Fault`].

pub mod cache;
pub mod capability;
pub mod codec;
mod component;
pub mod compute;
mod engine;
mod error;
mod exports;
mod fault;
mod grants;
mod imports;
mod inspect;
mod instance;
mod limits;
mod link;
pub mod snapshot;
mod state;
mod ticker;
mod wasi;
pub mod wit;

#[cfg(test)]
mod testing;

pub use component::{COMPONENT_BYTES_MAX, Component, Digest};
pub use compute::{ComputeState, DamagedCompute, Processors};
pub use engine::{Engine, EngineOptions};
pub use error::Error;
pub use fault::{FRAMES_MAX, Fault, FaultKind, Frame};
pub use grants::{Access, DirectoryGrant, Grants};
pub use inspect::{ImportReport, ImportStatus, Inspection, MemoryReport};
pub use instance::{Instance, TypedMethod};
pub use limits::Limits;
pub use link::{Linked, Services};
pub use snapshot::{
    ActorImage, Capture, IMAGE_FILE_VERSION, ImageFileProblem, ImageFileState, MemorySnapshot, PAGE_BYTES, PageRun,
    Since, Snapshot,
};
pub use wit::{Method, WitType};

/// A value of any WIT type, as dynamic calls take and return it.
pub use wasmtime::component::Val as Value;

/// What a typed call's parameters and results must implement; the derives of the same names do it for
/// structs and enums. A derive needs `#[component(wasmtime_crate = belljar::typed)]`.
pub mod typed {
    pub use wasmtime::*;
}
pub use wasmtime::component::{ComponentNamedList, ComponentType, Lift, Lower};
