//! What Belljar keeps on disk: the data directory, the objects and the catalog.
//!
//! Everything here is synchronous, takes `&self` and may be called from any thread; a caller that is
//! asynchronous calls it from a blocking thread. The crate knows nothing of WebAssembly and nothing of
//! what runs: it stores what it is told to, durably, and says in a typed [`StoreError`] when it cannot.
//!
//! # Map
//!
//! | module | holds | guarantees |
//! | --- | --- | --- |
//! | [`DataDir`] | the directory, its format version, its lock | one writer at a time, readers beside it |
//! | [`ObjectStore`] | immutable bytes of this process, counted by [`ObjectHandle`]s | a memory limit; past it the least recently used go to disk |
//! | [`DurableObjects`] | immutable bytes that outlive the process, named by [`Digest`] | on the disk before `put` returns; every read is verified |
//! | [`Catalog`] | runs, items and steps of workflows, in SQLite | one change is one transaction, on the disk before it returns |
//!
//! # The data directory
//!
//! ```text
//! belljar-data           what this directory is, and the version of its format
//! lock                   held by the writer; contains its process id
//! catalog.sqlite         the catalog (with -wal and -shm beside it while it is open)
//! objects/ab/ab12…       durable objects, by BLAKE3 digest
//! spill/7.spill          objects of the running process that did not fit in memory
//! ```
//!
//! # The order that makes a crash harmless
//!
//! A step's output is first put into [`DurableObjects`] and only then named by
//! [`Catalog::step_completed`], which records the output, the item's new status and its record fields
//! in one transaction. A process that dies between the two leaves an object that no record names, which
//! [`DurableObjects::retain`] removes later; it never leaves a record that names a missing object.

mod atomic_file;
mod catalog;
mod clock;
mod data_dir;
mod digest;
mod error;
mod lock_file;
mod objects;

pub use catalog::{
    Catalog, ITEMS_PER_RUN_MAX, Item, ItemUpdate, JSON_BYTES_MAX, NAME_BYTES_MAX, NewItem, NewRun, RUN_ITEM,
    RUNS_LISTED_MAX, Run, RunFilter, RunId, RunOutcome, RunStatus, Step, StepKey, StepState, run_key,
};
pub use data_dir::{DataDir, FORMAT_VERSION};
pub use digest::Digest;
pub use error::StoreError;
pub use objects::{
    DurableObjects, OBJECT_BYTES_MAX, OBJECT_MEMORY_BYTES_MAX, OBJECT_SPILL_BYTES_MAX, ObjectHandle, ObjectId,
    ObjectInfo, ObjectLimits, ObjectStats, ObjectStore, Residence,
};

/// The result of everything that this crate does.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
