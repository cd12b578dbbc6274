//! Checkpoints in a bucket: of S3 or anything that speaks its language, or a folder on shared storage. What
//! lies there can go on, on another machine, when this one is gone.
//!
//! Guarantees:
//! - An actor has one owner. Whoever takes it over gets the next *lease number*, and from then on the owner
//!   before is refused ([`StoreError::LeaseLost`]) and has changed nothing: an old owner cannot overwrite a
//!   new one.
//! - What an actor is in the bucket changes by the one swap of its small [`Head`], after everything that the
//!   new head names is there. A push that dies at any point leaves the generations before it readable.
//! - Nothing that was read counts before it was verified against the digest that it was asked for by.
//! - A push only adds and a collection only removes; neither takes from under the other ([`Bucket::collect`]).
//!
//! The bucket must honour conditional writes (`If-Match`, `If-None-Match`). That is tried out when the first
//! actor is pushed to it.
//!
//! Everything here blocks, so a caller that is asynchronous calls it from a blocking thread; what is
//! asynchronous underneath stays in `io`.
//!
//! | file | holds |
//! | --- | --- |
//! | `place`, `io`, `swap` | what a URL names, and the few things that are asked of it |
//! | `keys`, `head`, `letter`, `mark` | what lies in it, as described in `docs/format.md` |
//! | `push`, `pull`, `collect` | adding, taking over, removing |

mod collect;
mod head;
mod io;
mod keys;
mod letter;
mod mark;
mod place;
mod pull;
mod push;
mod swap;

pub use collect::{COLLECTION_GRACE, COLLECTION_TIME_MAX, CollectedFromBucket};
pub use head::{GENERATIONS_IN_HEAD_MAX, HEAD_FORMAT, Head, InBucket, Owner};
pub use io::{OBJECTS_LISTED_MAX, REQUEST_TIMEOUT, REQUESTS_AT_ONCE, RETRIES_MAX, RETRY_TIME_MAX};
pub use letter::LETTER_FORMAT;
pub use mark::MARK_FORMAT;
pub use pull::{Claim, Pulled};
pub use push::{GENERATIONS_KEPT_IN_BUCKET, PUSH_TIME_MAX, Pushed};

use crate::error::StoreError;
use head::HEAD_BYTES_MAX;
use io::Io;
use swap::Seen;

/// An open bucket. All methods may be called from any thread that may block.
#[derive(Debug)]
pub struct Bucket {
    io: Io,
}

/// How far a push or a pull has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Chunks that are where they should be.
    pub done: u64,
    /// All chunks of the checkpoint.
    pub total: u64,
}

impl Bucket {
    /// Opens a bucket. Nothing is asked of it before it is used.
    ///
    /// | URL | is |
    /// | --- | --- |
    /// | `s3://bucket/prefix` | a bucket of S3; credentials, region and endpoint come from the usual `AWS_…` variables |
    /// | `s3://bucket?endpoint=http://host:9000&region=eu-1` | one of another service that speaks S3 |
    /// | `file:///folder` | a folder, which must be there |
    ///
    /// Where the variables hold no credentials, the machine's own are asked for, as AWS gives them to machines.
    ///
    /// # Errors
    /// [`StoreError::BucketUrl`] with what is wrong with the URL; [`StoreError::Io`] when threads cannot be had.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self { io: place::open(url, std::env::vars_os())? })
    }

    /// The bucket as errors name it: its URL without the query.
    pub fn place(&self) -> &str {
        &self.io.place
    }

    /// What the bucket says of an actor; none if it has no such actor.
    ///
    /// # Errors
    /// [`StoreError::BucketDamaged`], [`StoreError::CheckpointVersion`], [`StoreError::Bucket`].
    pub fn head(&self, name: &str) -> Result<Option<Head>, StoreError> {
        Ok(self.read_head(name)?.map(|(head, _)| head))
    }

    /// All actors of the bucket by name. One whose head cannot be read is an error among the others.
    ///
    /// # Errors
    /// [`StoreError::Bucket`] when the bucket cannot be listed.
    pub fn list(&self) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let keys: Vec<_> = self.io.list(keys::HEADS)?.into_iter().map(|object| object.location).collect();
        let objects = self.io.get_all(&keys, HEAD_BYTES_MAX);
        let read = keys.iter().zip(objects).filter_map(|(key, object)| {
            // One that is gone by now was removed.
            let object = object.transpose()?;
            Some(
                object
                    .and_then(|object| Head::from_bytes(&object.bytes).map_err(|wrong| self.io.unreadable(key, wrong))),
            )
        });
        let mut heads: Vec<_> = read.collect();
        heads.sort_by(|a, b| a.as_ref().ok().map(|head| &head.name).cmp(&b.as_ref().ok().map(|head| &head.name)));
        Ok(heads)
    }

    /// Asks whether pushes are let in: the bucket can be reached and written, keeps to conditions, and nothing is being
    /// removed. A push does that first by itself; this is for whoever has something to do before.
    ///
    /// # Errors
    /// [`StoreError::BucketBusy`], [`StoreError::BucketUnconditional`], [`StoreError::BucketDamaged`] for its mark,
    /// [`StoreError::Bucket`].
    pub fn prepare(&self) -> Result<(), StoreError> {
        mark::quiet(&self.io).map(drop)
    }

    /// Removes an actor from the bucket, whoever owns it, and says whether it was there. From then on whoever has
    /// an actor of the name can push it, also an owner from before. The room is given back by
    /// [`collect`](Self::collect).
    ///
    /// # Errors
    /// [`StoreError::Bucket`].
    pub fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let key = keys::head(name);
        let is_there = self.io.stat(&key)?.is_some();
        if is_there {
            self.io.delete_all(vec![key])?;
        }
        Ok(is_there)
    }

    /// The head of an actor, and what a swap needs to know of it.
    fn read_head(&self, name: &str) -> Result<Option<(Head, Seen)>, StoreError> {
        let key = keys::head(name);
        let Some(object) = self.io.get(&key, HEAD_BYTES_MAX)? else { return Ok(None) };
        let head = Head::from_bytes(&object.bytes).map_err(|wrong| self.io.unreadable(&key, wrong))?;
        if head.name != name {
            let wrong = head::Unreadable::Damaged(format!("it is the head of `{}`", head.name));
            return Err(self.io.unreadable(&key, wrong));
        }
        Ok(Some((head, object.seen)))
    }
}

/// Whether this is the key of a bucket's mark, without which nothing can be pushed.
pub(crate) fn is_mark(key: &str) -> bool {
    key == keys::mark().as_ref()
}

#[cfg(test)]
mod tests;
