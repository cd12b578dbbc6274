//! What bits that flip, and files that end early, do.

use std::fs;

use proptest::prelude::*;

use super::*;

const TEXTS: [&str; 3] = ["spawn", "one", "two"];

/// A log of two actors whose records alternate, each in a frame of its own, in one segment.
fn small_log() -> (FaultyStorage, [ActorId; 2]) {
    let storage = FaultyStorage::new();
    let log = ActorLog::open(Arc::new(storage.clone()), &IndexPlace::Memory, LogOptions::default()).unwrap();
    let (mut a, _) = log.create(&new_actor("a"), b"spawn").unwrap();
    let (mut b, ticket) = log.create(&new_actor("b"), b"spawn").unwrap();
    log.wait_durable(ticket).unwrap();
    for text in &TEXTS[1..] {
        for writer in [&mut a, &mut b] {
            log.wait_durable(note(writer, text)).unwrap();
        }
    }
    let ids = [a.actor(), b.actor()];
    drop((a, b, log));
    (storage, ids)
}

fn damaged(storage: &FaultyStorage, change: impl FnOnce(&mut Vec<u8>)) -> FaultyStorage {
    let copy = storage.copy();
    copy.damage(&segment_paths(&copy)[0], change).unwrap();
    copy
}

/// Whether all of an actor's history is there. Whatever is given out must be what was written.
fn is_whole(log: &ActorLog, name: &str, id: ActorId) -> Result<bool> {
    let Some(entry) = log.find(name)? else { return Ok(false) };
    assert_eq!(entry.id, id);
    let mut is_whole = true;
    let mut count = 0;
    for record in log.history(id)? {
        count += 1;
        match record {
            Ok(record) => assert_eq!(record.payload, TEXTS[record.sequence as usize - 1].as_bytes()),
            Err(StoreError::LogDamaged { .. }) => is_whole = false,
            Err(error) => panic!("{error}"),
        }
    }
    Ok(is_whole && count == TEXTS.len())
}

