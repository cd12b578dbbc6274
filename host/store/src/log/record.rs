//! Records: what an actor's history is made of.
//!
//! A record can be read and verified alone, by its position. It names the record before it of the same
//! actor, so a history is read from its newest record back to its oldest. Its header has a checksum of its
//! own, so that a damaged payload does not cut the history: what came before it is still found.
//! The bytes are described in `docs/format-log.md`.

use std::fmt;

use super::checksum::{CHECKSUM_BYTES, Key};
use super::fields::Fields;
use super::update::{UPDATE_BYTES_MAX, Update};

/// The largest payload of a record, in bytes. What is larger belongs in a pack of chunks.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// The size of a record's header, in bytes.
pub(super) const RECORD_HEADER_BYTES: usize = 64;

/// Where the checksum of the header alone is, and its size.
const HEADER_CHECKSUM_OFFSET: usize = 40;
const HEADER_CHECKSUM_BYTES: usize = 8;
const CHECKSUM_OFFSET: usize = RECORD_HEADER_BYTES - CHECKSUM_BYTES;

/// The flag of a record that compaction has copied and that is not yet the newest of its actor.
const FLAG_COPY: u8 = 1;

/// The flag of a record whose update names the actor, without which an index can't be made anew.
const FLAG_NAMES_ACTOR: u8 = 1 << 1;

/// The number of an actor. It is never given to another one, also after the actor was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ActorId(pub u64);

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a record is. Positions are ordered as the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the segment.
    pub segment: u64,
    /// The offset of the record in the segment's file, in bytes.
    pub offset: u64,
}

/// What a record means to the actor. The log itself heeds only `Spawn` and `Removal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// The actor begins. Always its first record, and always kept.
    Spawn = 1,
    /// A call has arrived.
    Arrival = 2,
    /// The result of a host call that replay must repeat.
    HostResult = 3,
    /// How a call has ended.
    Outcome = 4,
    /// A call is being executed, perhaps not for the first time.
    Attempt = 5,
    /// The state of the actor.
    Checkpoint = 6,
    /// Anything else that the actor's host wants to remember.
    Note = 7,
    /// The actor ends. Always its last record.
    Removal = 8,
}

impl RecordKind {
    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Spawn,
            2 => Self::Arrival,
            3 => Self::HostResult,
            4 => Self::Outcome,
            5 => Self::Attempt,
            6 => Self::Checkpoint,
            7 => Self::Note,
            8 => Self::Removal,
            _ => return None,
        })
    }
}

/// A record as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is now; compaction moves records.
    pub position: Position,
    /// Whose it is.
    pub actor: ActorId,
    /// Its number among the actor's records, from 1. Compaction keeps it.
    pub sequence: u64,
    /// What it means.
    pub kind: RecordKind,
    /// What the actor's host wrote.
    pub payload: Vec<u8>,
}

/// The header of a record: where it belongs, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) payload_bytes: u32,
    pub(super) update_bytes: u16,
    /// The number of its kind, which this build need not know.
    pub(super) kind: u8,
    /// Whether it is a copy that the index must not take for the newest record.
    pub(super) is_copy: bool,
    /// Whether its update names the actor.
    pub(super) names_actor: bool,
    pub(super) actor: ActorId,
    pub(super) sequence: u64,
    pub(super) previous: Option<Position>,
}

impl RecordHeader {
    /// The size of what follows the header, in bytes.
    pub(super) fn body_bytes(&self) -> usize {
        usize::from(self.update_bytes) + self.payload_bytes as usize
    }

