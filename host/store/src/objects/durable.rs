//! Objects that outlive the process: one file each, named by the digest of its bytes. The name makes
//! putting the same bytes twice harmless and every read verifiable. Which objects are still needed is
//! not known here; the catalog's records name them, and [`DurableObjects::retain`] removes the others.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::limits::{OBJECT_BYTES_MAX, check_size};
use crate::atomic_file;
use crate::data_dir::DataDir;
use crate::digest::Digest;
use crate::error::StoreError;

/// The digits of a digest that name the folder which its file is in.
const FOLDER_DIGITS: usize = 2;

/// The durable objects of a data directory.
#[derive(Clone, Debug)]
pub struct DurableObjects {
    data_dir: DataDir,
}

impl DurableObjects {
    /// Opens the objects of a data directory. The writer removes what crashed writers left half-written.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory can't be created or listed.
    pub fn open(data_dir: &DataDir) -> Result<Self, StoreError> {
        let objects = Self { data_dir: data_dir.clone() };
        if data_dir.is_writer() {
            atomic_file::create_directory(&data_dir.objects_dir())?;
            for folder in objects.folders()? {
                atomic_file::remove_temporaries(&folder)?;
            }
        }
        Ok(objects)
    }

    /// Stores the bytes, which are on the disk when this returns. Bytes that are stored already are only
    /// checked, and written anew if the file was damaged.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] past [`OBJECT_BYTES_MAX`], [`StoreError::DiskFull`], [`StoreError::Io`],
    /// [`StoreError::ReadOnly`].
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.data_dir.require_writer()?;
        check_size(bytes.len() as u64, "OBJECT_BYTES_MAX", OBJECT_BYTES_MAX)?;
        let digest = Digest::of(bytes);
        let (folder, path) = self.place(&digest);
        if digest_of_file(&path)? == Some(digest) {
            // Whoever wrote it may have died, or be, between naming the file and syncing the name.
            atomic_file::sync_directory(&folder)?;
        } else {
            atomic_file::create_directory(&folder)?;
            atomic_file::write(&path, bytes)?;
        }
        Ok(digest)
    }

    /// The bytes of an object, verified.
    ///
    /// # Errors
    /// [`StoreError::MissingObject`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn get(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        // Checking the size first keeps a file that something else has blown up out of memory.
        check_size(self.size_bytes(digest)?, "OBJECT_BYTES_MAX", OBJECT_BYTES_MAX)?;
        let (_, path) = self.place(digest);
        let bytes = fs::read(&path).map_err(|e| missing_or_io("read", digest, &path, e))?;
        let found = Digest::of(&bytes);
        if found == *digest {
            return Ok(bytes);
        }
        Err(StoreError::Corrupt { path, expected: digest.to_string(), found: found.to_string() })
    }

    /// The size of an object in bytes. Its contents are not verified.
    ///
    /// # Errors
    /// [`StoreError::MissingObject`], [`StoreError::Io`].
    pub fn size_bytes(&self, digest: &Digest) -> Result<u64, StoreError> {
        let (_, path) = self.place(digest);
        fs::metadata(&path).map(|metadata| metadata.len()).map_err(|e| missing_or_io("read", digest, &path, e))
    }

    /// Removes an object and says whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ReadOnly`].
    pub fn remove(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.data_dir.require_writer()?;
        let (_, path) = self.place(digest);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::io("remove", &path, e)),
        }
    }

    /// Every object, in the order of the digests. Files that are not named as objects are passed over.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn list(&self) -> Result<Vec<Digest>, StoreError> {
        let mut digests = Vec::new();
        for folder in self.folders()? {
            for name in atomic_file::names(&folder)? {
                if let Ok(digest) = name.parse::<Digest>()
                    && self.place(&digest).1 == folder.join(&name)
                {
                    digests.push(digest);
                }
            }
        }
        digests.sort_unstable();
        Ok(digests)
    }

    /// Garbage collection: removes every object for which `keep` is false, and returns how many. An
    /// object that was put but not yet named by a record looks like garbage, so call this while no step
    /// is being completed, such as right after opening.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ReadOnly`].
    pub fn retain(&self, keep: impl Fn(&Digest) -> bool) -> Result<u64, StoreError> {
        self.data_dir.require_writer()?;
        let mut removed = 0;
        for digest in self.list()? {
            if !keep(&digest) && self.remove(&digest)? {
                removed += 1;
            }
        }
        tracing::debug!(removed, "removed durable objects that no record names");
        Ok(removed)
    }

    /// The folder and the file of an object.
    fn place(&self, digest: &Digest) -> (PathBuf, PathBuf) {
        let name = digest.to_string();
        let folder = self.data_dir.objects_dir().join(&name[..FOLDER_DIGITS]);
        let path = folder.join(name);
        (folder, path)
    }

    /// The folders that exist; none when nothing was ever stored.
    fn folders(&self) -> Result<Vec<PathBuf>, StoreError> {
        let root = self.data_dir.objects_dir();
        let is_folder =
            |name: &String| name.len() == FOLDER_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let names = atomic_file::names(&root)?.into_iter().filter(is_folder);
        Ok(names.map(|name| root.join(name)).collect())
    }
}

