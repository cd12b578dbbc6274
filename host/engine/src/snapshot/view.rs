//! Looking at a part of a file without copying it, which is what makes verifying a large image take milliseconds.
#![allow(unsafe_code, reason = "a file is mapped and read by address here")]

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags};

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
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: a null address lets the kernel choose one, so no mapping of this process is replaced.
        let base =
            unsafe { rustix::mm::mmap(ptr::null_mut(), size_bytes, ProtFlags::READ, flags, file, offset_bytes)? };
        Ok(View { base: NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?, size_bytes })
    }

    /// The bytes of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped for as long as `self` lives. What is looked at is never written to meanwhile:
        // the engine writes to an image only where it has the image for itself, and to a file only before it has its name.
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
