//! Copies of the plugins that actors were spawned from, by digest: rebuilding a file strands nobody.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use belljar_engine::Digest;
use belljar_store::StoreError;

/// A folder of components.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    folder: PathBuf,
}

impl Archive {
    pub(crate) fn new(folder: PathBuf) -> Archive {
        Archive { folder }
    }

    /// Keeps a component, durably. One that is there already is not written again.
    pub(crate) fn keep(&self, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(digest);
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

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }
}
