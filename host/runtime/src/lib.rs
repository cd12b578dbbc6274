//! Belljar as a library: sandboxed tasks, worker pools and workflows inside your own program.
//!
//! ```no_run
//! # async fn example() -> Result<(), belljar::Error> {
//! let runtime = belljar::Runtime::builder().build()?;
//! let greeter = runtime.load("greeter.wasm").await?;
//! let (sum,): (u32,) = greeter.call("add", (2, 3)).await?;
//! assert_eq!(sum, 5);
//! # Ok(())
//! # }
//! ```
//!
//! | module | is for |
//! | --- | --- |
//! | [`Runtime`] | one per process: guest threads, object store, plugins |
//! | [`Plugin`] | a component with its grants: typed calls, JSON calls, [`Task`]s |
//! | [`ObjectRef`] | the result of a task, there at once and filled later; `get`, [`Runtime::wait`], `cancel`, `free` |
//! | [`actor`] | plugins with a name and a state that survives crashes |
//! | [`Pool`] | workers that share a queue of tasks, fixed or autoscaled |
//! | [`workflow`] | TOML files of steps that resume where they stopped |
//! | [`Manifest`] | what a plugin file was granted |
//!
//! The library never names wasmtime, has no `unsafe`, and never blocks the caller's threads: guests run on
//! threads of their own, disk and network on the blocking pool.

pub mod actor;
mod clock;
mod error;
mod events;
mod executor;
mod http;
mod machine;
mod manifest;
mod object_ref;
mod objects;
mod plugin;
mod pool;
mod runtime;
mod task;
pub mod workflow;

pub use actor::{Actor, ActorError, ActorInfo, Actors, CheckpointInfo, Durability, SpawnOptions};
pub use error::Error;
pub use events::{MetricSnapshot, RuntimeEvent};
pub use http::{HTTP_BODY_BYTES_MAX, HTTP_REDIRECTS_MAX};
pub use machine::{INSTANCES_LIVE_MAX, Machine};
pub use manifest::Manifest;
pub use object_ref::ObjectRef;
pub use plugin::Plugin;
pub use pool::{Pool, PoolOptions, Strategy, WorkerStats};
pub use runtime::{Runtime, RuntimeBuilder, default_cache_dir, device_from_environment};
pub use task::Task;

pub use belljar_engine as engine;
pub use belljar_engine::compute;
pub use belljar_engine::{
    Access, Component, ComponentNamedList, ComponentType, DirectoryGrant, Engine, EngineOptions, Fault, FaultKind,
    Grants, Inspection, Lift, Limits, Lower, Method, WitType, typed,
};
pub use belljar_policy as policy;
pub use belljar_store as store;
pub use belljar_store::{ObjectInfo, ObjectStats};
