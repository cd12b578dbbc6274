//! Telling the kernel, in one request, that many ranges of memory are not needed any more. A request for each would take
//! longer than copying the pages did: what is costly is to make every processor forget where the pages were, and for one
//! request that happens once. Linux 6.13 and later take a list; earlier ones are asked range by range.
#![allow(unsafe_code, reason = "`process_madvise` is a request to the kernel that no safe interface wraps")]

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::LazyLock;

use rustix::mm::Advice;
use rustix::process::PidfdFlags;

/// Ranges of one request: as many as the kernel takes (`UIO_MAXIOV`).
pub(super) const RANGES_MAX: usize = 1024;

/// This process, as `process_madvise` wants it named; none where the kernel cannot.
static THIS_PROCESS: LazyLock<Option<OwnedFd>> =
    LazyLock::new(|| rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).ok());

/// Drops the private copies of these pages, which then show what is mapped there. A range is an address and a length,
/// both multiples of a page.
///
/// # Safety
///
/// The ranges are mapped, and nobody uses what is in them.
pub(super) unsafe fn do_not_need(ranges: &[(*mut c_void, usize)]) -> io::Result<()> {
    // SAFETY: the caller's promise.
    if ranges.len() > 1 && unsafe { at_once(ranges) } {
        return Ok(());
    }
    // Also after a list of which only a part was worked off: a page that is not needed is so twice as well.
    for (address, length) in ranges {
        // SAFETY: the caller's promise.
        unsafe { rustix::mm::madvise(*address, *length, Advice::LinuxDontNeed)? };
    }
    Ok(())
}

/// Says whether the kernel did it all.
///
/// # Safety
///
/// As for [`do_not_need`].
unsafe fn at_once(ranges: &[(*mut c_void, usize)]) -> bool {
    let Some(process) = THIS_PROCESS.as_ref() else { return false };
    let wanted: usize = ranges.iter().map(|(_, length)| length).sum();
    let list: Vec<libc::iovec> =
        ranges.iter().map(|(address, length)| libc::iovec { iov_base: *address, iov_len: *length }).collect();
    // SAFETY: the kernel reads `list`, which lives until the call is over, and drops only what the caller has promised
    // that nobody uses.
    let done = unsafe {
        let (process, advice) = (process.as_raw_fd(), libc::MADV_DONTNEED);
        libc::syscall(libc::SYS_process_madvise, process, list.as_ptr(), list.len(), advice, 0_u32)
    };
    usize::try_from(done).is_ok_and(|done| done == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_show_what_is_mapped_again_and_their_neighbours_are_left_alone() {
        const PAGE_BYTES: usize = 4096;
        // Odd pages are not needed: one range, so many that the kernel takes them at once, and every number between.
        for count in [0, 1, 2, 3, 100, RANGES_MAX] {
            let pages = 2 * count + 1;
            let (protection, flags) =
                (rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE, rustix::mm::MapFlags::PRIVATE);
            // SAFETY: the kernel chooses the address.
            let memory =
                unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), pages * PAGE_BYTES, protection, flags) }
                    .expect("there is room");
            // SAFETY: the memory was just mapped, is this long, and nobody else has its address.
            let bytes = unsafe { std::slice::from_raw_parts_mut(memory.cast::<u8>(), pages * PAGE_BYTES) };
            bytes.fill(7);
            let odd = bytes.chunks_mut(PAGE_BYTES).skip(1).step_by(2);
            let ranges: Vec<_> = odd.map(|page| (page.as_mut_ptr().cast(), PAGE_BYTES)).collect();

            // SAFETY: the pages are mapped, and nobody looks at them in the meantime.
            unsafe { do_not_need(&ranges) }.expect("they are mapped");

            // SAFETY: as above.
            let bytes = unsafe { std::slice::from_raw_parts(memory.cast::<u8>(), pages * PAGE_BYTES) };
            for (page, bytes) in bytes.chunks(PAGE_BYTES).enumerate() {
                let expected = if page % 2 == 1 { 0 } else { 7 };
                assert!(bytes.iter().all(|byte| *byte == expected), "{count} ranges, page {page}");
            }
            // SAFETY: nothing refers to it any more.
            unsafe { rustix::mm::munmap(memory, pages * PAGE_BYTES) }.expect("it was mapped");
        }
    }
}
