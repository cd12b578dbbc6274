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
//! | [`ActorLog`] | the histories of all actors, in one totally ordered log | what was reported durable survives any crash; a damaged record is a typed error |
//! | [`Storage`] | append-only files, real ones or ones that a test makes fail | nothing is durable before its sync |
//! | [`checkpoint`] | the state of actors between two messages: manifests, and chunks in packs | what is read is what was written, or a typed error |
//! | [`bucket`] | checkpoints off the machine, in S3 or a shared folder | one owner per actor; an old one cannot overwrite a new one |
//! | [`Catalog`] | runs, items and steps of workflows, in SQLite | one change is one transaction, on the disk before it returns |
//!
//! # The data directory
//!
//! ```text
//! belljar-data           what this directory is, and the version of its format
//! lock                   held by the writer; contains its process id
//! catalog.sqlite         the catalog (with -wal and -shm beside it while it is open)
//! actors/log/*.seg       the log of actors
//! actors/index.sqlite    the index of that log, which can be made anew from it
//! objects/ab/ab12…       durable objects, by BLAKE3 digest
//! actors/packs/….pack    chunks of checkpoints, by the BLAKE3 digest of the pack's footer
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
pub mod bucket;
mod catalog;
pub mod checkpoint;
mod clock;
mod data_dir;
mod digest;
mod error;
mod lock_file;
mod log;
mod objects;
mod storage;
#[cfg(test)]
mod testing;

pub use catalog::{
    Catalog, ITEMS_PER_RUN_MAX, Item, ItemUpdate, JSON_BYTES_MAX, NAME_BYTES_MAX, NewItem, NewRun, RUN_ITEM,
    RUNS_LISTED_MAX, Run, RunFilter, RunId, RunOutcome, RunStatus, Step, StepKey, StepState, run_key,
};
pub use data_dir::{DataDir, FORMAT_VERSION};
pub use digest::Digest;
pub use error::StoreError;
pub use log::{
    ACTOR_NAME_BYTES_MAX, ACTOR_STATUS_BYTES_MAX, ActorEntry, ActorId, ActorLog, ActorWriter, Appended, Compaction,
    Damage, History, IndexPlace, LogOptions, LogReport, LogStats, NewActor, NextTimer, Position, RECORD_BYTES_MAX,
    Record, RecordKind, Ticket, Update,
};
pub use objects::{
    DurableObjects, OBJECT_BYTES_MAX, OBJECT_MEMORY_BYTES_MAX, OBJECT_SPILL_BYTES_MAX, ObjectHandle, ObjectId,
    ObjectInfo, ObjectLimits, ObjectStats, ObjectStore, Residence,
};
pub use storage::{CrashDamage, Fault, FaultyStorage, LocalStorage, Storage, StorageFile};

/// Opens what actors are kept in: the log of everything, and the packs of what is too large for a record. For a writer
/// under a new lease, for a reader as it is now.
///
/// # Errors
/// Those of [`ActorLog::open`].
pub fn open_actors(data_dir: &DataDir) -> Result<(ActorLog, checkpoint::Packs)> {
    let storage: std::sync::Arc<dyn Storage> = std::sync::Arc::new(LocalStorage::new(data_dir.path()));
    let index = IndexPlace::File(data_dir.path().join("actors/index.sqlite"));
    if data_dir.is_writer() {
        let packs = checkpoint::Packs::new(storage.clone(), "actors/packs");
        Ok((ActorLog::open(storage, &index, LogOptions::default())?, packs))
    } else {
        let packs = checkpoint::Packs::read_only(storage.clone(), "actors/packs");
        Ok((ActorLog::open_read_only(storage, &index)?, packs))
    }
}

/// The result of everything that this crate does.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
