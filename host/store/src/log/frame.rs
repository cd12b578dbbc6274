//! The header of a frame, which is what one group commit writes: this header and the records after it.
//! The bytes are described in `docs/format-log.md`.

use super::checksum::{CHECKSUM_BYTES, Checksum, Key};
use super::fields::Fields;

/// The size of a frame's header, in bytes.
pub(super) const FRAME_HEADER_BYTES: usize = 64;

/// The largest payload of a frame that is read, in bytes. A frame that is written is far smaller: it holds
/// less than [`LogOptions::buffer_bytes_max`](super::LogOptions) and one more record.
pub(super) const FRAME_PAYLOAD_BYTES_MAX: u32 = 128 << 20;

/// What a frame's header begins with. Damaged segments are searched for it.
pub(super) const FRAME_MAGIC: [u8; 4] = *b"BJFR";

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) payload_bytes: u32,
    /// The segment that it is in.
    pub(super) segment: u64,
    /// Its place among all frames of the log; each frame has the number after that of the one before.
    pub(super) sequence: u64,
    pub(super) lease: u64,
    /// The checksum of all its records.
    pub(super) payload_checksum: Checksum,
}

impl FrameHeader {
    pub(super) fn encode(&self, key: &Key) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..4].copy_from_slice(&FRAME_MAGIC);
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.segment.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.lease.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.payload_checksum);
        let checksum = key.checksum(&[&bytes[..FRAME_HEADER_BYTES - CHECKSUM_BYTES]]);
        bytes[FRAME_HEADER_BYTES - CHECKSUM_BYTES..].copy_from_slice(&checksum);
        bytes
    }

    /// The header at the start of `bytes`, if there is an undamaged one of this segment.
    pub(super) fn decode(bytes: &[u8], segment: u64, key: &Key) -> Option<Self> {
        let (body, sum) = bytes.get(..FRAME_HEADER_BYTES)?.split_at(FRAME_HEADER_BYTES - CHECKSUM_BYTES);
        let mut fields = Fields(body);
        if fields.array()? != FRAME_MAGIC || key.checksum(&[body]) != sum {
            return None;
        }
        let header = Self {
            payload_bytes: fields.u32()?,
            segment: fields.u64()?,
            sequence: fields.u64()?,
            lease: fields.u64()?,
            payload_checksum: fields.array()?,
        };
        (header.segment == segment && header.payload_bytes <= FRAME_PAYLOAD_BYTES_MAX).then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_is_read_back_and_no_flipped_bit_is_believed(
            payload_bytes in 0..=FRAME_PAYLOAD_BYTES_MAX,
            sequence: u64,
            lease: u64,
            payload_checksum: Checksum,
            bit in 0..FRAME_HEADER_BYTES * 8,
        ) {
            let key = Key([1; 32]);
            let header = FrameHeader { payload_bytes, segment: 3, sequence, lease, payload_checksum };
            let mut bytes = header.encode(&key);
            prop_assert_eq!(FrameHeader::decode(&bytes, 3, &key), Some(header));
            prop_assert_eq!(FrameHeader::decode(&bytes, 4, &key), None);
            prop_assert_eq!(FrameHeader::decode(&bytes, 3, &Key([2; 32])), None);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(FrameHeader::decode(&bytes, 3, &key), None);
        }
    }
}
