//! The files that a host has open. Rust's own are closed when a program is started, but a host's libraries may have others,
//! and a kernel that gets the better of a driver is not to find them.
#![allow(unsafe_code, reason = "there is no safe way to a descriptor that is only known by its number")]

use std::fs::{self, File};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{DupFlags, dup3};

/// The last of the descriptors that a worker is started with.
const LAST_OWN: RawFd = 2;

/// Puts an empty file in the place of every descriptor but the worker's own. It is the first thing that a worker does.
///
/// They are not closed, for whoever in this process may own one after all: a number that is free is soon another file's.
pub(super) fn let_go_of_inherited() -> io::Result<()> {
    let mut inherited = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let descriptor = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        inherited.extend(descriptor.filter(|&descriptor: &RawFd| descriptor > LAST_OWN));
    }
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    for descriptor in inherited {
        // SAFETY: it is only replaced, never closed nor read, so whoever owns the number has an open file in it as before.
        // The number of the listing itself is free by now, or that of the empty file; it becomes or stays the empty file.
        let mut descriptor = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(descriptor) });
        if nothing.as_raw_fd() != descriptor.as_raw_fd() {
            dup3(&nothing, &mut descriptor, DupFlags::CLOEXEC)?;
        }
    }
    Ok(())
}
