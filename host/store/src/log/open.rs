//! Opening a log: what the index does not cover yet is read from the segments.

use std::path::Path;
use std::sync::Arc;

use super::checksum::Key;
use super::commit::Commit;
use super::entry::Change;
use super::index::{Covered, DamagedRange, Index, IndexPlace};
use super::inner::{Inner, Opening};
use super::options::LogOptions;
use super::record::RecordHeader;
use super::scan::{Found, ScanStart, scan};
use super::segment::{SEGMENT_HEADER_BYTES, ValidPrefix};
use super::segments::{Segments, damaged};
use super::thread::{Tail, cover};
use super::update::Update;
use crate::error::StoreError;
use crate::storage::Storage;

/// The folder of the segments.
const FOLDER: &str = "actors/log";

/// Opens a log for writing. No old segment is changed; the new one is begun with the first record.
pub(super) fn for_writing(
    storage: Arc<dyn Storage>,
    place: &IndexPlace,
    options: LogOptions,
) -> Result<(Inner, Tail), StoreError> {
    let options = options.checked()?;
    let segments = Segments::new(storage, Path::new(FOLDER));
    segments.create_folder()?;
    let mut index = Index::open(place)?;
    if must_start_over(&segments, &index.covered)? {
        tracing::warn!("the index of actors does not fit the log; making it anew");
        index.clear()?;
    }
    let read = read_tail(&segments, &mut index, true)?;
    if let Some(last) = read.tail.last
        && read.records > 0
    {
        // What a dead process has written may still be only in the memory of the machine.
        segments.sync(last.segment)?;
    }
    cover(&mut index, &read.tail);
    if let Err(error) = index.flush() {
        tracing::warn!(%error, "the index of actors lags behind");
    }
    let next_segment = segments.numbers()?.last().map_or(1, |last| last + 1);
    let commit = Commit::new(next_segment, options.buffer_bytes_max, options.segment_bytes_max);
    let key = Key::random().map_err(|e| StoreError::io("draw a random key for", &segments.full_folder(), e))?;
    let lease = read.lease + 1;
    tracing::debug!(lease, records = read.records, "opened the log of actors");
    let segment_bytes_max = options.segment_bytes_max;
    let opening = Opening { is_writer: true, lease, key, records_scanned: read.records, segment_bytes_max };
    Ok((Inner::new(segments, index, commit, opening), read.tail))
}

/// Opens a log for reading, also beside a writer. Nothing is changed.
pub(super) fn for_reading(storage: Arc<dyn Storage>, place: &IndexPlace) -> Result<Inner, StoreError> {
    let segments = Segments::new(storage, Path::new(FOLDER));
    let mut index = match Index::open_read_only(place) {
        Some(index) if !must_start_over(&segments, &index.covered)? => index,
        _ => Index::in_memory()?,
    };
    let read = read_tail(&segments, &mut index, false)?;
    let commit = Commit::new(u64::MAX, 0, 0);
    let opening = Opening {
        is_writer: false,
        lease: read.lease,
        // Never used: a reader writes nothing.
        key: Key([0; 32]),
        records_scanned: read.records,
        segment_bytes_max: 0,
    };
    Ok(Inner::new(segments, index, commit, opening))
}

/// Whether the index is of no use for reading on from where it ends.
///
/// # Errors
/// [`StoreError::LogDamaged`] when the log ends before what the index has read: segments were lost, and an
/// index made anew would say that their actors had never been.
fn must_start_over(segments: &Segments, covered: &Covered) -> Result<bool, StoreError> {
    let numbers = segments.numbers()?;
    if covered.segment == 0 || numbers.contains(&covered.segment) {
        return Ok(false);
    }
    if numbers.last().is_none_or(|&last| last < covered.segment) {
        return Err(damaged(&segments.full_path(covered.segment), 0, "the segment is missing"));
    }
    Ok(true)
}

struct TailRead {
    tail: Tail,
    lease: u64,
    records: u64,
}

/// Tells the index of everything that it does not cover.
fn read_tail(segments: &Segments, index: &mut Index, may_flush: bool) -> Result<TailRead, StoreError> {
    let start = index.covered;
    let mut read = TailRead { tail: Tail { last: None, next_frame: start.next_frame }, lease: 0, records: 0 };
    if start.segment != 0 {
        read.tail.last = Some(ValidPrefix { segment: start.segment, bytes: start.offset });
    }
    let numbers = segments.numbers()?;
    let last = numbers.last().copied();
    for number in numbers.into_iter().filter(|&number| number >= start.segment) {
        let Some(segment) = segments.get_unless_unborn(number)? else { continue };
        index.covered.next_actor = index.covered.next_actor.max(segment.header.next_actor);
        read.lease = segment.header.lease;
        let from = if number == start.segment {
            ScanStart { bytes: start.offset, next_frame: start.next_frame }
        } else {
            ScanStart { bytes: SEGMENT_HEADER_BYTES, next_frame: segment.header.first_frame }
        };
        let valid_bytes = if Some(number) == last { None } else { segments.valid_bytes(number)? };
        let end = scan(&segment, from, valid_bytes, &mut |found| {
            read.records += 1;
            take_note(index, found);
            // This flush says that the index covers less than it holds, which is harmless: to apply a record
            // again, and all after it, changes nothing.
            if may_flush && index.is_full() { index.flush() } else { Ok(()) }
        })?;
        read.tail = Tail { last: Some(ValidPrefix { segment: number, bytes: end.bytes }), next_frame: end.next_frame };
        cover(index, &read.tail);
    }
    if let Some(last) = read.tail.last {
        // From now on a bad frame before this end is damage, and whatever comes after it is not looked at.
        segments.set_valid_bytes(last.segment, last.bytes);
    }
    Ok(read)
}

fn take_note(index: &mut Index, found: Found<'_>) {
    match found {
        Found::Record { position, header, update } if !header.is_copy => match Update::decode(update) {
            Some(update) => index.apply(change(&header, position, update)),
            // The checksum was right, so this is the update of a format to come.
            None => index.apply(change(&header, position, Update::default())),
        },
        Found::DamagedBody { position, header } => {
            if header.names_actor {
                // Whose record it was is known, but not under which name.
                index.note_damage(DamagedRange { position, bytes: header.record_bytes() as u64 });
            }
            if !header.is_copy {
                index.apply(change(&header, position, Update::default()));
            }
        }
        Found::DamagedBytes { position, bytes } => index.note_damage(DamagedRange { position, bytes }),
        Found::Record { .. } | Found::DamagedFrameHeader { .. } => {}
    }
}

fn change(header: &RecordHeader, position: super::Position, update: Update) -> Change {
    Change {
        actor: header.actor,
        kind: header.kind,
        position,
        sequence: header.sequence,
        update,
        is_copy: header.is_copy,
    }
}
