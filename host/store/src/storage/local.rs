//! Files in a folder of this machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Storage, StorageFile};
use crate::atomic_file;
use crate::error::StoreError;

/// A [`Storage`] in a folder of the local file system.
#[derive(Clone, Debug)]
pub struct LocalStorage {
    root: PathBuf,
}

impl LocalStorage {
    /// The storage in the folder `root`, which is created with the first folder in it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn file(
        &self,
        path: &Path,
        action: &'static str,
        options: &OpenOptions,
    ) -> Result<Box<dyn StorageFile>, StoreError> {
        let path = self.root.join(path);
        let file = options.open(&path).map_err(|e| StoreError::io(action, &path, e))?;
        Ok(Box::new(LocalFile { file, path }))
    }
}

impl Storage for LocalStorage {
    fn create(&self, path: &Path) -> Result<Box<dyn StorageFile>, StoreError> {
        self.file(path, "create", OpenOptions::new().read(true).append(true).create_new(true))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn StorageFile>, StoreError> {
        self.file(path, "open", OpenOptions::new().read(true))
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, StoreError> {
        atomic_file::names(&self.root.join(folder))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let from = self.root.join(from);
        fs::rename(&from, self.root.join(to)).map_err(|e| StoreError::io("rename", &from, e))
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let path = self.root.join(path);
        fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))
    }

    fn create_folder(&self, folder: &Path) -> Result<(), StoreError> {
        // One level at a time, because each new name has to be synced in the folder above it.
        let mut path = self.root.clone();
        atomic_file::create_directory(&path)?;
        for level in folder {
            path.push(level);
            atomic_file::create_directory(&path)?;
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), StoreError> {
        atomic_file::sync_directory(&self.root.join(folder))
    }

    fn full_path(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }
}

#[derive(Debug)]
struct LocalFile {
    file: File,
    path: PathBuf,
}

impl StorageFile for LocalFile {
    fn append(&self, bytes: &[u8]) -> Result<(), StoreError> {
        (&self.file).write_all(bytes).map_err(|e| StoreError::io("write", &self.path, e))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match read_some_at(&self.file, offset + filled as u64, &mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(StoreError::io("read", &self.path, e)),
            }
        }
        Ok(filled)
    }

    fn sync_data(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|e| StoreError::io("sync", &self.path, e))
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(|e| StoreError::io("read", &self.path, e))
    }
}

#[cfg(unix)]
fn read_some_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_some_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
