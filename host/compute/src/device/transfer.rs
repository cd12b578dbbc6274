//! Memory that the host and a worker share: the bytes of buffers cross here, so that each side copies them once. The host
//! copies what a guest gave it in, from where the worker gives it to the driver; the worker copies what the driver gave it
//! in, from where the host takes it to where it is wanted.
//!
//! The area has two halves, so that one side is at work on one of them while the other side is on the other. A half that a
//! request names is the worker's until the reply has come, and the host's else.
//!
//! The host reads and writes the area by position and does not map it: a worker that changes bytes at the wrong time changes
//! what is read, and one that truncates the file (which the seals forbid anyway) makes a short read instead of a signal. The
//! worker, which trusts the host, [maps](super::worker) it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use serde::{Deserialize, Serialize};

/// The size of a half. It is what fits into the caches with the copies that are made of it, and takes many times as long to
/// copy as a request does.
pub(super) const HALF_BYTES: usize = 2 << 20;
/// The area's size. Pages that were never used take no memory.
pub(super) const TRANSFER_BYTES: usize = 2 * HALF_BYTES;

/// A half of the area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Half {
    /// The one at the start.
    First,
    /// The one behind it.
    Second,
}

impl Half {
    /// The first, the second, the first, and so on.
    pub(super) fn in_turn() -> impl Iterator<Item = Half> {
        [Half::First, Half::Second].into_iter().cycle()
    }

    /// Where it begins in the area, in bytes.
    pub(super) fn start(self) -> usize {
        match self {
            Half::First => 0,
            Half::Second => HALF_BYTES,
        }
    }
}

/// The host's end of a shared area.
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

    /// A descriptor of the area, to hand over.
    pub(super) fn share(&self) -> io::Result<OwnedFd> {
        Ok(self.file.try_clone()?.into())
    }

    /// Copies bytes into a half, from its start on, at most [`HALF_BYTES`].
    pub(super) fn put(&self, half: Half, bytes: &[u8]) -> io::Result<()> {
        check_length(bytes.len())?;
        self.file.write_all_at(bytes, half.start() as u64)
    }

    /// Copies bytes out of a half, from its start on, at most [`HALF_BYTES`].
    pub(super) fn get(&self, half: Half, bytes: &mut [u8]) -> io::Result<()> {
        check_length(bytes.len())?;
        self.file.read_exact_at(bytes, half.start() as u64)
    }
}

fn check_length(length: usize) -> io::Result<()> {
    if length <= HALF_BYTES {
        return Ok(());
    }
    let problem = format!("{length} bytes; a half of the transfer area holds {HALF_BYTES}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_half_comes_out_of_it() {
        let area = Transfer::create().expect("a memory file");
        area.put(Half::First, &vec![1; HALF_BYTES]).expect("room");
        area.put(Half::Second, b"genome").expect("room");
        let (mut first, mut second) = (vec![0; HALF_BYTES], [0; 6]);
        area.get(Half::First, &mut first).expect("bytes");
        area.get(Half::Second, &mut second).expect("bytes");
        assert!(first.iter().all(|&byte| byte == 1));
        assert_eq!(&second, b"genome");
    }

    #[test]
    fn a_half_holds_no_more_than_itself() {
        let area = Transfer::create().expect("a memory file");
        let mut bytes = vec![1; HALF_BYTES + 1];
        for half in Half::in_turn().take(2) {
            assert!(area.put(half, &bytes).is_err() && area.get(half, &mut bytes).is_err());
        }
    }

    #[test]
    fn neither_side_can_change_the_areas_size() {
        let host = Transfer::create().expect("a memory file");
        let worker = File::from(host.share().expect("a descriptor"));
        assert!(worker.set_len(0).is_err() && worker.set_len(1 << 40).is_err());
        assert_eq!(worker.metadata().expect("a memory file").len(), TRANSFER_BYTES as u64);
    }
}
