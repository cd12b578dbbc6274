//! The header of a segment file, and the file's name.
//!
//! Everything in a segment depends on its header (the key of the checksums, where its predecessor ends),
//! so the header is there twice and either copy will do. It is durable before the first frame is written.
//! The bytes are described in `docs/format-log.md`.

use super::checksum::{self, CHECKSUM_BYTES, Key};
use super::fields::Fields;

/// The format of segments that this build reads and writes.
pub(super) const SEGMENT_VERSION: u32 = 1;

/// Where the frames of a segment begin, in bytes: after two copies of the header.
pub(super) const SEGMENT_HEADER_BYTES: u64 = 2 * COPY_BYTES as u64;

const MAGIC: [u8; 8] = *b"BJACTLOG";
const COPY_BYTES: usize = 112;
const EXTENSION: &str = ".seg";
const NAME_DIGITS: usize = 16;

/// The part of a segment that counts. Whatever comes after it in the file is ignored for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValidPrefix {
    pub(super) segment: u64,
    pub(super) bytes: u64,
}

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Its number; segments count from 1 and no number is used twice.
    pub(super) segment: u64,
    /// The lease of the process that wrote it.
    pub(super) lease: u64,
    /// The sequence number of its first frame.
    pub(super) first_frame: u64,
    /// The segment before it, and how much of that counts.
    pub(super) predecessor: Option<ValidPrefix>,
    /// The smallest number that no actor had when the segment was begun.
    pub(super) next_actor: u64,
    pub(super) key: Key,
}

/// Why a segment's header can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Neither copy is what was written.
    Damaged,
    /// It was written in another format.
    Version(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(SEGMENT_HEADER_BYTES as usize);
        let (before, before_bytes) = self.predecessor.map_or((0, 0), |prefix| (prefix.segment, prefix.bytes));
        copy.extend(MAGIC);
        copy.extend(SEGMENT_VERSION.to_le_bytes());
        copy.extend(0_u32.to_le_bytes());
        for number in [self.segment, self.lease, self.first_frame, before, before_bytes, self.next_actor] {
            copy.extend(number.to_le_bytes());
        }
        copy.extend(self.key.0);
        copy.extend(checksum::unkeyed(&copy));
        debug_assert_eq!(copy.len(), COPY_BYTES);
        copy.extend_from_within(..);
        copy
    }

    /// The header of segment `segment`, from the first [`SEGMENT_HEADER_BYTES`] of its file, or fewer.
    pub(super) fn decode(bytes: &[u8], segment: u64) -> Result<Self, HeaderFault> {
        let mut fault = HeaderFault::Damaged;
        for copy in bytes.chunks_exact(COPY_BYTES).take(2) {
            match Self::decode_copy(copy) {
                Some(Ok(header)) if header.segment == segment => return Ok(header),
                Some(Err(version)) => fault = HeaderFault::Version(version),
                _ => {}
            }
        }
        Err(fault)
    }

    /// `None` for a damaged copy, the version for one of another format.
    fn decode_copy(copy: &[u8]) -> Option<Result<Self, u32>> {
        let (body, sum) = copy.split_at_checked(COPY_BYTES - CHECKSUM_BYTES)?;
        let mut fields = Fields(body);
        if fields.array()? != MAGIC || checksum::unkeyed(body) != sum {
            return None;
        }
        let version = fields.u32()?;
        if version != SEGMENT_VERSION {
            return Some(Err(version));
        }
        let _reserved = fields.u32()?;
        let segment = fields.u64()?;
        let lease = fields.u64()?;
        let first_frame = fields.u64()?;
        let (before, bytes) = (fields.u64()?, fields.u64()?);
        let predecessor = (before != 0).then_some(ValidPrefix { segment: before, bytes });
        let next_actor = fields.u64()?;
        Some(Ok(Self { segment, lease, first_frame, predecessor, next_actor, key: Key(fields.array()?) }))
    }
}

/// The name of a segment's file.
pub(super) fn file_name(segment: u64) -> String {
    format!("{segment:0NAME_DIGITS$x}{EXTENSION}")
}

/// The number of a segment from the name of its file; `None` for files of other kinds.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name.strip_suffix(EXTENSION)?, 16).ok()?;
    (number > 0 && file_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> SegmentHeader {
        let predecessor = Some(ValidPrefix { segment: 6, bytes: 4711 });
        SegmentHeader { segment: 7, lease: 3, first_frame: 99, predecessor, next_actor: 12, key: Key([5; 32]) }
    }

    #[test]
    fn either_copy_will_do_and_no_flipped_bit_is_believed() {
        let bytes = header().encode();
        assert_eq!(bytes.len() as u64, SEGMENT_HEADER_BYTES);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&damaged, 7), Ok(header()));
            let copy = &damaged[bit / 8 / COPY_BYTES * COPY_BYTES..][..COPY_BYTES];
            assert_eq!(SegmentHeader::decode(copy, 7), Err(HeaderFault::Damaged));
        }
        assert_eq!(SegmentHeader::decode(&bytes, 8), Err(HeaderFault::Damaged));
    }

    #[test]
    fn another_version_is_told_apart_from_damage() {
        let mut copy = header().encode()[..COPY_BYTES - CHECKSUM_BYTES].to_vec();
        copy[8] = 9;
        copy.extend(checksum::unkeyed(&copy));
        assert_eq!(SegmentHeader::decode(&copy, 7), Err(HeaderFault::Version(9)));
    }

    #[test]
    fn a_segment_has_one_name() {
        assert_eq!(file_name(0xab), "00000000000000ab.seg");
        assert_eq!(number_of("00000000000000ab.seg"), Some(0xab));
        for other in ["00000000000000AB.seg", "ab.seg", "0000000000000000.seg", "00000000000000ab.tmp", ""] {
            assert_eq!(number_of(other), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_not(bytes: Vec<u8>, segment: u64) {
            prop_assert!(SegmentHeader::decode(&bytes, segment).is_err());
        }
    }
}
