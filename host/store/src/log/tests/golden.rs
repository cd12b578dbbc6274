//! A segment that was written once and has to stay readable.

use std::fs;

use super::super::checksum::Key;
use super::super::frame::{FRAME_HEADER_BYTES, FrameHeader};
use super::super::record::{EncodedRecord, RecordLink};
use super::super::segment::{SegmentHeader, ValidPrefix};
use super::*;
use crate::storage::CrashDamage;

/// Set it to write the golden files anew, after a change of the format that has a new version number.
const BLESS: &str = "BELLJAR_BLESS";

fn golden_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/log-1.seg")
}

/// Segment 3 with one frame: the spawn of an actor with all that an update can hold, and a note.
fn segment() -> Vec<u8> {
    let key = Key(std::array::from_fn(|index| index as u8));
    let predecessor = Some(ValidPrefix { segment: 2, bytes: 512 });
    let header = SegmentHeader { segment: 3, lease: 2, first_frame: 5, predecessor, next_actor: 17, key };
    let mut bytes = header.encode();
    let update = Update {
        status: Some("{\"plugin\":\"counter\"}".to_owned()),
        next_timer: Some(NextTimer::At(1_700_000_000_000_000_000)),
        kept_from: Some(1),
        name: Some("gölden".to_owned()),
        spawn: None,
    };
    let mut payload = Vec::new();
    let spawn = RecordLink { actor: ActorId(17), sequence: 1, previous: None };
    EncodedRecord::new(RecordKind::Spawn, false, spawn, &update, b"spawned", &key).write_to(&mut payload);
    let position = Position { segment: 3, offset: (bytes.len() + FRAME_HEADER_BYTES) as u64 };
    let note = RecordLink { actor: ActorId(17), sequence: 2, previous: Some(position) };
    EncodedRecord::new(RecordKind::Note, false, note, &Update::default(), b"noted", &key).write_to(&mut payload);
    let payload_checksum = key.checksum(&[&payload]);
    let payload_bytes = payload.len() as u32;
    let frame = FrameHeader { payload_bytes, segment: 3, sequence: 5, lease: 2, payload_checksum };
    bytes.extend(frame.encode(&key));
    bytes.extend(payload);
    bytes
}

#[test]
fn the_golden_segment_is_what_this_build_writes() {
    if std::env::var_os(BLESS).is_some() {
        fs::create_dir_all(golden_path().parent().unwrap()).unwrap();
        fs::write(golden_path(), segment()).unwrap();
    }
    assert_eq!(segment(), fs::read(golden_path()).unwrap());
}

#[test]
fn the_golden_segment_is_read() {
    let storage = FaultyStorage::new();
    let path = Path::new("actors/log/0000000000000003.seg");
    let file = crate::Storage::create(&storage, path).unwrap();
    file.append(&fs::read(golden_path()).unwrap()).unwrap();
    let log = open(&storage, &IndexPlace::Memory);
    let entry = log.find("gölden").unwrap().unwrap();
    assert_eq!(entry.id, ActorId(17));
    assert_eq!(entry.status.as_deref(), Some("{\"plugin\":\"counter\"}"));
    assert_eq!(entry.next_timer_ns, Some(1_700_000_000_000_000_000));
    assert_eq!(history(&log, entry.id), ["spawned", "noted"]);
    assert_eq!(log.lease(), 3);
    let (new, ticket) = log.create(&new_actor("next"), b"").unwrap();
    assert_eq!(new.actor(), ActorId(18));
    log.wait_durable(ticket).unwrap();
    assert_eq!(segment_paths(&storage).len(), 2);
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_before_anything_is_built_on_it() {
    let storage = FaultyStorage::new();
    let path = Path::new("actors/log/0000000000000003.seg");
    crate::Storage::create(&storage, path).unwrap().append(&segment()).unwrap();
    let log = open(&storage, &IndexPlace::Memory);
    let mut writer = log.writer(ActorId(17)).unwrap();
    log.wait_durable(note(&mut writer, "after")).unwrap();
    let disk = storage.crash(CrashDamage::LoseUnsynced);
    assert_eq!(history(&open(&disk, &IndexPlace::Memory), ActorId(17)), ["spawned", "noted", "after"]);
}
