//! The few things that are asked of a bucket, and the one place in which waiting for it is asynchronous.
//!
//! Every request has a deadline, every answer a size that it may have, and requests that belong together are made a
//! few at a time. A request is tried again while its failure may pass; what came of a conditional write whose answer
//! was lost is found out by reading (see `swap`).

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt as _, UpdateVersion};
use tokio::runtime::Runtime;

use super::head::Unreadable;
use super::keys;
use super::swap::{Seen, Swapping};
use crate::error::StoreError;

/// How many requests are on their way at a time.
pub const REQUESTS_AT_ONCE: usize = 16;

/// How often a request is tried again that failed for a reason that may pass.
pub const RETRIES_MAX: usize = 4;

/// For how long a request is tried again.
pub const RETRY_TIME_MAX: Duration = Duration::from_secs(60);

/// How long one request may take. The longest ones carry 64 MiB.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// How long connecting may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most objects of one kind that a bucket is listed for: 10 million, which is 600 GiB of full chunks.
pub const OBJECTS_LISTED_MAX: usize = 10_000_000;

/// A bucket, asked by a thread that may block.
#[derive(Debug)]
pub(super) struct Io {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) swapping: Swapping,
    /// What errors call the bucket.
    pub(super) place: String,
    /// There until the end, which needs it by value.
    runtime: Option<Runtime>,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) seen: Seen,
}

/// What is known of an object without reading it.
#[derive(Clone, Debug)]
pub(super) struct Stat {
    pub(super) size_bytes: u64,
    /// When it was written, by the clock of the bucket.
    pub(super) written: SystemTime,
}

impl From<&ObjectMeta> for Stat {
    fn from(meta: &ObjectMeta) -> Self {
        Self { size_bytes: meta.size, written: meta.last_modified.into() }
    }
}

impl Io {
    pub(super) fn new(store: Arc<dyn ObjectStore>, swapping: Swapping, place: String) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::io("start a runtime for", place.as_ref(), error))?;
        Ok(Self { store, swapping, place, runtime: Some(runtime) })
    }

    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("the runtime is there until the drop").block_on(work)
    }

    /// An object of at most so many bytes, if it is there.
    pub(super) fn get(&self, key: &Path, bytes_max: u64) -> Result<Option<Object>, StoreError> {
        self.wait(self.read(key, bytes_max))
    }

    /// Several of them, in the order of the keys.
    pub(super) fn get_all(&self, keys: &[Path], bytes_max: u64) -> Vec<Result<Option<Object>, StoreError>> {
        self.wait(stream::iter(keys).map(|key| self.read(key, bytes_max)).buffered(REQUESTS_AT_ONCE).collect())
    }

    pub(super) async fn read(&self, key: &Path, bytes_max: u64) -> Result<Option<Object>, StoreError> {
        let found = match self.store.get(key).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(|error| self.failed("read", key, error))?,
        };
        if found.meta.size > bytes_max {
            let problem = format!("{} bytes are more than {bytes_max}", found.meta.size);
            return Err(self.unreadable(key, Unreadable::Damaged(problem)));
        }
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let bytes = found.bytes().await.map_err(|error| self.failed("read", key, error))?;
        Ok(Some(Object { seen: Seen { version, bytes: bytes.clone() }, bytes }))
    }

    /// Whether an object is there, and what of it is known.
    pub(super) fn stat(&self, key: &Path) -> Result<Option<Stat>, StoreError> {
        self.wait(self.look(key))
    }

    pub(super) async fn look(&self, key: &Path) -> Result<Option<Stat>, StoreError> {
        match self.store.head(key).await {
            Err(Error::NotFound { .. }) => Ok(None),
            found => Ok(Some(Stat::from(&found.map_err(|error| self.failed("look at", key, error))?))),
        }
    }

    /// Writes an object whose name says what it holds, so that it does no harm to write it again.
    pub(super) async fn write(&self, key: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.store.put(key, bytes.into()).await.map(drop).map_err(|error| self.failed("write", key, error))
    }

    /// All objects below a prefix.
    pub(super) fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let prefix = Path::from(prefix);
        let listed = self.store.list(Some(&prefix)).take(OBJECTS_LISTED_MAX + 1).try_collect::<Vec<_>>();
        let listed = self.wait(listed).map_err(|error| self.failed("list", &prefix, error))?;
        match listed.len() > OBJECTS_LISTED_MAX {
            false => Ok(listed),
            true => Err(StoreError::TooLarge {
                what: "the list of a bucket",
                size: listed.len() as u64,
                limit: "OBJECTS_LISTED_MAX",
                limit_value: OBJECTS_LISTED_MAX as u64,
            }),
        }
    }

    /// Removes objects, with one request where the bucket knows such. One that is gone already is as good as removed.
    pub(super) fn delete_all(&self, keys: Vec<Path>) -> Result<(), StoreError> {
        let Some(first) = keys.first().cloned() else { return Ok(()) };
        let deleted = self.store.delete_stream(stream::iter(keys).map(Ok).boxed());
        let deleted = deleted.filter_map(async |deleted| match deleted {
            Ok(_) | Err(Error::NotFound { .. }) => None,
            Err(error) => Some(Err(self.failed("remove", &first, error))),
        });
        self.wait(deleted.try_collect())
    }

    /// The error for a request that failed.
    pub(super) fn failed(&self, action: &'static str, key: &Path, error: Error) -> StoreError {
        // These are for whoever uses the bucket to put right; of the others, each may pass.
        let is_lasting = matches!(
            error,
            Error::PermissionDenied { .. }
                | Error::Unauthenticated { .. }
                | Error::NotImplemented { .. }
                | Error::NotSupported { .. }
                | Error::InvalidPath { .. }
        );
        let (bucket, object) = (self.place.clone(), key.to_string());
        StoreError::Bucket { action, object, bucket, is_retryable: !is_lasting, source: Box::new(error) }
    }

    /// The error for a bucket that somebody else is changing.
    pub(super) fn busy(&self, reason: impl Into<String>) -> StoreError {
        StoreError::BucketBusy { bucket: self.place.clone(), reason: reason.into() }
    }

    /// The error for an object that is not what was written.
    pub(super) fn unreadable(&self, key: &Path, wrong: Unreadable) -> StoreError {
        match wrong {
            Unreadable::Damaged(problem) => StoreError::BucketDamaged {
                key: key.to_string(),
                bucket: self.place.clone(),
                problem,
                remedy: keys::remedy(key),
            },
            Unreadable::Version(found, supported) => {
                StoreError::CheckpointVersion { what: format!("{key} in {}", self.place), found, supported }
            }
        }
    }

    /// The number after this one, which an object has.
    pub(super) fn after(&self, key: &Path, number: u64) -> Result<u64, StoreError> {
        let last = || self.unreadable(key, Unreadable::Damaged("it counts as far as numbers go".to_owned()));
        number.checked_add(1).ok_or_else(last)
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its threads is not allowed where the owner is asynchronous; nothing of them is needed.
            runtime.shutdown_background();
        }
    }
}