fn digest_of_file(path: &Path) -> Result<Option<Digest>, StoreError> {
    match File::open(path) {
        Ok(file) => Digest::of_reader(file).map(Some).map_err(|e| StoreError::io("read", path, e)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("open", path, e)),
    }
}

fn missing_or_io(action: &'static str, digest: &Digest, path: &Path, e: io::Error) -> StoreError {
    match e.kind() {
        io::ErrorKind::NotFound => StoreError::MissingObject { digest: *digest },
        _ => StoreError::io(action, path, e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        objects: DurableObjects,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let objects = DurableObjects::open(&DataDir::open(folder.path()).unwrap()).unwrap();
        Fixture { folder, objects }
    }

    #[test]
    fn an_object_outlives_its_process() {
        let Fixture { folder, objects } = fixture();
        let digest = objects.put(b"facts").unwrap();
        drop(objects);
        let reader = DurableObjects::open(&DataDir::open_read_only(folder.path()).unwrap()).unwrap();
        assert_eq!(reader.get(&digest).unwrap(), b"facts");
        assert_eq!(reader.size_bytes(&digest).unwrap(), 5);
        assert!(matches!(reader.put(b"more"), Err(StoreError::ReadOnly { .. })));
    }

    #[test]
    fn the_same_bytes_are_kept_once() {
        let Fixture { objects, .. } = fixture();
        let first = objects.put(b"facts").unwrap();
        assert_eq!(objects.put(b"facts").unwrap(), first);
        assert_eq!(objects.list().unwrap(), [first]);
    }

    #[test]
    fn a_flipped_byte_is_found_and_putting_the_bytes_again_mends_it() {
        let Fixture { objects, .. } = fixture();
        let digest = objects.put(b"facts").unwrap();
        let (_, path) = objects.place(&digest);
        fs::write(&path, b"fbcts").unwrap();
        let damaged = objects.get(&digest).unwrap_err();
        assert!(matches!(&damaged, StoreError::Corrupt { path: named, .. } if *named == path));
        objects.put(b"facts").unwrap();
        assert_eq!(objects.get(&digest).unwrap(), b"facts");
    }

    #[test]
    fn collection_keeps_what_is_named_and_files_that_are_not_objects() {
        let Fixture { objects, .. } = fixture();
        let kept = objects.put(b"kept").unwrap();
        let dropped = objects.put(b"dropped").unwrap();
        let note = objects.place(&kept).0.join("README");
        fs::write(&note, b"not an object").unwrap();
        assert_eq!(objects.retain(|digest| *digest == kept).unwrap(), 1);
        assert_eq!(objects.list().unwrap(), [kept]);
        assert!(note.exists());
        assert!(matches!(
            objects.get(&dropped),
            Err(StoreError::MissingObject { digest }) if digest == dropped
        ));
        assert!(!objects.remove(&dropped).unwrap());
    }

    #[test]
    fn what_a_crash_left_half_written_is_removed_on_opening() {
        let Fixture { folder, objects } = fixture();
        let digest = objects.put(b"whole").unwrap();
        let half = objects.place(&digest).0.join(".belljar-x1.tmp");
        fs::write(&half, b"ha").unwrap();
        drop(objects);
        let objects = DurableObjects::open(&DataDir::open(folder.path()).unwrap()).unwrap();
        assert!(!half.exists());
        assert_eq!(objects.list().unwrap(), [digest]);
    }
}