    /// The size of the whole record, in bytes.
    pub(super) fn record_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.body_bytes()
    }

    /// The header at the start of `bytes`, if there is an undamaged one.
    pub(super) fn decode(bytes: &[u8], key: &Key) -> Option<Self> {
        let body = bytes.get(..HEADER_CHECKSUM_OFFSET)?;
        let sum = bytes.get(HEADER_CHECKSUM_OFFSET..CHECKSUM_OFFSET)?;
        let header = Self::decode_unverified(body)?;
        (key.checksum(&[body])[..HEADER_CHECKSUM_BYTES] == *sum).then_some(header)
    }

    /// The header in bytes whose frame was verified. The limits are checked first, because most bytes that
    /// are not a header fail them, and no checksum has to be computed.
    pub(super) fn decode_unverified(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let payload_bytes = fields.u32()?;
        let (kind, flags) = (fields.u8()?, fields.u8()?);
        let update_bytes = fields.u16()?;
        if flags & !(FLAG_COPY | FLAG_NAMES_ACTOR) != 0 {
            return None;
        }
        let (is_copy, names_actor) = (flags & FLAG_COPY != 0, flags & FLAG_NAMES_ACTOR != 0);
        let (actor, sequence) = (ActorId(fields.u64()?), fields.u64()?);
        let (segment, offset) = (fields.u64()?, fields.u64()?);
        if payload_bytes as usize > RECORD_BYTES_MAX || usize::from(update_bytes) > UPDATE_BYTES_MAX {
            return None;
        }
        let previous = (segment != 0).then_some(Position { segment, offset });
        Some(Self { payload_bytes, update_bytes, kind, is_copy, names_actor, actor, sequence, previous })
    }

    /// Whether header and body (what follows the header) are what was written.
    pub(super) fn is_whole(header_bytes: &[u8], body: &[u8], key: &Key) -> bool {
        let (covered, sum) = header_bytes.split_at(CHECKSUM_OFFSET);
        key.checksum(&[covered, body]) == sum[..CHECKSUM_BYTES]
    }

    fn encode(&self, body: [&[u8]; 2], key: &Key) -> [u8; RECORD_HEADER_BYTES] {
        let mut bytes = [0; RECORD_HEADER_BYTES];
        let previous = self.previous.unwrap_or(Position { segment: 0, offset: 0 });
        bytes[..4].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[4] = self.kind;
        bytes[5] = (u8::from(self.is_copy) * FLAG_COPY) | (u8::from(self.names_actor) * FLAG_NAMES_ACTOR);
        bytes[6..8].copy_from_slice(&self.update_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.actor.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&previous.segment.to_le_bytes());
        bytes[32..40].copy_from_slice(&previous.offset.to_le_bytes());
        let checksum = key.checksum(&[&bytes[..HEADER_CHECKSUM_OFFSET]]);
        bytes[HEADER_CHECKSUM_OFFSET..CHECKSUM_OFFSET].copy_from_slice(&checksum[..HEADER_CHECKSUM_BYTES]);
        let checksum = key.checksum(&[&bytes[..CHECKSUM_OFFSET], body[0], body[1]]);
        bytes[CHECKSUM_OFFSET..].copy_from_slice(&checksum);
        bytes
    }
}

/// Where a record belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordLink {
    pub(super) actor: ActorId,
    pub(super) sequence: u64,
    pub(super) previous: Option<Position>,
}

/// A record that is to be appended, with its header computed: only its place is still open.
#[derive(Debug)]
pub(super) struct EncodedRecord<'a> {
    pub(super) header: RecordHeader,
    header_bytes: [u8; RECORD_HEADER_BYTES],
    update_bytes: Vec<u8>,
    payload: &'a [u8],
}

impl<'a> EncodedRecord<'a> {
    /// The caller has checked the sizes of the update and of the payload against their limits.
    pub(super) fn new(
        kind: RecordKind,
        is_copy: bool,
        link: RecordLink,
        update: &Update,
        payload: &'a [u8],
        key: &Key,
    ) -> Self {
        let RecordLink { actor, sequence, previous } = link;
        let names_actor = update.name.is_some();
        let update_bytes = update.encode();
        let header = RecordHeader {
            payload_bytes: payload.len() as u32,
            update_bytes: update_bytes.len() as u16,
            kind: kind as u8,
            is_copy,
            names_actor,
            actor,
            sequence,
            previous,
        };
        let header_bytes = header.encode([&update_bytes, payload], key);
        Self { header, header_bytes, update_bytes, payload }
    }

    pub(super) fn write_to(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.header_bytes);
        buffer.extend_from_slice(&self.update_bytes);
        buffer.extend_from_slice(self.payload);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Key = Key([7; 32]);

    fn encode(payload: &[u8]) -> Vec<u8> {
        let previous = Some(Position { segment: 1, offset: 224 });
        let link = RecordLink { actor: ActorId(9), sequence: 4, previous };
        let update = Update { kept_from: Some(2), ..Update::default() };
        let mut bytes = Vec::new();
        EncodedRecord::new(RecordKind::Note, false, link, &update, payload, &KEY).write_to(&mut bytes);
        bytes
    }

    #[test]
    fn no_flipped_bit_passes_and_a_damaged_payload_leaves_the_header_readable() {
        let bytes = encode(b"payload");
        let header = RecordHeader::decode(&bytes, &KEY).unwrap();
        assert_eq!(header.record_bytes(), bytes.len());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let (head, body) = damaged.split_at(RECORD_HEADER_BYTES);
            assert!(!RecordHeader::is_whole(head, body, &KEY));
            let decoded = RecordHeader::decode(&damaged, &KEY);
            assert_eq!(decoded, (bit / 8 >= CHECKSUM_OFFSET).then_some(header));
        }
    }

    #[test]
    fn every_kind_has_its_number() {
        for number in 0..=u8::MAX {
            assert!(RecordKind::from_number(number).is_none_or(|kind| kind as u8 == number));
        }
        assert_eq!(RecordKind::from_number(8), Some(RecordKind::Removal));
        assert_eq!(RecordKind::from_number(9), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(RecordHeader::decode(&bytes, &KEY), None);
        }

        #[test]
        fn a_record_is_read_back(payload: Vec<u8>) {
            let bytes = encode(&payload);
            let header = RecordHeader::decode(&bytes, &KEY).unwrap();
            let (head, body) = bytes.split_at(RECORD_HEADER_BYTES);
            prop_assert!(RecordHeader::is_whole(head, body, &KEY));
            prop_assert_eq!(&body[usize::from(header.update_bytes)..], payload);
        }
    }
}
