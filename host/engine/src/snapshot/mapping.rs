//! Linear memories that the host owns. wasmtime asks for each memory here, so the engine knows where every byte of a
//! guest lies without any help from it, and can give an instance the contents that another one had.
//!
//! A memory is one reservation of address space that never moves: the part in use is readable and writable, the rest
//! is not, so that a guest's access past the end is caught by the processor. Its beginning can be an [`Image`], mapped
//! privately: pages cost memory only once they are written.
#![allow(unsafe_code, reason = "address space is reserved, mapped and read by address here, and nowhere else")]

use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::image::Image;
use super::{PageRun, advice, birth};

/// Bytes of a page, the unit in which changes are found.
pub const PAGE_BYTES: usize = 4096;

/// The address space of one linear memory. It is given back when the last holder drops it.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    /// What the memory may grow to.
    capacity_bytes: usize,
    /// The capacity and the guard behind it.
    total_bytes: usize,
    size_bytes: AtomicUsize,
}

// SAFETY: a mapping is plain address space that belongs to no thread. The bytes in it are read and written by the guest
// through wasmtime, and by the methods below, whose callers promise that no guest runs.
unsafe impl Send for Mapping {}
// SAFETY: as above; the only field that changes is atomic.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves address space and opens the first `size_bytes` of it, which read as zero.
    fn new(size_bytes: usize, capacity_bytes: usize, guard_bytes: usize) -> io::Result<Mapping> {
        let total_bytes = capacity_bytes.checked_add(guard_bytes).ok_or(io::ErrorKind::OutOfMemory)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a null address lets the kernel choose one, so no mapping of this process is replaced.
        let base = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), total_bytes.max(PAGE_BYTES), ProtFlags::empty(), flags)?
        };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping =
            Mapping { base, capacity_bytes, total_bytes: total_bytes.max(PAGE_BYTES), size_bytes: AtomicUsize::new(0) };
        // A huge page counts as written as a whole, and a small guest would have 2 MiB of memory for its first byte. A
        // kernel that knows no huge pages refuses, and needs no telling.
        // SAFETY: the range is this reservation; the advice changes nothing of what is read there.
        let _ = unsafe { rustix::mm::madvise(mapping.at(0), mapping.total_bytes, Advice::LinuxNoHugepage) };
        mapping.grow(size_bytes)?;
        Ok(mapping)
    }

    /// The memory's size.
    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes.load(Ordering::Relaxed)
    }

    /// The address of its first byte.
    pub(crate) fn address(&self) -> usize {
        self.base.as_ptr() as usize
    }

    /// Makes the memory larger; the new bytes are zero.
    fn grow(&self, size_bytes: usize) -> io::Result<()> {
        if size_bytes > self.capacity_bytes {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let (old, new) = (page_up(self.size_bytes()), page_up(size_bytes));
        if new > old {
            let flags = MprotectFlags::READ | MprotectFlags::WRITE;
            // SAFETY: the range lies inside this reservation, past what is open already.
            unsafe { rustix::mm::mprotect(self.at(old), new - old, flags)? };
        }
        self.size_bytes.store(size_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Replaces the memory's contents by an image, if there is one, and, behind its end, zeros.
    ///
    /// # Safety
    ///
    /// No guest runs on this memory, and no reference into it is alive.
    pub(crate) unsafe fn map(&self, image: Option<&Image>) -> io::Result<()> {
        let (open, covered) = (page_up(self.size_bytes()), page_up(image.map_or(0, Image::size_bytes)));
        if covered > open {
            return Err(io::Error::other("the image is larger than the memory"));
        }
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::FIXED);
        if let Some(image) = image
            && covered > 0
        {
            // SAFETY: the range lies inside this reservation, which belongs to this value alone; the caller promises
            // that nobody uses its old contents.
            unsafe { rustix::mm::mmap(self.at(0), covered, protection, flags, image.file(), image.offset_bytes())? };
        }
        if open > covered {
            // SAFETY: as above; private anonymous pages that are not wanted read as zero.
            unsafe { rustix::mm::madvise(self.at(covered), open - covered, Advice::LinuxDontNeed)? };
        }
        Ok(())
    }

    /// Forgets what was written to these pages, which then show the image again.
    ///
    /// # Safety
    ///
    /// No guest runs on this memory, and no reference into it is alive.
    pub(crate) unsafe fn forget(&self, runs: &[PageRun]) -> io::Result<()> {
        for runs in runs.chunks(advice::RANGES_MAX) {
            let ranges = runs.iter().map(|run| self.range(run.first_page, run.pages));
            let ranges: Vec<_> =
                ranges.map(|range| range.map(|(offset, bytes)| (self.at(offset), bytes))).collect::<io::Result<_>>()?;
            // SAFETY: the ranges lie inside this reservation; the caller promises that nobody uses it.
            unsafe { advice::do_not_need(&ranges)? };
        }
        Ok(())
    }

    /// The bytes of these pages.
    ///
    /// # Safety
    ///
    /// No guest runs on this memory, and nobody writes to it, for as long as the bytes are referred to.
    pub(crate) unsafe fn bytes(&self, first_page: u64, pages: u64) -> io::Result<&[u8]> {
        let (offset, length) = self.range(first_page, pages)?;
        // SAFETY: the range is open for reading, and nobody writes to it while the caller keeps its promise.
        Ok(unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(offset), length) })
    }

    /// Writes bytes, whole pages of them, from a page on.
    ///
    /// # Safety
    ///
    /// No guest runs on this memory, and no reference into it is alive.
    pub(crate) unsafe fn write(&self, first_page: u64, bytes: &[u8]) -> io::Result<()> {
        let (offset, length) = self.range(first_page, bytes.len().div_ceil(PAGE_BYTES) as u64)?;
        let length = length.min(bytes.len());
        // SAFETY: the range is open for writing, does not overlap `bytes`, and nobody else uses it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.as_ptr().add(offset), length) };
        Ok(())
    }

    /// Offset and length of pages that have to be inside the memory.
    fn range(&self, first_page: u64, pages: u64) -> io::Result<(usize, usize)> {
        let inside = || {
            let offset = usize::try_from(first_page).ok()?.checked_mul(PAGE_BYTES)?;
            let length = usize::try_from(pages).ok()?.checked_mul(PAGE_BYTES)?;
            (offset.checked_add(length)? <= page_up(self.size_bytes())).then_some((offset, length))
        };
        inside().ok_or_else(|| io::Error::other("the pages are not inside the memory"))
    }

    /// The address at an offset, which must not be past the end of the reservation.
    fn at(&self, offset: usize) -> *mut c_void {
        // SAFETY: every caller has checked the offset against the size or the capacity of this reservation.
        unsafe { self.base.as_ptr().add(offset).cast() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the reservation belongs to this value alone: wasmtime's side of it holds this value too, so no guest
        // has it any more.
        let unmapped = unsafe { rustix::mm::munmap(self.at(0), self.total_bytes) };
        if let Err(error) = unmapped {
            tracing::error!(%error, "the address space of a guest could not be given back");
        }
    }
}

