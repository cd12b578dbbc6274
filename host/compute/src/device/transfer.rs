//! Memory that the host and a worker share: the bytes of buffers cross here, so that the side that has them
//! copies them in once and the side that wants them copies them out once. Requests take turns, and so the area
//! is one side's at a time.
//!
//! It is a memory file that both sides read and write by position instead of mapping it. That is as few copies,
//! and it needs no `unsafe`: a worker that changes bytes at the wrong time changes what is read, and one that
//! truncates the file (which the seals forbid anyway) makes a short read instead of a signal.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// The area's size. Pages that were never used take no memory.
pub(super) const TRANSFER_BYTES: usize = 16 << 20;

/// One side's end of a shared area.
#[derive(Debug)]
pub(super) struct Transfer {
    file: File,
}

impl Transfer {
    /// A new area.
    pub(super) fn create() -> io::Result<Self> {
        let file = memfd_create("belljar-transfer", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let file = File::from(file);
        file.set_len(TRANSFER_BYTES as u64)?;
        fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self { file })
    }

    /// The other end of an area that was handed over.
    pub(super) fn from_fd(file: OwnedFd) -> Self {
        Self { file: file.into() }
    }

    /// A descriptor of the area, to hand over.
    pub(super) fn share(&self) -> io::Result<OwnedFd> {
        Ok(self.file.try_clone()?.into())
    }

    /// Copies bytes in, at most [`TRANSFER_BYTES`].
    pub(super) fn put(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, 0)
    }

    /// Copies bytes out, from `offset` on.
    pub(super) fn get(&self, offset: usize, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_puts_in_the_other_takes_out() {
        let host = Transfer::create().expect("a memory file");
        let worker = Transfer::from_fd(host.share().expect("a descriptor"));
        host.put(b"genome").expect("room");
        let mut bytes = [0; 4];
        worker.get(2, &mut bytes).expect("bytes");
        assert_eq!(&bytes, b"nome");
    }

    #[test]
    fn neither_side_can_change_the_areas_size() {
        let host = Transfer::create().expect("a memory file");
        let worker = File::from(host.share().expect("a descriptor"));
        assert!(worker.set_len(0).is_err() && worker.set_len(1 << 40).is_err());
        assert!(host.put(&vec![1; TRANSFER_BYTES + 1]).is_err());
    }
}
