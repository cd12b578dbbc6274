use std::io;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::StoreError;

const FOLDER: &str = "log";
const FILE: &str = "log/1.seg";

fn both() -> (tempfile::TempDir, [Arc<dyn Storage>; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalStorage::new(folder.path().join("deep"));
    (folder, [Arc::new(local), Arc::new(FaultyStorage::new())])
}

fn contents(storage: &dyn Storage, path: &str) -> Vec<u8> {
    let file = storage.open(Path::new(path)).unwrap();
    let mut bytes = vec![0; file.size_bytes().unwrap() as usize];
    assert_eq!(file.read_at(0, &mut bytes).unwrap(), bytes.len());
    bytes
}

#[test]
fn a_folder_and_its_imitation_do_the_same() {
    let (_folder, storages) = both();
    for storage in storages {
        assert!(storage.list(Path::new(FOLDER)).unwrap().is_empty());
        storage.create_folder(Path::new(FOLDER)).unwrap();
        let file = storage.create(Path::new(FILE)).unwrap();
        file.append(b"one").unwrap();
        file.append(b"two").unwrap();
        file.sync_data().unwrap();
        storage.sync_folder(Path::new(FOLDER)).unwrap();
        assert_eq!(contents(&*storage, FILE), b"onetwo");
        let mut past_the_end = [0; 4];
        assert_eq!(file.read_at(4, &mut past_the_end).unwrap(), 2);
        assert_eq!(file.read_at(9, &mut past_the_end).unwrap(), 0);
        assert!(matches!(storage.create(Path::new(FILE)), Err(StoreError::Io { .. })));

        storage.rename(Path::new(FILE), Path::new("log/2.seg")).unwrap();
        assert_eq!(storage.list(Path::new(FOLDER)).unwrap(), ["2.seg"]);
        storage.remove(Path::new("log/2.seg")).unwrap();
        assert!(storage.list(Path::new(FOLDER)).unwrap().is_empty());
        assert!(matches!(storage.open(Path::new("log/2.seg")), Err(StoreError::Io { .. })));
        // Who has it open goes on reading.
        assert_eq!(file.read_at(0, &mut past_the_end).unwrap(), 4);
    }
}

#[test]
fn a_crash_loses_exactly_what_was_not_synced() {
    let storage = FaultyStorage::new();
    let file = storage.create(Path::new(FILE)).unwrap();
    file.append(b"synced").unwrap();
    file.sync_data().unwrap();
    let unnamed = storage.crash(CrashDamage::LoseUnsynced);
    assert!(unnamed.list(Path::new(FOLDER)).unwrap().is_empty());

    let storage = FaultyStorage::new();
    let file = storage.create(Path::new(FILE)).unwrap();
    file.append(b"synced").unwrap();
    file.sync_data().unwrap();
    storage.sync_folder(Path::new(FOLDER)).unwrap();
    file.append(b"not").unwrap();
    storage.create(Path::new("log/2.seg")).unwrap();
    let disk = storage.crash(CrashDamage::LoseUnsynced);
    assert_eq!(contents(&disk, FILE), b"synced");
    assert_eq!(disk.list(Path::new(FOLDER)).unwrap(), ["1.seg"]);
    assert!(file.append(b"x").is_err());
    assert!(storage.open(Path::new(FILE)).is_err());
}

#[test]
fn a_removal_that_was_not_synced_may_be_undone() {
    let storage = FaultyStorage::new();
    storage.create(Path::new(FILE)).unwrap();
    storage.sync_folder(Path::new(FOLDER)).unwrap();
    storage.remove(Path::new(FILE)).unwrap();
    assert_eq!(storage.crash(CrashDamage::LoseUnsynced).list(Path::new(FOLDER)).unwrap(), ["1.seg"]);
}

#[test]
fn some_seeds_keep_a_later_write_and_lose_an_earlier_one_or_tear_one() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let storage = FaultyStorage::new();
        let file = storage.create(Path::new(FILE)).unwrap();
        storage.sync_folder(Path::new(FOLDER)).unwrap();
        file.append(b"aaaa").unwrap();
        file.append(b"bbbb").unwrap();
        seen.insert(contents(&storage.crash(CrashDamage::KeepSome(seed)), FILE));
    }
    for expected in [&b""[..], b"aaaa", b"aaaabbbb", b"\0\0\0\0bbbb", b"aa", b"aaaabb"] {
        assert!(seen.contains(expected), "{expected:?}");
    }
}

#[test]
fn the_chosen_operation_fails_and_the_next_one_works_unless_the_power_is_gone() {
    for lasting in [false, true] {
        let storage = FaultyStorage::new();
        let fault = Fault { operation: 1, error: io::ErrorKind::StorageFull, torn: true, lasting };
        storage.set_fault(Some(fault));
        let file = storage.create(Path::new(FILE)).unwrap();
        assert!(matches!(file.append(b"1234"), Err(StoreError::DiskFull { .. })));
        assert_eq!(storage.used_bytes(), 2);
        assert_eq!(file.append(b"56").is_ok(), !lasting);
        assert_eq!(storage.used_bytes(), if lasting { 2 } else { 4 });
        assert_eq!(storage.operations(), 3);
    }
}

#[test]
fn what_a_failed_sync_has_lost_no_later_sync_brings_back() {
    let storage = FaultyStorage::new();
    let file = storage.create(Path::new(FILE)).unwrap();
    storage.sync_folder(Path::new(FOLDER)).unwrap();
    file.append(b"12").unwrap();
    storage.set_fault(Some(Fault { operation: 3, error: io::ErrorKind::Other, torn: false, lasting: false }));
    file.sync_data().unwrap_err();
    file.sync_data().unwrap();
    assert_eq!(contents(&storage.crash(CrashDamage::LoseUnsynced), FILE), b"");
}

#[test]
fn a_full_disk_takes_what_fits_and_has_room_again_when_a_file_goes() {
    let storage = FaultyStorage::new();
    storage.set_capacity(Some(5));
    let file = storage.create(Path::new(FILE)).unwrap();
    file.append(b"123").unwrap();
    assert!(matches!(file.append(b"456"), Err(StoreError::DiskFull { .. })));
    assert_eq!(contents(&storage, FILE), b"12345");
    storage.remove(Path::new(FILE)).unwrap();
    storage.create(Path::new("log/2.seg")).unwrap().append(b"12345").unwrap();
}
