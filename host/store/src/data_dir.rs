//! The data directory: one place for everything that Belljar keeps, with a version that later builds can
//! recognise and a lock that keeps two writers apart. Opening checks the version before it touches
//! anything, so a directory of a newer Belljar is refused and stays as it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::atomic_file;
use crate::error::StoreError;
use crate::lock_file::{self, DirectoryLock};

/// The format of the data directory that this build reads and writes.
pub const FORMAT_VERSION: u32 = 1;

const VERSION_FILE: &str = "belljar-data";
const VERSION_MAGIC: &str = "belljar data directory, format ";

/// The most that is read of a version file, in bytes; a longer one is somebody else's.
const VERSION_FILE_BYTES_MAX: u64 = 64;

/// An open data directory. Clones share it, and the writer's lock is held until the last clone and
/// everything that was opened from it are dropped.
#[derive(Clone, Debug)]
pub struct DataDir {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Held by the writer; a reader has none.
    lock: Option<DirectoryLock>,
    /// Whether what dead processes left in the catalog has been dealt with. This happens once per lock,
    /// because a second pass would take the work of this very process for abandoned.
    recovered: Mutex<bool>,
}

impl DataDir {
    /// Opens the directory for writing, and creates it where there is none.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another writer has it; [`StoreError::Version`] and
    /// [`StoreError::Foreign`] for a directory that this build must not touch.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = &absolute(path.as_ref())?;
        let known = check_version(path)?;
        atomic_file::create_directory(path)?;
        let lock = DirectoryLock::acquire(path)?;
        // Another writer may have created the version file between the check and the lock.
        if !known && !check_version(path)? {
            let version = format!("{VERSION_MAGIC}{FORMAT_VERSION}\n");
            atomic_file::write(&path.join(VERSION_FILE), version.as_bytes())?;
        }
        atomic_file::remove_temporaries(path)?;
        tracing::debug!(path = %path.display(), "opened the data directory");
        Ok(Self::new(path, Some(lock)))
    }

    /// Opens the directory for reading, also beside a writer. Nothing in it is changed.
    ///
    /// # Errors
    /// [`StoreError::NoDataDir`] where there is none; [`StoreError::Version`] and
    /// [`StoreError::Foreign`] as for [`open`](Self::open).
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = &absolute(path.as_ref())?;
        if !check_version(path)? {
            return Err(StoreError::NoDataDir { path: path.to_owned() });
        }
        Ok(Self::new(path, None))
    }

    fn new(path: &Path, lock: Option<DirectoryLock>) -> Self {
        Self { inner: Arc::new(Inner { path: path.to_owned(), lock, recovered: Mutex::new(false) }) }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether this is the writer.
    pub fn is_writer(&self) -> bool {
        self.inner.lock.is_some()
    }

    /// Whether any process is writing to the directory now. For a reader: where nobody writes, runs that
    /// are recorded as running belong to a process that has died.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the lock can't be asked.
    pub fn has_writer(&self) -> Result<bool, StoreError> {
        Ok(self.is_writer() || lock_file::is_owned(self.path())?)
    }

    /// Where an [`ObjectStore`](crate::ObjectStore) puts what does not fit in memory.
    pub fn spill_dir(&self) -> PathBuf {
        self.path().join("spill")
    }

    pub(crate) fn catalog_path(&self) -> PathBuf {
        self.path().join("catalog.sqlite")
    }

    pub(crate) fn objects_dir(&self) -> PathBuf {
        self.path().join("objects")
    }

    /// # Errors
    /// [`StoreError::ReadOnly`] unless this is the writer.
    pub(crate) fn require_writer(&self) -> Result<(), StoreError> {
        if self.is_writer() {
            return Ok(());
        }
        Err(StoreError::ReadOnly { path: self.path().to_owned() })
    }

    /// Runs `recover` unless an earlier call has succeeded since this process took the lock.
    pub(crate) fn recover_once(&self, recover: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut recovered = self.inner.recovered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !*recovered {
            recover()?;
            *recovered = true;
        }
        Ok(())
    }
}

/// The path as it is meant now, so that a later change of the working directory moves nothing.
fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(|e| StoreError::io("find", path, e))
}

/// Whether `directory` has a version file, which must then be one of ours.
fn check_version(directory: &Path) -> Result<bool, StoreError> {
    let path = directory.join(VERSION_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(StoreError::io("open", &path, e)),
    };
    let mut bytes = Vec::new();
    file.take(VERSION_FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|e| StoreError::io("read", &path, e))?;
    match parse_version(&bytes) {
        Some(FORMAT_VERSION) => Ok(true),
        Some(found) => Err(StoreError::Version { path, found, supported: FORMAT_VERSION }),
        None => Err(StoreError::Foreign { path }),
    }
}

fn parse_version(bytes: &[u8]) -> Option<u32> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    line.strip_prefix(VERSION_MAGIC)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_writer_keeps_others_out_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/data");
        let writer = DataDir::open(&path).unwrap();
        let clone = writer.clone();
        drop(writer);
        assert!(matches!(DataDir::open(&path), Err(StoreError::Locked { pid: Some(_), .. })));
        assert!(!DataDir::open_read_only(&path).unwrap().is_writer());
        drop(clone);
        assert!(DataDir::open(&path).unwrap().is_writer());
    }

    #[test]
    fn a_reader_creates_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        assert!(matches!(DataDir::open_read_only(&path), Err(StoreError::NoDataDir { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_newer_directory_is_refused_by_name_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join(VERSION_FILE);
        fs::write(&version, format!("{VERSION_MAGIC}7\n")).unwrap();
        for opened in [DataDir::open(folder.path()), DataDir::open_read_only(folder.path())] {
            let error = opened.unwrap_err();
            assert!(matches!(error, StoreError::Version { found: 7, .. }));
            assert!(error.to_string().contains("belljar-data has format 7"));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_foreign_version_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join(VERSION_FILE);
        for foreign in [&b""[..], b"hello", b"\xff\xfe", &[b'9'; 1000]] {
            fs::write(&version, foreign).unwrap();
            assert!(matches!(DataDir::open(folder.path()), Err(StoreError::Foreign { .. })));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_version_or_not(bytes: Vec<u8>) {
            prop_assert_eq!(parse_version(&bytes), None);
        }

        #[test]
        fn every_version_is_read_back(version: u32) {
            let line = format!("{VERSION_MAGIC}{version}\n");
            prop_assert_eq!(parse_version(line.as_bytes()), Some(version));
        }
    }
}
