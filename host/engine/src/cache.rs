//! Compiled code on disk, so that a component is compiled once. A compiled artifact is native code: it is
//! loaded only from a folder that belongs to this user and that no one else can write to, and only if its
//! checksum holds. The name covers the component's bytes and everything that the compiler depends on.
//!
//! A file is a magic of 8 bytes, the BLAKE3 of the component's digest and the artifact (32 bytes), and
//! wasmtime's artifact.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::component::Component;

mod oldest;

pub use oldest::remove_oldest;

use crate::snapshot::instrument::INSTRUMENTATION;
use crate::{Digest, Error};

const MAGIC: &[u8; 8] = b"BJCODE01";
/// How the name of a file of compiled code ends. Other files in the folder are left alone.
const EXTENSION: &str = "cwasm";
/// Bytes of compiled code that are kept: 1 GiB. The files used longest ago go first.
pub const CACHE_BYTES_MAX: u64 = 1 << 30;

/// The folder.
pub(crate) struct CompiledCache {
    dir: PathBuf,
    /// What the compiler and its configuration are. Code of another one has another name here, and wasmtime
    /// would refuse to load it.
    environment: u64,
}

impl CompiledCache {
    /// Opens the folder, and creates it for this user alone if it is missing.
    pub(crate) fn open(dir: &Path, engine: &wasmtime::Engine) -> Result<CompiledCache, Error> {
        let unusable = |reason: String| Error::Setup(format!("the cache folder {}: {reason}", dir.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| unusable(error.to_string()))?;
        let metadata = fs::metadata(dir).map_err(|error| unusable(error.to_string()))?;
        if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.mode() & 0o022 != 0 {
            return Err(unusable(
                "it holds native code, so it must belong to you and be writable by nobody else; \
                 run `chmod go-w` on it or name another one"
                    .to_owned(),
            ));
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        INSTRUMENTATION.hash(&mut hasher);
        Ok(CompiledCache { dir: dir.to_owned(), environment: hasher.finish() })
    }

    /// The compiled form of this component, from the folder or from `compile`. A file that is damaged, or from
    /// another version, is compiled anew; a folder that cannot be written to costs time, not correctness.
    pub(crate) fn get_or_compile(
        &self,
        engine: &wasmtime::Engine,
        digest: &Digest,
        compile: impl FnOnce() -> wasmtime::Result<Component>,
    ) -> wasmtime::Result<Component> {
        let path = self.path(digest);
        if let Some(component) = self.load(engine, digest, &path) {
            return Ok(component);
        }
        let component = compile()?;
        if let Err(error) = self.store(digest, &path, &component.serialize()?) {
            tracing::warn!(path = %path.display(), %error, "compiled code could not be kept");
        }
        Ok(component)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}-{:016x}.{EXTENSION}", self.environment))
    }

    fn load(&self, engine: &wasmtime::Engine, digest: &Digest, path: &Path) -> Option<Component> {
        let file = fs::read(path).ok()?;
        let Some(artifact) = sound_artifact(&file, digest) else {
            tracing::warn!(path = %path.display(), "compiled code is damaged; compiling anew");
            return None;
        };
        // The newest use keeps a file from being evicted; failing to note it does no harm.
        fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now())).ok();
        // SAFETY: `deserialize` requires bytes that `Component::serialize` made. Files in this folder are
        // written by `store` alone: `open` has checked that no other user can write here, the name covers the
        // compiler's version and configuration, and the checksum says that the bytes are as `store` wrote them.
        #[allow(unsafe_code)]
        let component = unsafe { Component::deserialize(engine, artifact) };
        component
            .inspect_err(
                |error| tracing::warn!(path = %path.display(), %error, "compiled code does not load; compiling anew"),
            )
            .ok()
    }

    fn store(&self, digest: &Digest, path: &Path, artifact: &[u8]) -> io::Result<()> {
        let suffix = format!(".{EXTENSION}"); // So that one left behind by a crash is evicted some day.
        let mut file = tempfile::Builder::new().suffix(&suffix).tempfile_in(&self.dir)?;
        file.write_all(MAGIC)?;
        file.write_all(checksum(digest, artifact).as_bytes())?;
        file.write_all(artifact)?;
        // Not synced: after a power loss the checksum fails and the component is compiled again.
        file.persist(path).map_err(|error| error.error)?;
        self.evict(CACHE_BYTES_MAX)
    }

    /// Removes the files of compiled code that were used longest ago, until the rest fit.
    fn evict(&self, bytes_max: u64) -> io::Result<()> {
        remove_oldest(&self.dir, EXTENSION, usize::MAX, bytes_max, fs::Metadata::len)
    }
}

/// The artifact in a file, if the file is as [`CompiledCache::store`] wrote it for this component.
fn sound_artifact<'file>(file: &'file [u8], digest: &Digest) -> Option<&'file [u8]> {
    let (stored_checksum, artifact) = file.strip_prefix(MAGIC)?.split_first_chunk::<{ blake3::OUT_LEN }>()?;
    (checksum(digest, artifact) == *stored_checksum).then_some(artifact)
}

fn checksum(digest: &Digest, artifact: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(digest.as_bytes()).update(artifact).finalize()
}

#[cfg(test)]
mod tests;
