//! Who holds an object: a handle counts as one holder, its clones share the count, and the last one to go
//! frees the object.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::store::Shared;

/// The number of an object. It is never given again within a process, not even by another store, so a
/// stale id names nothing rather than something else. Numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ObjectId(pub u64);

impl ObjectId {
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A share in an object. The object lives as long as one of its handles does, and its store as long as
/// one of its objects.
#[derive(Clone)]
pub struct ObjectHandle(pub(super) Arc<Hold>);

/// What all handles of one object share.
pub(super) struct Hold {
    pub(super) id: ObjectId,
    pub(super) size_bytes: u64,
    pub(super) store: Arc<Shared>,
}

impl ObjectHandle {
    /// The object's number.
    pub fn id(&self) -> ObjectId {
        self.0.id
    }

    /// The object's size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }
}

impl fmt::Debug for ObjectHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectHandle({}, {} B)", self.0.id, self.0.size_bytes)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.store.free(self.id);
    }
}
