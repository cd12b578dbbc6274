//! Compare-and-swap of one object: what keeps an old owner from overwriting a new one.
//!
//! A bucket does it by itself, with conditional writes. A folder has no such thing, so whoever swaps an object
//! of it holds a lock on a file meanwhile, which network file systems carry between machines. It is held for one
//! read and one write, and ends with the process.

use std::fs::File;
use std::path::PathBuf;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, PutMode, PutOptions, UpdateVersion};

use super::head::HEAD_BYTES_MAX;
use super::io::Io;
use crate::error::StoreError;

/// How a bucket swaps.
#[derive(Debug)]
pub(super) enum Swapping {
    /// By conditional writes.
    Conditional,
    /// Under a lock on this file.
    Locked(PathBuf),
}

/// What was seen of an object that is to be swapped.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) version: UpdateVersion,
    pub(super) bytes: Bytes,
}

impl Seen {
    /// What no object ever was.
    pub(super) fn never() -> Self {
        Self { version: UpdateVersion { e_tag: Some("\"never\"".to_owned()), version: None }, bytes: Bytes::new() }
    }
}

/// What came of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swapped {
    /// The object is the new one.
    Done,
    /// The object was not the one that was seen any more, and is as it was.
    Changed,
}

impl Io {
    /// Puts an object in place of the one that was seen, or of none, if that is what is still there. Objects that
    /// are swapped are heads and marks, and no larger than those.
    pub(super) fn swap(&self, key: &Path, seen: Option<&Seen>, new: Vec<u8>) -> Result<Swapped, StoreError> {
        let new = Bytes::from(new);
        match &self.swapping {
            Swapping::Conditional => {
                let mode = match seen {
                    None => PutMode::Create,
                    Some(seen) => PutMode::Update(seen.version.clone()),
                };
                self.put_if(key, new, mode)
            }
            Swapping::Locked(path) => {
                let failed = |error| StoreError::io("lock", path, error);
                let file = File::options().create(true).append(true).open(path).map_err(failed)?;
                file.lock().map_err(failed)?;
                let present = self.get(key, HEAD_BYTES_MAX)?.map(|object| object.bytes);
                if present.as_ref() != seen.map(|seen| &seen.bytes) {
                    return Ok(Swapped::Changed);
                }
                // Closing the file gives the lock back, after the write.
                self.put_if(key, new, PutMode::Overwrite)
            }
        }
    }

    fn put_if(&self, key: &Path, new: Bytes, mode: PutMode) -> Result<Swapped, StoreError> {
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.wait(self.store.put_opts(key, new.clone().into(), options)) {
            Ok(_) => Ok(Swapped::Done),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                // A request whose answer was lost is sent again, and then finds its own work.
                let present = self.get(key, HEAD_BYTES_MAX)?;
                match present.is_some_and(|present| present.bytes == new) {
                    true => Ok(Swapped::Done),
                    false => Ok(Swapped::Changed),
                }
            }
            Err(error) => Err(self.failed("write", key, error)),
        }
    }
}
