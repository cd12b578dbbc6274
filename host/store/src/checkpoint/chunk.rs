//! Chunks: up to 16 pages under the name of their content. Equal content is stored once, whoever wrote it,
//! and a chunk that was read is known to be the one that was asked for.
//!
//! A chunk is stored as one zstd frame if that is shorter, and as it is otherwise; the two lengths tell
//! which. The stored bytes have a checksum of their own, so that damage is found before it reaches the
//! decompressor, and a chunk can be copied from pack to pack without unpacking it.

use std::borrow::Cow;

use bytes::Bytes;

use super::compress::{compress, decompress};
use super::fields::{Checksum, checksum, first_half};
use super::page::PAGE_BYTES;
use crate::digest::Digest;

/// The most pages of a chunk. Larger chunks make manifests shorter and small changes dearer.
pub const CHUNK_PAGES_MAX: u64 = 16;

/// The most bytes of a chunk: 64 KiB.
pub const CHUNK_BYTES_MAX: usize = CHUNK_PAGES_MAX as usize * PAGE_BYTES;

/// What is known of a stored chunk without looking at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkInfo {
    /// The digest of its content.
    pub(super) digest: Digest,
    /// The length of its content in bytes.
    pub(super) raw_bytes: u32,
    /// How many bytes are stored; fewer than `raw_bytes` when they are compressed.
    pub(super) stored_bytes: u32,
    /// The checksum of the bytes that are stored.
    pub(super) checksum: Checksum,
}

/// A chunk as it is stored.
#[derive(Clone, Debug)]
pub(super) struct StoredChunk<'a> {
    pub(super) info: ChunkInfo,
    pub(super) stored: Cow<'a, [u8]>,
}

impl<'a> StoredChunk<'a> {
    /// Packs content of at most [`CHUNK_BYTES_MAX`] bytes, of which the digest is known.
    pub(super) fn pack(digest: Digest, content: &'a [u8]) -> Self {
        let (stored, checksum) = match compress(content, content.len()) {
            Some(compressed) => {
                let sum = checksum(&compressed);
                (Cow::Owned(compressed), sum)
            }
            None => (Cow::Borrowed(content), first_half(digest.as_bytes())),
        };
        // Neither length passes CHUNK_BYTES_MAX.
        let (raw_bytes, stored_bytes) = (content.len() as u32, stored.len() as u32);
        Self { info: ChunkInfo { digest, raw_bytes, stored_bytes, checksum }, stored }
    }
}

impl StoredChunk<'static> {
    /// A chunk that comes as the length of its content and what is stored, with no more to tell what it is.
    ///
    /// # Errors
    /// Why it is not one.
    pub(super) fn received(bytes: &[u8]) -> Result<Self, String> {
        let (raw_bytes, stored) = bytes.split_first_chunk().ok_or("it has no length")?;
        let raw_bytes = u32::from_le_bytes(*raw_bytes);
        let too_long = |_| format!("{} bytes are no chunk", stored.len());
        let stored_bytes = u32::try_from(stored.len()).map_err(too_long)?;
        let digest = match stored_bytes < raw_bytes && raw_bytes as usize <= CHUNK_BYTES_MAX {
            true => Digest::of(&decompress(stored, raw_bytes as usize)?),
            false => Digest::of(stored),
        };
        let info = ChunkInfo { digest, raw_bytes, stored_bytes, checksum: checksum(stored) };
        info.check()?;
        Ok(Self { info, stored: Cow::Owned(stored.to_vec()) })
    }
}

impl ChunkInfo {
    /// What cannot be true of any chunk.
    pub(super) fn check(&self) -> Result<(), String> {
        let fits = (1..=CHUNK_BYTES_MAX).contains(&(self.raw_bytes as usize))
            && (1..=self.raw_bytes).contains(&self.stored_bytes);
        let is_named = self.is_compressed() || self.checksum == first_half(self.digest.as_bytes());
        match fits && is_named {
            true => Ok(()),
            false => Err(format!("{} bytes stored as {} are no chunk", self.raw_bytes, self.stored_bytes)),
        }
    }

    /// The content, verified, from the bytes that are stored.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn unpack(&self, stored: Bytes) -> Result<Bytes, String> {
        if stored.len() != self.stored_bytes as usize {
            return Err(format!("it has {} bytes instead of {}", stored.len(), self.stored_bytes));
        }
        let content = if self.is_compressed() {
            if checksum(&stored) != self.checksum {
                return Err("its checksum does not fit".to_owned());
            }
            Bytes::from(decompress(&stored, self.raw_bytes as usize)?)
        } else {
            stored
        };
        match Digest::of(&content) == self.digest {
            true => Ok(content),
            false => Err("its content has another digest".to_owned()),
        }
    }

    fn is_compressed(&self) -> bool {
        self.stored_bytes < self.raw_bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noise(size_bytes: usize) -> Vec<u8> {
        let mut noise = vec![0; size_bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        noise
    }

    #[test]
    fn noise_is_stored_as_it_is_and_zeros_are_not() {
        for (content, is_compressed) in [(noise(CHUNK_BYTES_MAX), false), (vec![0; CHUNK_BYTES_MAX], true)] {
            let chunk = StoredChunk::pack(Digest::of(&content), &content);
            assert_eq!(chunk.info.check(), Ok(()));
            assert_eq!(chunk.info.is_compressed(), is_compressed);
            assert_eq!(chunk.info.unpack(chunk.stored.into_owned().into()).unwrap(), content);
        }
    }

    proptest! {
        #[test]
        fn content_comes_back(content in prop::collection::vec(0..4u8, 1..9000)) {
            let chunk = StoredChunk::pack(Digest::of(&content), &content);
            prop_assert_eq!(chunk.info.check(), Ok(()));
            prop_assert_eq!(chunk.info.unpack(chunk.stored.into_owned().into()).unwrap(), content);
        }

        #[test]
        fn arbitrary_bytes_are_no_chunk(stored in prop::collection::vec(any::<u8>(), 0..500), raw_bytes: u32) {
            let stored_bytes = stored.len() as u32;
            // Even a checksum that fits makes no chunk of bytes that are not its content.
            let info = ChunkInfo { digest: Digest::of(b"?"), raw_bytes, stored_bytes, checksum: checksum(&stored) };
            prop_assert!(info.check().is_err() || info.unpack(stored.into()).is_err());
        }
    }
}
