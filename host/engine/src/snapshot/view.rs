//! Looking at a part of a file on the disk without copying it, which is what makes verifying a large image take
//! milliseconds.
#![allow(unsafe_code, reason = "a file is mapped and read by address here")]

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

/// A part of a file, mapped for reading. It is given back when it is dropped.
#[derive(Debug)]
pub(super) struct View {
    base: NonNull<u8>,
    size_bytes: usize,
}

// SAFETY: a view is address space that belongs to no thread, and nobody writes through it.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    /// Maps so many bytes from an offset on, which is a multiple of a page and not past the file's end.
    pub(super) fn open(file: &File, offset_bytes: u64, size_bytes: usize) -> io::Result<View> {
        if size_bytes == 0 {
            return Ok(View { base: NonNull::dangling(), size_bytes });
        }
        let (access, flags) = (ProtFlags::READ, MapFlags::SHARED);
        // SAFETY: a null address lets the kernel choose one, so no mapping of this process is replaced.
        let base = unsafe { rustix::mm::mmap(ptr::null_mut(), size_bytes, access, flags, file, offset_bytes)? };
        let view = View { base: NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?, size_bytes };
        // What the disk cannot read is an error here, and would end the process where it is looked at.
        // SAFETY: the range was mapped just now, and reading it in changes nothing of it.
        match unsafe { rustix::mm::madvise(view.base.as_ptr().cast(), size_bytes, Advice::LinuxPopulateRead) } {
            // Linux before 5.14 reads it when it is looked at.
            Ok(()) | Err(Errno::INVAL) => Ok(view),
            Err(Errno::FAULT) => Err(io::Error::other("the disk cannot read all of it")),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped for as long as `self` lives, and were read in when they were. What is looked at is
        // a file that Belljar wrote under another name and writes to no more; nobody else may write to its folder.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.size_bytes) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if self.size_bytes == 0 {
            return;
        }
        // SAFETY: the address space belongs to this value alone, and no reference into it outlives the value.
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.size_bytes) };
        if let Err(error) = unmapped {
            tracing::error!(%error, "the address space of a view could not be given back");
        }
    }
}
