//! The transfer area as the worker has it: mapped, so that a driver's copies are made straight from it and into it.
#![allow(unsafe_code, reason = "memory that is shared with another process is mapped here, and nowhere else")]

use std::io;
use std::os::fd::OwnedFd;
use std::ptr::{self, NonNull};
use std::slice;

use rustix::mm::{MapFlags, ProtFlags};

use crate::device::protocol::Failure;
use crate::device::transfer::{HALF_BYTES, Half, TRANSFER_BYTES};

/// The mapped area.
pub(super) struct Area {
    start: NonNull<u8>,
}

impl Area {
    /// Maps the area that the host handed over.
    pub(super) fn map(file: OwnedFd) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a null address lets the kernel choose one, so no mapping of this process is replaced.
        let start =
            unsafe { rustix::mm::mmap(ptr::null_mut(), TRANSFER_BYTES, protection, MapFlags::SHARED, file, 0)? };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start })
    }

    /// So many bytes from the start of a half on, which the request that is being carried out has named.
    pub(super) fn bytes(&mut self, half: Half, length: u64) -> Result<&mut [u8], Failure> {
        let length = usize::try_from(length).ok().filter(|&length| length <= HALF_BYTES);
        let length = length.ok_or_else(|| Failure::Invalid("more than half of the transfer area holds".into()))?;
        // SAFETY: the bytes lie inside of the mapping, which is readable and writable, has the size that the seals of its
        // file keep, and is there until the process ends. Nobody else in this process has a reference into it, because
        // this borrows all of it; and the host does not touch a half between the request that names it and the reply.
        Ok(unsafe { slice::from_raw_parts_mut(self.start.as_ptr().add(half.start()), length) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::transfer::Transfer;

    fn both() -> (Transfer, Area) {
        let host = Transfer::create().expect("a memory file");
        let area = Area::map(host.share().expect("a descriptor")).expect("address space");
        (host, area)
    }

    #[test]
    fn what_one_side_puts_in_the_other_takes_out() {
        let (host, mut area) = both();
        host.put(Half::First, b"genome").expect("room");
        assert_eq!(area.bytes(Half::First, 6).expect("so much fits"), b"genome");
        area.bytes(Half::Second, 4).expect("so much fits").copy_from_slice(b"gene");
        let mut bytes = [0; 4];
        host.get(Half::Second, &mut bytes).expect("bytes");
        assert_eq!(&bytes, b"gene");
    }

    #[test]
    fn more_than_a_half_is_refused() {
        let (_, mut area) = both();
        assert_eq!(area.bytes(Half::Second, HALF_BYTES as u64).expect("so much fits").len(), HALF_BYTES);
        for length in [HALF_BYTES as u64 + 1, u64::MAX] {
            assert!(matches!(area.bytes(Half::First, length), Err(Failure::Invalid(_))));
        }
    }
}
