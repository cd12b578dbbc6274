//! The engine's view of the object store.

use std::any::Any;
use std::sync::Arc;

use belljar_engine::capability::{HeldObject, ObjectError, ObjectHost};
use belljar_store::{ObjectHandle, ObjectStore, StoreError};

/// Puts guests' objects into the store.
pub(crate) struct StoreObjects(pub Arc<ObjectStore>);

/// An object of the store, as an instance holds it.
#[derive(Clone)]
pub(crate) struct StoredObject {
    store: Arc<ObjectStore>,
    handle: ObjectHandle,
}

impl StoredObject {
    pub(crate) fn put(store: &Arc<ObjectStore>, bytes: impl Into<Arc<[u8]>>) -> Result<StoredObject, StoreError> {
        Ok(StoredObject { handle: store.put(bytes)?, store: store.clone() })
    }

    pub(crate) fn bytes(&self) -> Result<Arc<[u8]>, StoreError> {
        self.store.get(&self.handle)
    }
}

impl ObjectHost for StoreObjects {
    fn put(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn HeldObject>, ObjectError> {
        Ok(Arc::new(StoredObject::put(&self.0, bytes).map_err(object_error)?))
    }
}

impl HeldObject for StoredObject {
    fn id(&self) -> u64 {
        self.handle.id().0
    }

    fn size_bytes(&self) -> u64 {
        self.handle.size_bytes()
    }

    fn in_memory(&self) -> bool {
        self.store.is_in_memory(&self.handle)
    }

    fn read(&self) -> Result<Arc<[u8]>, ObjectError> {
        self.bytes().map_err(object_error)
    }

    fn read_range(&self, offset: u64, length: u64) -> Result<Arc<[u8]>, ObjectError> {
        self.store.slice(&self.handle, offset, length).map(Into::into).map_err(object_error)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn object_error(error: StoreError) -> ObjectError {
    match error {
        StoreError::Full { .. } => ObjectError::Full(error.to_string()),
        other => ObjectError::Storage(other.to_string()),
    }
}
