//! Checkpoints: the state of an actor between two messages, kept so that it can be had back byte for byte.
//!
//! A checkpoint is a record in the actors' log whose payload is a [`Manifest`]. [`encode`] makes the payload
//! from what was taken of the actor, and [`load`] gives that back. The pages of a small actor are in the
//! payload; those of a large one are in [`Packs`], as chunks that are named by their content, and a manifest
//! lists only what has changed since the one before.
//!
//! | to | use |
//! | --- | --- |
//! | take and restore | [`encode`], [`load`] |
//! | look at a record without loading it | [`Manifest::from_bytes`] |
//! | see what has changed | [`diff`] |
//! | remove chunks that nothing names | [`Packs::collect_garbage`] |
//! | find damage before it is needed | [`Packs::verify`] |
//! | take an actor to another machine | [`export`], [`import`], or a [`Bucket`](crate::bucket::Bucket) |
//!
//! Everything that was read is verified before it is given out: a checkpoint is had as it was taken, or a
//! typed error says which part is damaged, and an older generation can be had instead. `docs/format.md`
//! describes every byte.

mod bundle;
mod chunk;
mod codec;
mod compress;
mod diff;
mod encode;
mod fetch;
pub(crate) mod fields;
mod flatten;
mod gc;
mod index;
mod load;
mod manifest;
mod pack;
mod packs;
mod page;
mod section;
mod stage;
pub(crate) mod transit;

pub use bundle::{BundleParts, Imported, export, import};
pub use chunk::{CHUNK_BYTES_MAX, CHUNK_PAGES_MAX};
pub use codec::{CHECKPOINT_FORMAT, MAGIC};
pub use diff::{CheckpointDiff, MemoryDiff, diff};
pub use encode::{Encoded, MemorySnapshot, PagesSnapshot, Snapshot, encode};
pub use flatten::{CHAIN_MAX, PageMap};
pub use gc::GcReport;
pub use load::{Loaded, LoadedMemory, LoadedPages, load, load_without_pages};
pub use manifest::{
    ATTACHMENTS_MAX, Cost, EXTENTS_MAX, Extent, GLOBALS_MAX, Global, HOST_STATE_BYTES_MAX, HOST_STATE_INLINE_BYTES_MAX,
    HostState, INLINE_BYTES_MAX, INLINE_PAGES_MAX, InlinePages, MEMORIES_MAX, Manifest, Meta, Pages, Parent,
    REASON_BYTES_MAX,
};
pub use pack::{PACK_CHUNKS_MAX, PACK_FORMAT};
pub use packs::{PackStats, Packs, Pin, Put};
pub use page::{MEMORY_BYTES_MAX, PAGE_BYTES, PageRun};
pub use section::BUNDLE_FORMAT;

#[cfg(test)]
pub(crate) mod tests;
