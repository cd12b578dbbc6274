//! The format of a pack, a file of chunks: header, the stored chunks back to back, and a footer that lists
//! them. `docs/format.md` describes every byte.
//!
//! The footer comes last so that chunks can be written as they are made. It says of every chunk what is
//! stored, so the BLAKE3 hash of the footer vouches for the whole file; a pack has that hash as its name,
//! which makes writing the same pack twice harmless, and ends with the hash's first half.

use super::chunk::ChunkInfo;
use super::fields::{CHECKSUM_BYTES, Fields, Malformed, first_half};
use crate::digest::Digest;

/// The format of packs that this build reads and writes.
pub const PACK_FORMAT: u16 = 1;

/// The most chunks of one pack: what 4 GiB need, with a footer of 3.5 MiB.
pub const PACK_CHUNKS_MAX: usize = 65_536;

pub(super) const HEADER_BYTES: usize = 8;
/// The count and the checksum, which are at the very end.
pub(super) const TAIL_BYTES: usize = 4 + CHECKSUM_BYTES;
const MAGIC: &[u8; 6] = b"BJPACK";
const ENTRY_BYTES: usize = 32 + 4 + 4 + CHECKSUM_BYTES;

/// What a pack holds and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackTable {
    /// The hash of the footer.
    pub(super) name: Digest,
    pub(super) entries: Vec<PackEntry>,
}

/// A chunk in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackEntry {
    pub(super) info: ChunkInfo,
    /// Where its stored bytes start in the file.
    pub(super) offset: u64,
}

/// Why a pack could not be opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadPack {
    /// It is not what was written.
    Damaged(Malformed),
    /// Another Belljar wrote it, in this format.
    Version(u16),
}

/// The first bytes of a pack.
pub(super) fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    header[MAGIC.len()..].copy_from_slice(&PACK_FORMAT.to_le_bytes());
    header
}

/// The last bytes of a pack with these chunks, and its table.
pub(super) fn footer(chunks: &[ChunkInfo]) -> (Vec<u8>, PackTable) {
    let mut footer = Vec::with_capacity(chunks.len() * ENTRY_BYTES + TAIL_BYTES);
    for ChunkInfo { digest, raw_bytes, stored_bytes, checksum } in chunks {
        footer.extend_from_slice(digest.as_bytes());
        footer.extend_from_slice(&raw_bytes.to_le_bytes());
        footer.extend_from_slice(&stored_bytes.to_le_bytes());
        footer.extend_from_slice(checksum);
    }
    footer.extend_from_slice(&(chunks.len() as u32).to_le_bytes());
    let name = Digest::of(&footer);
    footer.extend_from_slice(&first_half(name.as_bytes()));
    (footer, PackTable { name, entries: entries(chunks.iter().copied()).0 })
}

impl PackTable {
    /// Reads the table of a file of that size; `read` gives the bytes at an offset, or fewer at the end.
    ///
    /// # Errors
    /// Those of `read`, and a [`BadPack`].
    pub(super) fn read<E>(
        size_bytes: u64,
        mut read: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
    ) -> Result<Result<Self, BadPack>, E> {
        let too_short = || Ok(Err(BadPack::Damaged("it is too short".to_owned())));
        let header = read(0, HEADER_BYTES)?;
        if let Err(bad) = check_header(&header) {
            return Ok(Err(bad));
        }
        let Some(tail_offset) = size_bytes.checked_sub(TAIL_BYTES as u64) else {
            return too_short();
        };
        let tail = read(tail_offset, TAIL_BYTES)?;
        let Some(count) = tail.first_chunk().map(|count| u32::from_le_bytes(*count) as usize) else {
            return too_short();
        };
        let Some(offset) = tail_offset.checked_sub(count as u64 * ENTRY_BYTES as u64) else {
            return too_short();
        };
        if count > PACK_CHUNKS_MAX {
            return Ok(Err(BadPack::Damaged(format!("{count} chunks are more than {PACK_CHUNKS_MAX}"))));
        }
        let footer = read(offset, count * ENTRY_BYTES + TAIL_BYTES)?;
        Ok(Self::decode(&footer, offset).map_err(BadPack::Damaged))
    }

    /// Reads a footer that starts at `offset` of its file.
    fn decode(footer: &[u8], offset: u64) -> Result<Self, Malformed> {
        let (listed, sum) = footer.split_last_chunk().ok_or("it is too short")?;
        let name = Digest::of(listed);
        if first_half(name.as_bytes()) != *sum {
            return Err("its checksum does not fit".to_owned());
        }
        let mut fields = Fields::new(listed);
        let mut chunks = Vec::with_capacity(listed.len() / ENTRY_BYTES);
        for _ in 0..listed.len() / ENTRY_BYTES {
            let digest = Digest::from_bytes(fields.array("chunks")?);
            let [raw_bytes, stored_bytes] = [fields.u32("chunks")?, fields.u32("chunks")?];
            let info = ChunkInfo { digest, raw_bytes, stored_bytes, checksum: fields.array("chunks")? };
            info.check()?;
            chunks.push(info);
        }
        let (entries, end) = entries(chunks.into_iter());
        match end == offset {
            true => Ok(Self { name, entries }),
            false => Err(format!("its chunks end at byte {end} and not at {offset}")),
        }
    }

    /// How many bytes the stored chunks take.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| u64::from(entry.info.stored_bytes)).sum()
    }

    /// The size of the file in bytes.
    pub(super) fn file_bytes(&self) -> u64 {
        (HEADER_BYTES + TAIL_BYTES + self.entries.len() * ENTRY_BYTES) as u64 + self.stored_bytes()
    }
}

/// Where each chunk starts, and where the last one ends.
fn entries(chunks: impl Iterator<Item = ChunkInfo>) -> (Vec<PackEntry>, u64) {
    let mut offset = HEADER_BYTES as u64;
    let entries = chunks
        .map(|info| {
            let entry = PackEntry { info, offset };
            offset += u64::from(info.stored_bytes);
            entry
        })
        .collect();
    (entries, offset)
}

fn check_header(header: &[u8]) -> Result<(), BadPack> {
    let mut fields = Fields::new(header);
    if fields.array("header").as_ref() != Ok(MAGIC) {
        return Err(BadPack::Damaged("it does not start as one".to_owned()));
    }
    match fields.u16("header").map_err(BadPack::Damaged)? {
        PACK_FORMAT => Ok(()),
        found => Err(BadPack::Version(found)),
    }
}