/// What wasmtime holds of a memory.
struct HostMemory(Arc<Mapping>);

// SAFETY: the base never moves; `byte_size` bytes are open, the rest of the capacity and the guard are not; growing
// opens fresh zeros.
unsafe impl LinearMemory for HostMemory {
    fn byte_size(&self) -> usize {
        self.0.size_bytes()
    }

    fn byte_capacity(&self) -> usize {
        self.0.capacity_bytes
    }

    fn grow_to(&mut self, size_bytes: usize) -> wasmtime::Result<()> {
        Ok(self.0.grow(size_bytes)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.base.as_ptr()
    }
}

/// Makes the memories of all instances.
pub(crate) struct HostMemories;

// SAFETY: `new_memory` returns a memory of the size that is asked for or, where an instance is restored, of the larger
// one that it had, in a reservation with the guard that is asked for.
unsafe impl MemoryCreator for HostMemories {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum_bytes: usize,
        maximum_bytes: Option<usize>,
        reserved_bytes: Option<usize>,
        guard_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let create = || {
            let plan = birth::next_memory();
            let planned_bytes = plan.size_bytes.unwrap_or(minimum_bytes);
            let size_bytes = planned_bytes.min(maximum_bytes.unwrap_or(usize::MAX)).max(minimum_bytes);
            let capacity_bytes = page_up(reserved_bytes.unwrap_or(0).max(size_bytes));
            let mapping = Arc::new(Mapping::new(size_bytes, capacity_bytes, guard_bytes)?);
            // Who planned a size that the memory may not have finds out from the size that it has.
            if plan.image.is_some() && size_bytes == planned_bytes {
                // SAFETY: the memory is new; nobody has its address yet.
                unsafe { mapping.map(plan.image.as_deref())? };
            }
            birth::note_memory(&mapping);
            io::Result::Ok(mapping)
        };
        match create() {
            Ok(mapping) => Ok(Box::new(HostMemory(mapping))),
            Err(error) => Err(format!("no address space for a linear memory: {error}; see `vm.max_map_count`")),
        }
    }
}

/// The next multiple of a page's size.
pub(crate) fn page_up(bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE_BYTES)
}
