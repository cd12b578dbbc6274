//! Reading a segment from one end to the other, also when it is damaged.
//!
//! A frame is written only after the one before it was synced. So a bad frame with a good one after it was
//! good once: that is damage, and whatever records of it still verify are salvaged. A bad frame with
//! nothing good after it, at the end of the last segment, is a commit that a crash has cut short and that
//! nobody was told about: the log ends before it.

use super::checksum::Key;
use super::frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader};
use super::record::{Position, RECORD_HEADER_BYTES, RecordHeader};
use super::segments::Segment;
use crate::error::StoreError;

/// How much is searched at once for the next frame, in bytes.
const SEARCH_BYTES: usize = 1 << 20;

/// What a scan comes across.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// A record, verified. `update` is encoded.
    Record { position: Position, header: RecordHeader, update: &'a [u8] },
    /// A record whose header is whole and whose body is not.
    DamagedBody { position: Position, header: RecordHeader },
    /// Bytes in which there may have been records of any actor.
    DamagedBytes { position: Position, bytes: u64 },
    /// A frame header that is damaged. No record is lost by that alone.
    DamagedFrameHeader { position: Position },
}

/// Where a scan has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScanEnd {
    /// The end of the last frame that counts, in bytes.
    pub(super) bytes: u64,
    /// The sequence number that the frame after it will have.
    pub(super) next_frame: u64,
}

/// Where a scan begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanStart {
    /// The start of a frame, in bytes.
    pub(super) bytes: u64,
    /// Its sequence number.
    pub(super) next_frame: u64,
}

/// Visits everything in a segment from `start` on, up to `valid_bytes` or, where that is `None`, up to the
/// last frame that is whole.
pub(super) fn scan(
    segment: &Segment,
    start: ScanStart,
    valid_bytes: Option<u64>,
    visit: &mut dyn FnMut(Found<'_>) -> Result<(), StoreError>,
) -> Result<ScanEnd, StoreError> {
    let mut scan = Scan { segment, key: segment.header.key, visit };
    let mut end = ScanEnd { bytes: start.bytes, next_frame: start.next_frame };
    let mut was_read_again = false;
    while valid_bytes.is_none_or(|valid| end.bytes < valid) {
        let frame = scan.frame_at(end.bytes)?;
        if let Frame::Good { header, payload } = &frame {
            scan.visit_records(end.bytes, payload)?;
            end = ScanEnd { bytes: frame_end(end.bytes, header), next_frame: header.sequence + 1 };
            was_read_again = false;
            continue;
        }
        let next_good = scan.next_good_frame(end.bytes, &frame)?;
        let valid_end = valid_bytes.unwrap_or(u64::MAX);
        let Some(bad_end) = next_good.map(|good| good.min(valid_end)).or(valid_bytes) else { break };
        if valid_bytes.is_none() && !was_read_again {
            // Beside a writer, the frame may have been whole by the time the next one was found.
            was_read_again = true;
            continue;
        }
        scan.salvage(end.bytes, bad_end, &frame)?;
        // The frame that was lost had a number of its own; the next good one tells its own anyway.
        end = ScanEnd { bytes: bad_end, next_frame: end.next_frame + 1 };
        was_read_again = false;
    }
    Ok(end)
}

enum Frame {
    Good { header: FrameHeader, payload: Vec<u8> },
    BadPayload { header: FrameHeader },
    BadHeader,
}

struct Scan<'a> {
    segment: &'a Segment,
    key: Key,
    visit: &'a mut dyn FnMut(Found<'_>) -> Result<(), StoreError>,
}

