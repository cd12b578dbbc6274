//! Checksums of everything in the log: BLAKE3, keyed and cut to 16 bytes.
//!
//! The key is drawn anew by each process that writes and stands in the headers of its segments. It makes a
//! checksum depend on something that no guest knows, so that bytes in a payload can't pass for a record or
//! a frame when a damaged segment is searched for what is left of it.

use std::io;

/// The size of a checksum, in bytes.
pub(super) const CHECKSUM_BYTES: usize = 16;

/// The first 16 bytes of a keyed BLAKE3 hash.
pub(super) type Checksum = [u8; CHECKSUM_BYTES];

/// The key of a segment's checksums.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub(super) [u8; blake3::KEY_LEN]);

impl Key {
    /// A key that nobody can guess.
    pub(super) fn random() -> io::Result<Self> {
        let mut key = [0; blake3::KEY_LEN];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self(key))
    }

    pub(super) fn checksum(&self, parts: &[&[u8]]) -> Checksum {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(part);
        }
        cut(&hasher.finalize())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The checksum of a segment's header, which holds the key and so can't depend on it.
pub(super) fn unkeyed(bytes: &[u8]) -> Checksum {
    cut(&blake3::hash(bytes))
}

fn cut(hash: &blake3::Hash) -> Checksum {
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&hash.as_bytes()[..CHECKSUM_BYTES]);
    checksum
}
