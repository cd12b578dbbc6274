//! The runs that are going on in this process: each only once, and garbage is collected only when there is none,
//! since an object is durable a moment before the record that names it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::Error;

/// The runs of one runtime.
#[derive(Default)]
pub(crate) struct Runs {
    keys: Arc<Mutex<HashSet<String>>>,
    objects: Arc<RwLock<()>>,
}

/// A run that is going on, until this is dropped.
pub(crate) struct Active {
    key: String,
    keys: Arc<Mutex<HashSet<String>>>,
    _objects: OwnedRwLockReadGuard<()>,
}

impl Runs {
    /// Starts a run.
    ///
    /// # Errors
    ///
    /// [`Error::RunInProgress`] for one that is going on.
    pub(crate) async fn start(&self, key: String) -> Result<Active, Error> {
        let objects = self.objects.clone().read_owned().await;
        if !self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            return Err(Error::RunInProgress);
        }
        Ok(Active { key, keys: self.keys.clone(), _objects: objects })
    }

    /// Keeps runs from starting, if none is going on.
    pub(crate) fn pause(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        self.objects.clone().try_write_owned().ok()
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
