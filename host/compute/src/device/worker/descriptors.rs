//! The files that a host has open. Rust's own are closed when a program is started, but a host's libraries may have others,
//! and a kernel that gets the better of a driver is not to find them.
#![allow(unsafe_code, reason = "a descriptor that nobody owns is a number, and closing one is not safe for the others")]

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::io::fcntl_getfd;

/// The last of the descriptors that a worker is started with.
const LAST_OWN: RawFd = 2;

/// Closes all descriptors but the worker's own. It is the first thing that a worker does.
pub(super) fn close_inherited() -> io::Result<()> {
    let mut inherited = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let descriptor = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        inherited.extend(descriptor.filter(|&descriptor: &RawFd| descriptor > LAST_OWN));
    }
    for descriptor in inherited {
        // The listing had one of its own, which is closed by now.
        // SAFETY: asking about a descriptor that isn't open is an error, and nothing else.
        if fcntl_getfd(unsafe { BorrowedFd::borrow_raw(descriptor) }).is_err() {
            continue;
        }
        // SAFETY: nothing in this process has opened a file before this and still has it open, so nobody owns it.
        unsafe { rustix::io::close(descriptor) };
    }
    Ok(())
}