#[test]
fn no_flipped_bit_gives_a_wrong_answer_or_hides_what_is_lost() {
    let (storage, ids) = small_log();
    let file = crate::Storage::open(&storage, &segment_paths(&storage)[0]).unwrap();
    let bytes = file.size_bytes().unwrap() as usize;
    // The last frame holds the newest record of b. Nothing follows it that would tell damage from a torn write.
    let last_frame = bytes - (64 + 64 + TEXTS[2].len());
    for bit in 0..bytes * 8 {
        let disk = damaged(&storage, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        let log = open(&disk, &IndexPlace::Memory);
        let whole = [is_whole(&log, "a", ids[0]), is_whole(&log, "b", ids[1])];
        for whole in &whole {
            assert!(matches!(whole, Ok(_) | Err(StoreError::LogDamaged { .. })), "bit {bit}: {whole:?}");
        }
        if bit / 8 >= last_frame {
            assert!(matches!(whole, [Ok(true), Ok(false)]), "bit {bit}: {whole:?}");
            assert_eq!(log.entry(ids[1]).unwrap().sequence, 2);
            continue;
        }
        // What is not whole is not silently shorter either: it says where the damage is.
        for (name, id) in [("a", ids[0]), ("b", ids[1])] {
            let found = log.find(name);
            let Ok(Some(entry)) = found else {
                assert!(matches!(found, Err(StoreError::LogDamaged { .. })), "bit {bit}: {found:?}");
                continue;
            };
            let history = log.history(id);
            assert!(entry.sequence == 3 || matches!(history, Err(StoreError::LogDamaged { .. })), "bit {bit}");
        }
        let report = log.verify(|_, _| {}).unwrap();
        let is_header = bit / 8 < 224;
        assert_eq!(report.damage.is_empty(), is_header, "bit {bit}: {report:?}");
    }
}

#[test]
fn with_its_index_a_log_tells_every_flipped_bit_from_a_torn_write() {
    let (storage, ids) = small_log();
    let folder = tempfile::tempdir().unwrap();
    let index = IndexPlace::File(folder.path().join("index.sqlite"));
    drop(open(&storage, &index));
    let file = crate::Storage::open(&storage, &segment_paths(&storage)[0]).unwrap();
    let bytes = file.size_bytes().unwrap() as usize;
    for byte in 224..bytes {
        let disk = damaged(&storage, |bytes| bytes[byte] ^= 1);
        let log = ActorLog::open_read_only(Arc::new(disk), &index).unwrap();
        for (name, id) in [("a", ids[0]), ("b", ids[1])] {
            let entry = log.find(name).unwrap().unwrap();
            let records: Vec<_> = log.history(id).unwrap().collect();
            assert_eq!((entry.sequence, records.len()), (3, 3), "byte {byte}");
            is_whole(&log, name, id).unwrap();
        }
        assert!(!log.verify(|_, _| {}).unwrap().damage.is_empty(), "byte {byte}");
    }
}

#[test]
fn a_segment_cut_short_gives_what_is_left_or_an_error() {
    let (storage, ids) = small_log();
    let file = crate::Storage::open(&storage, &segment_paths(&storage)[0]).unwrap();
    for length in 0..file.size_bytes().unwrap() as usize {
        let disk = damaged(&storage, |bytes| bytes.truncate(length));
        let log = open(&disk, &IndexPlace::Memory);
        for (name, id) in [("a", ids[0]), ("b", ids[1])] {
            is_whole(&log, name, id).unwrap();
        }
        // The log goes on behind what is left.
        let (_, ticket) = log.create(&new_actor("new"), b"spawn").unwrap();
        log.wait_durable(ticket).unwrap();
    }
}

#[test]
fn an_index_that_is_damaged_is_made_anew() {
    let (storage, ids) = small_log();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.sqlite");
    let index = IndexPlace::File(path.clone());
    drop(open(&storage, &index));
    let good = fs::read(&path).unwrap();
    let garbage = vec![0xa5; good.len()];
    let half = good[..good.len() / 2].to_vec();
    let mut other_version = good.clone();
    other_version[60..64].copy_from_slice(&77_u32.to_be_bytes());
    for bytes in [Vec::new(), garbage, half, other_version] {
        fs::write(&path, &bytes).unwrap();
        let log = open(&storage, &index);
        assert!(is_whole(&log, "a", ids[0]).unwrap() && is_whole(&log, "b", ids[1]).unwrap());
        drop(log);
        let log = open(&storage, &index);
        assert_eq!(log.stats().unwrap().records_scanned, 0);
        assert!(is_whole(&log, "a", ids[0]).unwrap());
    }
}

#[test]
fn a_log_that_is_shorter_than_its_index_is_refused() {
    let (storage, _) = small_log();
    let folder = tempfile::tempdir().unwrap();
    let index = IndexPlace::File(folder.path().join("index.sqlite"));
    drop(open(&storage, &index));
    let lost = try_open(&FaultyStorage::new(), &index).unwrap_err();
    assert!(matches!(lost, StoreError::LogDamaged { .. }), "{lost}");
    assert!(lost.to_string().contains("0000000000000001.seg"));
}

#[test]
fn a_payload_that_imitates_records_is_not_taken_for_any() {
    let (storage, ids) = small_log();
    let log = open(&storage, &IndexPlace::Memory);
    let mut b = log.writer(ids[1]).unwrap();
    let file = crate::Storage::open(&storage, &segment_paths(&storage)[0]).unwrap();
    let mut forged = vec![0; file.size_bytes().unwrap() as usize];
    file.read_at(0, &mut forged).unwrap();
    // Whole frames of the log itself, as bytes that a guest may write.
    log.wait_durable(b.append(RecordKind::Note, &forged[224..]).unwrap().ticket).unwrap();
    log.wait_durable(note(&mut b, "end")).unwrap();
    drop((b, log));
    let path = &segment_paths(&storage)[1];
    // The header of the forging record is lost, so the bytes after it are searched.
    storage.damage(path, |bytes| bytes[224 + 64] ^= 1).unwrap();
    let log = open(&storage, &IndexPlace::Memory);
    let a = log.history(ids[0]);
    assert!(matches!(a, Err(StoreError::LogDamaged { .. })));
    let b: Vec<_> = log.history(ids[1]).unwrap().map(|record| record.map(|record| record.sequence).ok()).collect();
    assert_eq!(b, [Some(5), None, Some(3), Some(2), Some(1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_as_a_segment_are_refused_or_read(bytes: Vec<u8>, keeps in 0_usize..700, is_after_header: bool) {
        let (storage, ids) = small_log();
        let disk = damaged(&storage, |segment| {
            segment.truncate(if is_after_header { keeps.max(224) } else { keeps % 224 });
            segment.extend(&bytes);
        });
        match try_open(&disk, &IndexPlace::Memory) {
            Ok(log) => {
                for (name, id) in [("a", ids[0]), ("b", ids[1])] {
                    let whole = is_whole(&log, name, id);
                    assert!(matches!(whole, Ok(_) | Err(StoreError::LogDamaged { .. })));
                }
            }
            Err(error) => assert!(matches!(error, StoreError::LogDamaged { .. })),
        }
    }
}
