//! Writing a file so that it is there whole or not at all.
//!
//! The content goes to a hidden file beside the target, is synced to the disk, and only then takes the
//! target's name. Whoever opens the target, at any time and after any crash, finds the old content, the
//! new content, or no file — never half of one. A crash may leave the hidden file behind; the next
//! write to the same target removes it first.
//!
//! Two writers of one target at once would share that hidden file. The workflow runs a step of an item
//! once at a time, which is what this relies on.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Writes `target` through `write`, whole or not at all, and returns what `write` returned.
///
/// # Errors
/// What `write` or the file system reported; the target is then untouched, and the hidden file is
/// removed as far as that is possible.
pub fn replace<T, E: From<io::Error>>(target: &Path, write: impl FnOnce(&mut File) -> Result<T, E>) -> Result<T, E> {
    let hidden = hidden_beside(target)?;
    let written = write_and_rename(&hidden, target, write);
    if written.is_err() {
        // The first error is the one that matters: what the removal says is of no further use.
        let _ = remove_if_there(&hidden);
    }
    written
}

/// The hidden file that `target` is written through: `.NAME.tmp` in the same directory, because a
/// rename is atomic only within one file system.
///
/// # Errors
/// When `target` does not end in a name.
pub fn hidden_beside(target: &Path) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| {
        let message = format!("{} does not end in a file's name", target.display());
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    Ok(target.with_file_name(hidden))
}

fn write_and_rename<T, E: From<io::Error>>(
    hidden: &Path,
    target: &Path,
    write: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    // Creating anew, rather than opening what is there, also refuses to write through a symbolic link
    // that someone left under the hidden name.
    remove_if_there(hidden)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(hidden)?;
    let value = write(&mut file)?;
    file.sync_all()?;
    drop(file);
    fs::rename(hidden, target)?;
    sync_directory_of(target);
    Ok(value)
}

/// Asks that the directory's new entry reach the disk too.
///
/// Not every host lets a plugin open a directory for syncing, and the content is safe in any case: at
/// worst a power failure brings the old name back. So this is an attempt, and its failure is no error.
pub fn sync_directory_of(file: &Path) {
    if let Some(directory) = file.parent() {
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
    }
}

/// Removes a file; its absence is fine.
///
/// # Errors
/// What the file system reported, other than that there is no such file.
pub fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names_in(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_written_file_has_the_content_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        for content in ["first", "second"] {
            replace(&target, |file| file.write_all(content.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), content);
        }
        assert_eq!(names_in(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        fs::write(&target, "old").unwrap();
        let result = replace(&target, |file| {
            file.write_all(b"half of the n")?;
            Err::<(), _>(io::Error::other("the source broke off"))
        });
        assert_eq!(result.unwrap_err().to_string(), "the source broke off");
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        assert_eq!(names_in(folder.path()), ["a.txt"]);
    }

    #[test]
    fn what_a_crash_left_behind_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        fs::write(hidden_beside(&target).unwrap(), "half a fi").unwrap();
        replace(&target, |file| file.write_all(b"whole")).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "whole");
        assert_eq!(names_in(folder.path()), ["a.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_under_the_hidden_name_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious.txt");
        fs::write(&precious, "precious").unwrap();
        let target = folder.path().join("a.txt");
        std::os::unix::fs::symlink(&precious, hidden_beside(&target).unwrap()).unwrap();
        replace(&target, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }

    #[test]
    fn a_target_without_a_name_is_an_error() {
        let result = replace(Path::new("/"), |_| Ok::<_, io::Error>(()));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
