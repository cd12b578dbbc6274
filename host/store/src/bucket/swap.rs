//! Compare-and-swap of one object: what keeps an old owner from overwriting a new one.
//!
//! A bucket does it by itself, with conditional writes. A folder has no such thing, so whoever swaps an object
//! of it holds a lock on a file meanwhile, which most network file systems carry between machines; one that does
//! not keeps no owners apart. The lock is held for one read and one write, and ends with the process.

use std::fs::{File, TryLockError};
use std::path::{Path as FilePath, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, PutMode, PutOptions, UpdateVersion};

use super::head::HEAD_BYTES_MAX;
use super::io::Io;
use crate::error::StoreError;

/// How long the lock of a folder is waited for, and how long apart it is tried. Who has it reads and writes a few
/// kilobytes; whoever holds it for longer is hung, as is the file system that it waits for.
const LOCK_TIME_MAX: Duration = Duration::from_secs(60);
const LOCK_ATTEMPT_INTERVAL: Duration = Duration::from_millis(10);

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
                let _lock = self.lock(path, LOCK_TIME_MAX)?;
                let present = self.get(key, HEAD_BYTES_MAX)?.map(|object| object.bytes);
                if present.as_ref() != seen.map(|seen| &seen.bytes) {
                    return Ok(Swapped::Changed);
                }
                self.wait(self.write(key, new.into()))?;
                Ok(Swapped::Done)
            }
        }
    }

    fn put_if(&self, key: &Path, new: Bytes, mode: PutMode) -> Result<Swapped, StoreError> {
        let options = PutOptions { mode, ..PutOptions::default() };
        let Err(error) = self.wait(self.store.put_opts(key, new.clone().into(), options)) else {
            return Ok(Swapped::Done);
        };
        // Whatever went wrong, the write may have been carried out and only its answer be lost.
        let present = self.get(key, HEAD_BYTES_MAX);
        let is_done = matches!(&present, Ok(Some(present)) if present.bytes == new);
        match error {
            _ if is_done => Ok(Swapped::Done),
            Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. } => {
                present.map(|_| Swapped::Changed)
            }
            error => Err(self.failed("write", key, error)),
        }
    }

    /// Takes the lock of a folder, which is given back when the file is closed.
    pub(super) fn lock(&self, path: &FilePath, patience: Duration) -> Result<File, StoreError> {
        let failed = |error| StoreError::io("lock", path, error);
        let file = File::options().create(true).append(true).open(path).map_err(failed)?;
        let began = Instant::now();
        while let Err(refused) = file.try_lock() {
            match refused {
                TryLockError::Error(error) => return Err(failed(error)),
                TryLockError::WouldBlock if began.elapsed() < patience => thread::sleep(LOCK_ATTEMPT_INTERVAL),
                TryLockError::WouldBlock => {
                    return Err(self.busy(format!("another process holds {}", path.display())));
                }
            }
        }
        Ok(file)
    }
}
