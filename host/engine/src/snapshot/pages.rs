//! Which pages of a memory were written since its image was mapped. The kernel knows: a page of a private mapping that
//! was written is a copy of its own, no page of the image's file. Linux 6.7 and later are asked for just these
//! (`PAGEMAP_SCAN`), earlier ones for the state of every page (`/proc/self/pagemap`). Neither needs a privilege.
#![allow(unsafe_code, reason = "PAGEMAP_SCAN is a request to the kernel that no safe interface wraps")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::ioctl::{self, Ioctl, IoctlOutput, Opcode};

use super::mapping::{Mapping, PAGE_BYTES, page_up};

static PAGEMAP: LazyLock<io::Result<File>> = LazyLock::new(|| File::open("/proc/self/pagemap"));
/// Whether this kernel has turned out not to know `PAGEMAP_SCAN`.
static IS_OLD_KERNEL: AtomicBool = AtomicBool::new(false);

/// The pages that were written, as ranges of page numbers in ascending order.
pub(crate) fn written(mapping: &Mapping) -> io::Result<Vec<Range<u64>>> {
    let pagemap = PAGEMAP.as_ref().map_err(|error| {
        io::Error::new(error.kind(), format!("cannot read /proc/self/pagemap, which tells what a guest wrote: {error}"))
    })?;
    let (start, length) = (mapping.address(), page_up(mapping.size_bytes()));
    if !IS_OLD_KERNEL.load(Ordering::Relaxed) {
        match scan(pagemap, start, length) {
            Err(error) if [rustix::io::Errno::NOTTY, rustix::io::Errno::INVAL].contains(&error) => {
                IS_OLD_KERNEL.store(true, Ordering::Relaxed);
            }
            outcome => return Ok(outcome?),
        }
    }
    read(pagemap, start, length)
}

/// `struct page_region` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// `struct pm_scan_arg` of the kernel.
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    regions_len: u64,
    pages_max: u64,
    category_inverted: u64,
    category_mask: u64,
    category_any_of: u64,
    return_mask: u64,
}

const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
const IS_ZERO: u64 = 1 << 5;

/// Regions that one request returns.
const REGIONS_MAX: usize = 1024;

// SAFETY: the opcode is that of `PAGEMAP_SCAN`, whose argument is a `struct pm_scan_arg`, in and out.
unsafe impl Ioctl for &mut Scan {
    type Output = usize;
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        ioctl::opcode::read_write::<Scan>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        std::ptr::from_mut::<Scan>(self).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut std::ffi::c_void) -> rustix::io::Result<usize> {
        Ok(out as usize)
    }
}

fn scan(pagemap: &File, start: usize, length: usize) -> rustix::io::Result<Vec<Range<u64>>> {
    let end = (start + length) as u64;
    let mut regions = [Region::default(); REGIONS_MAX];
    let mut written: Vec<Range<u64>> = Vec::new();
    let mut from = start as u64;
    while from < end {
        let mut request = Scan {
            size: size_of::<Scan>() as u64,
            start: from,
            end,
            regions: regions.as_mut_ptr() as u64,
            regions_len: REGIONS_MAX as u64,
            category_inverted: IS_FILE | IS_ZERO,
            category_mask: IS_FILE | IS_ZERO,
            category_any_of: IS_PRESENT | IS_SWAPPED,
            return_mask: IS_PRESENT,
            ..Scan::default()
        };
        // SAFETY: the kernel writes at most `regions_len` regions to `regions`, which lives until the call is over.
        let found = unsafe { ioctl::ioctl(pagemap, &mut request)? };
        for region in &regions[..found] {
            let page = |address: u64| (address - start as u64) / PAGE_BYTES as u64;
            push(&mut written, page(region.start)..page(region.end));
        }
        // The kernel tells in `walk_end` too how far it got, but not reliably: where it filled its own buffer once and
        // then reached the end, that stays where the buffer was full, and what lies behind would be found twice.
        match regions[..found].last() {
            Some(last) if found == REGIONS_MAX => from = last.end,
            _ => break,
        }
    }
    Ok(written)
}

/// Bits of an entry of `/proc/self/pagemap`.
const ENTRY_PRESENT: u64 = 1 << 63;
const ENTRY_SWAPPED: u64 = 1 << 62;
const ENTRY_FILE: u64 = 1 << 61;
/// Entries that are read at a time.
const ENTRIES: usize = 8192;

fn read(pagemap: &File, start: usize, length: usize) -> io::Result<Vec<Range<u64>>> {
    let (first, pages) = ((start / PAGE_BYTES) as u64, (length / PAGE_BYTES) as u64);
    let mut written: Vec<Range<u64>> = Vec::new();
    let mut buffer = vec![0; ENTRIES * 8];
    let mut page = 0;
    while page < pages {
        let entries = ENTRIES.min((pages - page) as usize);
        let part = &mut buffer[..entries * 8];
        pagemap.read_exact_at(part, (first + page) * 8)?;
        for (at, entry) in part.as_chunks::<8>().0.iter().enumerate() {
            let entry = u64::from_le_bytes(*entry);
            if entry & (ENTRY_PRESENT | ENTRY_SWAPPED) != 0 && entry & ENTRY_FILE == 0 {
                let at = page + at as u64;
                push(&mut written, at..at + 1);
            }
        }
        page += entries as u64;
    }
    Ok(written)
}

/// Appends a range, or makes the last one longer.
fn push(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests;
