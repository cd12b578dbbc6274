//! Immutable bytes, held once and shared by reference.
//!
//! [`ObjectStore`] holds the objects of this process, as long as somebody has a handle; [`DurableObjects`]
//! holds, by content, those that a record in the catalog names. The former is a cache with a memory
//! limit, the latter is part of the truth; a step's output is copied from one into the other.

mod durable;
mod handle;
mod ledger;
mod limits;
mod spill;
mod store;

pub use durable::DurableObjects;
pub use handle::{ObjectHandle, ObjectId};
pub use ledger::{ObjectInfo, ObjectStats, Residence};
pub use limits::{OBJECT_BYTES_MAX, OBJECT_MEMORY_BYTES_MAX, OBJECT_SPILL_BYTES_MAX, ObjectLimits};
pub use store::ObjectStore;

#[cfg(test)]
mod tests;
