//! The spill directory: one file for each object that did not fit in memory. The files belong to one
//! process and mean nothing after it, so they are not synced, their checksums are kept in memory, and
//! what a crashed process left behind is removed when the directory is opened.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::handle::ObjectId;
use crate::atomic_file;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::lock_file::DirectoryLock;

const SUFFIX: &str = ".spill";

pub(super) struct SpillDir {
    path: PathBuf,
    /// Two stores in one directory would remove each other's files.
    _lock: DirectoryLock,
}

impl SpillDir {
    /// Opens the directory, creates it where there is none, and removes the files of dead processes.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(|e| StoreError::io("create", path, e))?;
        let lock = DirectoryLock::acquire(path)?;
        atomic_file::remove_matching(path, |name| {
            name.strip_suffix(SUFFIX).is_some_and(|id| id.parse::<u64>().is_ok())
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    fn file(&self, id: ObjectId) -> PathBuf {
        self.path.join(format!("{id}{SUFFIX}"))
    }

    /// Writes an object's file and returns the digest that [`read`](Self::read) checks. A write that
    /// fails may leave part of a file, which the caller [removes](Self::remove).
    pub(super) fn write(&self, id: ObjectId, bytes: &[u8]) -> Result<Digest, StoreError> {
        let path = self.file(id);
        fs::write(&path, bytes).map_err(|e| StoreError::io("write", &path, e))?;
        Ok(Digest::of(bytes))
    }

    /// All bytes of an object's file.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when they are not those that were written.
    pub(super) fn read(&self, id: ObjectId, expected: Digest) -> Result<Arc<[u8]>, StoreError> {
        let path = self.file(id);
        let bytes = fs::read(&path).map_err(|e| StoreError::io("read", &path, e))?;
        let found = Digest::of(&bytes);
        if found == expected {
            return Ok(bytes.into());
        }
        Err(StoreError::Corrupt { path, expected: expected.to_string(), found: found.to_string() })
    }

    /// A range of an object's file. It is not verified, because the checksum is one of the whole file.
    pub(super) fn read_range(&self, id: ObjectId, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let path = self.file(id);
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = vec![0; length];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|e| StoreError::io("read", &path, e))
    }

    /// Removes an object's file. A failure only costs disk space until the next start, so it is logged
    /// and not returned.
    pub(super) fn remove(&self, id: ObjectId) {
        let path = self.file(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "could not remove a spill file");
            }
            _ => {}
        }
    }
}
