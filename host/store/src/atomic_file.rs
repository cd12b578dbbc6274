//! Files that are there whole or not at all, whenever the machine stops: the bytes go to a temporary
//! file in the same directory, reach the disk, and only then get their name; the directory reaches the
//! disk before the call returns, so a name that was seen once is there after a power cut too.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::StoreError;

const TEMPORARY_PREFIX: &str = ".belljar-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Writes `bytes` to `path`, in place of what was there. `path`'s directory must exist.
///
/// # Errors
/// [`StoreError::Io`] or [`StoreError::DiskFull`]; what was at `path` before is then still there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_with(path, |file| file.write_all(bytes).map_err(|e| StoreError::io("write", path, e)))
}

/// The same for bytes that are written piece by piece. Nothing is left of them when `write` fails.
pub(crate) fn write_with(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |e: io::Error| StoreError::io("write", path, e);
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(TEMPORARY_SUFFIX)
        .tempfile_in(directory)
        .map_err(failed)?;
    write(temporary.as_file_mut())?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|e| failed(e.error))?;
    sync_directory(directory)
}

/// Creates the directory and those above it, and makes its name durable.
pub(crate) fn create_directory(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|e| StoreError::io("create", path, e))?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    // Windows can't open a directory as a file, and journals its names by itself.
    if cfg!(unix) {
        File::open(path).and_then(|directory| directory.sync_all()).map_err(|e| StoreError::io("sync", path, e))?;
    }
    Ok(())
}

/// The names in a directory that are text; none when there is no directory.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, StoreError> {
    let list = |e| StoreError::io("list", directory, e);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(list(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(list)?.file_name().into_string().ok());
    }
    Ok(names)
}

/// Removes what writers that died have left in a directory. Only the one writer may call this.
pub(crate) fn remove_temporaries(directory: &Path) -> Result<(), StoreError> {
    remove_matching(directory, |name| name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX))
}

/// Removes the files in a directory whose names satisfy `matches`, and leaves all others alone.
pub(crate) fn remove_matching(directory: &Path, matches: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    let list = |e| StoreError::io("list", directory, e);
    for entry in fs::read_dir(directory).map_err(list)? {
        let entry = entry.map_err(list)?;
        if entry.file_name().to_str().is_some_and(&matches) {
            let path = entry.path();
            tracing::info!(path = %path.display(), "removing a left-over of a process that ended early");
            fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_that_fails_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note");
        // A directory cannot be replaced by a file, so the last step, the rename, fails.
        fs::create_dir(&path).unwrap();
        assert!(matches!(write(&path, b"x"), Err(StoreError::Io { .. })));
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_left_overs_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".belljar-Ab3.tmp"), b"half").unwrap();
        fs::write(folder.path().join("mine.tmp"), b"whole").unwrap();
        remove_temporaries(folder.path()).unwrap();
        assert!(!folder.path().join(".belljar-Ab3.tmp").exists());
        assert!(folder.path().join("mine.tmp").exists());
    }
}
