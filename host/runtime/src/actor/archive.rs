//! Copies of the plugins that actors were spawned from, by digest: rebuilding a file strands nobody.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use belljar_engine::Digest;
use belljar_store::StoreError;

/// A folder of components.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    folder: PathBuf,
    /// What this process has kept. An actor of it may not be in the log yet, so it is never removed.
    kept: Arc<Mutex<HashSet<Digest>>>,
}

impl Archive {
    pub(crate) fn new(folder: PathBuf) -> Archive {
        Archive { folder, kept: Arc::default() }
    }

    /// Keeps a component, durably. One that is there already is not written again.
    pub(crate) fn keep(&self, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(digest);
        self.kept().insert(digest);
        if path.is_file() {
            return Ok(());
        }
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            File::open(&self.folder)?.sync_all()?;
            self.folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
        };
        write().map_err(|source| StoreError::io("write", &path, source))
    }

    /// The bytes of a component, verified.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where it cannot be read; [`StoreError::Corrupt`] where it is another one.
    pub(crate) fn read(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest);
        let bytes = fs::read(&path).map_err(|source| StoreError::io("read", &path, source))?;
        if Digest::of(&bytes) != digest {
            let (expected, found) = (digest.to_string(), Digest::of(&bytes).to_string());
            return Err(StoreError::Corrupt { path, expected, found });
        }
        Ok(bytes)
    }

    /// Removes the components that are neither needed nor kept by this process. Returns how many, and their bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where the folder cannot be read or a file not be removed.
    pub(crate) fn retain(&self, needed: &HashSet<Digest>) -> Result<(u64, u64), StoreError> {
        let kept = self.kept();
        let files = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
            files => files.map_err(|source| StoreError::io("list", &self.folder, source))?,
        };
        let needed: HashSet<PathBuf> = needed.iter().chain(kept.iter()).map(|digest| self.path(*digest)).collect();
        let (mut removed, mut bytes_removed) = (0, 0);
        for file in files {
            let path = file.map_err(|source| StoreError::io("list", &self.folder, source))?.path();
            if path.extension().is_some_and(|ending| ending == "wasm") && !needed.contains(&path) {
                let remove = || -> io::Result<u64> {
                    let size_bytes = fs::metadata(&path)?.len();
                    fs::remove_file(&path)?;
                    Ok(size_bytes)
                };
                bytes_removed += remove().map_err(|source| StoreError::io("remove", &path, source))?;
                removed += 1;
            }
        }
        Ok((removed, bytes_removed))
    }

    fn kept(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }
}
