//! Where append-only files live: the few operations on files whose outcome decides whether state survives.
//!
//! They stand behind a trait so that a test can make each of them fail, tear or lose what was not synced
//! ([`FaultyStorage`]). The contract is that of a POSIX file system taken at its word: bytes are durable
//! after [`StorageFile::sync_data`], names (of created, renamed and removed files) after
//! [`Storage::sync_folder`], and nothing is durable before. Paths are relative to the storage.

mod faulty;
mod local;

use std::fmt;
use std::path::{Path, PathBuf};

pub use faulty::{CrashDamage, Fault, FaultyStorage};
pub use local::LocalStorage;

use crate::Result;

/// A folder of append-only files. All methods may be called from any thread.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Creates an empty file and opens it for appending and reading.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io), also when the file exists;
    /// [`StoreError::DiskFull`](crate::StoreError::DiskFull).
    fn create(&self, path: &Path) -> Result<Box<dyn StorageFile>>;

    /// Opens a file for reading. It may be synced too.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io), also when there is no such file.
    fn open(&self, path: &Path) -> Result<Box<dyn StorageFile>>;

    /// The names of the files in a folder, in any order; none when there is no such folder.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io).
    fn list(&self, folder: &Path) -> Result<Vec<String>>;

    /// Gives a file another name, in place of the file that has it.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io), [`StoreError::DiskFull`](crate::StoreError::DiskFull).
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io).
    fn remove(&self, path: &Path) -> Result<()>;

    /// Creates a folder and those above it where they are missing. Their names are durable on return.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io), [`StoreError::DiskFull`](crate::StoreError::DiskFull).
    fn create_folder(&self, folder: &Path) -> Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io), [`StoreError::DiskFull`](crate::StoreError::DiskFull).
    fn sync_folder(&self, folder: &Path) -> Result<()>;

    /// The path as an error message should name it.
    fn full_path(&self, path: &Path) -> PathBuf;
}

/// An open file.
pub trait StorageFile: fmt::Debug + Send + Sync {
    /// Writes all of `bytes` at the end. After an error, any part of them may have been written.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io), [`StoreError::DiskFull`](crate::StoreError::DiskFull).
    fn append(&self, bytes: &[u8]) -> Result<()>;

    /// Fills `buffer` with what is at `offset`, and returns how many bytes there were: fewer than asked
    /// for only at the end of the file.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io).
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// Makes everything that was appended durable, also what other handles have appended. After an error
    /// what was not durable before may never become so: write it to another file.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io), [`StoreError::DiskFull`](crate::StoreError::DiskFull).
    fn sync_data(&self) -> Result<()>;

    /// The size of the file, in bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`](crate::StoreError::Io).
    fn size_bytes(&self) -> Result<u64>;
}

#[cfg(test)]
mod tests;