impl Scan<'_> {
    fn frame_at(&self, offset: u64) -> Result<Frame, StoreError> {
        let head = self.bytes_at(offset, FRAME_HEADER_BYTES as u64)?;
        let Some(header) = FrameHeader::decode(&head, self.number(), &self.key) else {
            return Ok(Frame::BadHeader);
        };
        let payload = self.bytes_at(offset + FRAME_HEADER_BYTES as u64, header.payload_bytes.into())?;
        if payload.len() == header.payload_bytes as usize && self.key.checksum(&[&payload]) == header.payload_checksum {
            return Ok(Frame::Good { header, payload });
        }
        Ok(Frame::BadPayload { header })
    }

    /// Where the next good frame header after a bad frame is.
    fn next_good_frame(&self, offset: u64, bad: &Frame) -> Result<Option<u64>, StoreError> {
        let mut offset = match bad {
            Frame::BadPayload { header } => {
                let end = frame_end(offset, header);
                let after = self.bytes_at(end, FRAME_HEADER_BYTES as u64)?;
                if FrameHeader::decode(&after, self.number(), &self.key).is_some() {
                    return Ok(Some(end));
                }
                offset + FRAME_HEADER_BYTES as u64
            }
            _ => offset + 1,
        };
        loop {
            let window = self.bytes_at(offset, SEARCH_BYTES as u64)?;
            if window.len() < FRAME_HEADER_BYTES {
                return Ok(None);
            }
            let starts = window.windows(FRAME_HEADER_BYTES).enumerate();
            for (index, bytes) in starts.filter(|(_, bytes)| bytes.starts_with(&FRAME_MAGIC)) {
                if FrameHeader::decode(bytes, self.number(), &self.key).is_some() {
                    return Ok(Some(offset + index as u64));
                }
            }
            offset += (window.len() - FRAME_HEADER_BYTES + 1) as u64;
        }
    }

    /// The records of a frame that was verified as a whole.
    fn visit_records(&mut self, frame: u64, payload: &[u8]) -> Result<(), StoreError> {
        let mut offset = 0;
        while offset < payload.len() {
            let rest = &payload[offset..];
            let position = self.position(frame + (FRAME_HEADER_BYTES + offset) as u64);
            let header = RecordHeader::decode_unverified(rest).filter(|header| header.record_bytes() <= rest.len());
            let Some(header) = header else {
                // Only a writer with a defect makes a frame whose checksum is right and whose records are not.
                return (self.visit)(Found::DamagedBytes { position, bytes: rest.len() as u64 });
            };
            let update = &rest[RECORD_HEADER_BYTES..][..header.update_bytes.into()];
            (self.visit)(Found::Record { position, header, update })?;
            offset += header.record_bytes();
        }
        Ok(())
    }

    /// The records between `start` and `end` that still verify, and what lies between them.
    fn salvage(&mut self, start: u64, end: u64, frame: &Frame) -> Result<(), StoreError> {
        if matches!(frame, Frame::BadHeader) {
            let position = self.position(start);
            (self.visit)(Found::DamagedFrameHeader { position })?;
        }
        let first = start + FRAME_HEADER_BYTES as u64;
        let bytes = self.bytes_at(first, end.saturating_sub(first))?;
        let mut offset = 0;
        let mut lost_from = 0;
        while offset < bytes.len() {
            let rest = &bytes[offset..];
            let header = RecordHeader::decode(rest, &self.key).filter(|header| header.record_bytes() <= rest.len());
            let Some(header) = header else {
                offset += 1;
                continue;
            };
            self.report_lost(first, lost_from, offset)?;
            let position = self.position(first + offset as u64);
            let (head, body) = rest[..header.record_bytes()].split_at(RECORD_HEADER_BYTES);
            if RecordHeader::is_whole(head, body, &self.key) {
                (self.visit)(Found::Record { position, header, update: &body[..header.update_bytes.into()] })?;
            } else {
                (self.visit)(Found::DamagedBody { position, header })?;
            }
            offset += header.record_bytes();
            lost_from = offset;
        }
        let missing = end.saturating_sub(first + bytes.len() as u64);
        self.report_lost(first, lost_from, bytes.len() + missing as usize)
    }

    fn report_lost(&mut self, first: u64, from: usize, to: usize) -> Result<(), StoreError> {
        if from == to {
            return Ok(());
        }
        let position = self.position(first + from as u64);
        (self.visit)(Found::DamagedBytes { position, bytes: (to - from) as u64 })
    }

    /// The bytes at an offset, fewer at the end of the file. The size of the file, not what a damaged field
    /// says, decides how much memory is taken.
    fn bytes_at(&self, offset: u64, count: u64) -> Result<Vec<u8>, StoreError> {
        let there = self.segment.file.size_bytes()?.saturating_sub(offset).min(count);
        let mut bytes = vec![0; there as usize];
        let read = self.segment.file.read_at(offset, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn number(&self) -> u64 {
        self.segment.header.segment
    }

    fn position(&self, offset: u64) -> Position {
        Position { segment: self.number(), offset }
    }
}

fn frame_end(start: u64, header: &FrameHeader) -> u64 {
    start + FRAME_HEADER_BYTES as u64 + u64::from(header.payload_bytes)
}
