//! A directory with one owner. The lock is the operating system's and ends with the process, however it
//! ends: there is no stale lock to clean up. The file holds the owner's process id, for the message that
//! the next one gets; what it says while nobody holds the lock means nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::error::StoreError;

const LOCK_FILE: &str = "lock";

/// How often, and how long apart, the lock is tried: a process that is just ending, or one that only asks
/// whether there is an owner, must not turn a new owner away.
const ATTEMPTS: u32 = 10;
/// How often where this process holds it: what it has just closed may take a while to end on a busy machine, 3 s.
const ATTEMPTS_OWN: u32 = 300;
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(10);

/// The longest process id that is read, in bytes.
const PID_BYTES_MAX: usize = 20;

/// Ownership of a directory, until it is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock of `directory`, which must exist.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another holds it, in this process or another one.
    pub(crate) fn acquire(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            // The id of whoever holds the lock must stay readable until the lock is ours.
            .truncate(false)
            .open(&path)
            .map_err(|e| StoreError::io("open", &path, e))?;
        let mut attempts = 1;
        while let Err(refused) = file.try_lock() {
            if let TryLockError::Error(e) = refused {
                return Err(StoreError::io("lock", &path, e));
            }
            let owner = read_pid(&file);
            let attempts_max = if owner == Some(std::process::id()) { ATTEMPTS_OWN } else { ATTEMPTS };
            if attempts >= attempts_max {
                return Err(StoreError::Locked { path: directory.to_owned(), pid: owner });
            }
            attempts += 1;
            thread::sleep(ATTEMPT_INTERVAL);
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|e| StoreError::io("write", &path, e))?;
        Ok(Self { _file: file })
    }
}

/// Whether a directory has an owner now. Nothing is created.
pub(crate) fn is_owned(directory: &Path) -> Result<bool, StoreError> {
    let path = directory.join(LOCK_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(StoreError::io("open", &path, e)),
    };
    // A shared lock, because two that ask at once must not take each other for the owner.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", &path, e)),
    }
}

/// The owner's id, unless the owner has not written it yet.
fn read_pid(file: &File) -> Option<u32> {
    let mut text = [0; PID_BYTES_MAX];
    let length = file.read_at(&mut text, 0).ok()?;
    str::from_utf8(&text[..length]).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_owner_learns_who_is_first_and_gets_the_lock_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_owned(folder.path()).unwrap());
        let first = DirectoryLock::acquire(folder.path()).unwrap();
        assert!(is_owned(folder.path()).unwrap());
        let refused = DirectoryLock::acquire(folder.path()).unwrap_err();
        assert!(refused.is_retryable());
        assert!(matches!(
            refused,
            StoreError::Locked { pid, .. } if pid == Some(std::process::id())
        ));
        drop(first);
        assert!(!is_owned(folder.path()).unwrap());
        DirectoryLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn what_this_process_is_just_closing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let first = DirectoryLock::acquire(folder.path()).unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(2 * ATTEMPTS * ATTEMPT_INTERVAL);
                drop(first);
            });
            DirectoryLock::acquire(folder.path()).unwrap();
        });
        let written = std::fs::read_to_string(folder.path().join(LOCK_FILE)).unwrap();
        assert_eq!(written, format!("{}\n", std::process::id()));
    }

    #[test]
    fn whoever_only_asks_keeps_no_owner_out() {
        let folder = tempfile::tempdir().unwrap();
        drop(DirectoryLock::acquire(folder.path()).unwrap());
        thread::scope(|scope| {
            let asking = scope.spawn(|| (0..1_000).all(|_| is_owned(folder.path()).is_ok()));
            while !asking.is_finished() {
                drop(DirectoryLock::acquire(folder.path()).unwrap());
            }
            assert!(asking.join().unwrap());
        });
    }
}
