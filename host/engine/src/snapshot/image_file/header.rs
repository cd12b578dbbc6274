//! The header of an image's file: what the contents are, how long, and the checksums of their parts.

use bytes::{Buf as _, BufMut as _, TryGetError};

use super::ImageFileProblem::{self, Damaged};
use super::{PAGE_BYTES, PART_BYTES, VERSION};

/// What every such file begins with.
const MAGIC: &[u8; 6] = b"BJIMAG";
/// Magic, version, and the length of the whole header.
pub(super) const PREFIX_BYTES: usize = 12;
/// Bytes of a checksum: of the contents an XXH3, of the header the first half of a BLAKE3.
pub(super) const CHECKSUM_BYTES: usize = 16;
/// Bytes of a header: 2 MiB, enough for the checksums of 64 GiB and as many globals as an actor may have.
pub(super) const HEADER_BYTES_MAX: usize = 2 << 20;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub component: [u8; 32],
    pub checkpoint: [u8; 32],
    pub globals: Vec<u64>,
    pub memories: Vec<MemoryHeader>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct MemoryHeader {
    pub size_bytes: u64,
    /// What of it is in the file: whole pages. The rest is zero.
    pub image_bytes: u64,
    /// Of each MiB.
    pub checksums: Vec<[u8; CHECKSUM_BYTES]>,
}

/// The length of the header that begins with these bytes.
pub(super) fn bytes_of(prefix: &[u8; PREFIX_BYTES]) -> Result<usize, ImageFileProblem> {
    let mut rest = prefix.strip_prefix(MAGIC).ok_or(ImageFileProblem::Magic)?;
    let (version, length) = (rest.get_u16_le(), rest.get_u32_le() as usize);
    if version != VERSION {
        return Err(ImageFileProblem::Version(version));
    }
    if !(PREFIX_BYTES + CHECKSUM_BYTES..=HEADER_BYTES_MAX).contains(&length) {
        return Err(Damaged("its header has a length that none has"));
    }
    Ok(length)
}

impl Header {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_slice(MAGIC);
        out.put_u16_le(VERSION);
        out.put_u32_le(0);
        out.put_slice(&self.component);
        out.put_slice(&self.checkpoint);
        out.put_u32_le(self.globals.len() as u32);
        self.globals.iter().for_each(|word| out.put_u64_le(*word));
        out.put_u32_le(self.memories.len() as u32);
        for memory in &self.memories {
            out.put_u64_le(memory.size_bytes);
            out.put_u64_le(memory.image_bytes);
            memory.checksums.iter().for_each(|checksum| out.put_slice(checksum));
        }
        // Whoever writes the file refuses a header that is too long for this.
        let length = (out.len() + CHECKSUM_BYTES) as u32;
        out[MAGIC.len() + 2..PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
        let checksum = checksum(&out);
        out.put_slice(&checksum);
        out
    }

    /// The header that has these bytes, all of them.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Header, ImageFileProblem> {
        let (content, found) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(Damaged("it is cut short"))?;
        if checksum(content) != *found {
            return Err(Damaged("its header does not have its checksum"));
        }
        let mut rest = content.get(PREFIX_BYTES..).ok_or(Damaged("it is cut short"))?;
        let header = Header::parse(&mut rest).map_err(|_| Damaged("its header is cut short"))??;
        if !rest.is_empty() {
            return Err(Damaged("its header has more than it says"));
        }
        Ok(header)
    }

    /// The outer error is that bytes are missing. Nothing is reserved that the bytes do not back.
    fn parse(rest: &mut &[u8]) -> Result<Result<Header, ImageFileProblem>, TryGetError> {
        let (mut component, mut checkpoint) = ([0; 32], [0; 32]);
        rest.try_copy_to_slice(&mut component)?;
        rest.try_copy_to_slice(&mut checkpoint)?;
        let globals = (0..rest.try_get_u32_le()?).map(|_| rest.try_get_u64_le()).collect::<Result<_, _>>()?;
        let mut memories = Vec::new();
        for _ in 0..rest.try_get_u32_le()? {
            let (size_bytes, image_bytes) = (rest.try_get_u64_le()?, rest.try_get_u64_le()?);
            let pages_end = usize::try_from(size_bytes).ok().and_then(|size| size.checked_next_multiple_of(PAGE_BYTES));
            if !image_bytes.is_multiple_of(PAGE_BYTES as u64) || pages_end.is_none_or(|end| image_bytes > end as u64) {
                return Ok(Err(Damaged("a memory in it has a size that none has")));
            }
            let mut checksums = Vec::new();
            for _ in 0..image_bytes.div_ceil(PART_BYTES as u64) {
                let mut checksum = [0; CHECKSUM_BYTES];
                rest.try_copy_to_slice(&mut checksum)?;
                checksums.push(checksum);
            }
            memories.push(MemoryHeader { size_bytes, image_bytes, checksums });
        }
        Ok(Ok(Header { component, checkpoint, globals, memories }))
    }
}

pub(super) fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = blake3::hash(bytes);
    let (first, _) = hash.as_bytes().split_at(CHECKSUM_BYTES);
    first.try_into().expect("a hash is twice as long")
}
