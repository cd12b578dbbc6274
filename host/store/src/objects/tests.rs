//! Stories about the object store, most of them under a memory limit that a few bytes reach.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::error::StoreError;

struct Fixture {
    folder: tempfile::TempDir,
    store: ObjectStore,
}

/// A store for 10 bytes in memory and 20 on disk, of at most 8 each.
fn small() -> Fixture {
    with_limits(ObjectLimits { memory_bytes_max: 10, spill_bytes_max: 20, object_bytes_max: 8 })
}

fn with_limits(limits: ObjectLimits) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = ObjectStore::new(limits, folder.path()).unwrap();
    Fixture { folder, store }
}

impl Fixture {
    fn residence(&self, object: &ObjectHandle) -> Residence {
        let list = self.store.list();
        list.iter().find(|info| info.id == object.id()).unwrap().residence
    }

    fn spill_file(&self, object: &ObjectHandle) -> std::path::PathBuf {
        self.folder.path().join(format!("{}.spill", object.id()))
    }
}

fn bytes_on_disk(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let spilled = files.filter(|file| file.file_name().to_str().unwrap().ends_with(".spill"));
    spilled.map(|file| file.metadata().unwrap().len()).sum()
}

#[test]
fn an_object_lives_as_long_as_one_of_its_handles() {
    let Fixture { store, .. } = small();
    let object = store.put(b"facts".to_vec()).unwrap();
    let other = object.clone();
    assert_eq!(store.list()[0].handles, 2);
    drop(object);
    assert_eq!(&*store.get(&other).unwrap(), b"facts");
    let again = store.handle(other.id()).unwrap();
    drop(other);
    assert_eq!(store.slice(&again, 1, 3).unwrap(), b"act");
    let id = again.id();
    drop(again);
    assert!(store.handle(id).is_none());
    assert_eq!(store.stats(), ObjectStats::default());
}

#[test]
fn ids_are_never_given_twice_and_a_foreign_handle_names_nothing() {
    let (mine, other) = (small(), small());
    let first = mine.store.put(vec![1]).unwrap();
    let id = first.id();
    assert!(id.0 >= 1);
    drop(first);
    let second = other.store.put(vec![2]).unwrap();
    assert!(second.id() > id);
    assert!(matches!(
        mine.store.get(&second),
        Err(StoreError::UnknownObject { id }) if id == second.id()
    ));
}

#[test]
fn the_least_recently_used_object_goes_to_disk_and_comes_back() {
    let fixture = small();
    let store = &fixture.store;
    let old = store.put(b"aaaa".to_vec()).unwrap();
    let used = store.put(b"bbbb".to_vec()).unwrap();
    store.get(&old).unwrap();
    let new = store.put(b"cccc".to_vec()).unwrap();
    assert_eq!(fixture.residence(&used), Residence::Spilled);
    assert_eq!(fixture.residence(&old), Residence::Memory);
    assert_eq!(fs::read(fixture.spill_file(&used)).unwrap(), b"bbbb");

    assert_eq!(&*store.get(&used).unwrap(), b"bbbb");
    assert_eq!(fixture.residence(&used), Residence::Memory);
    assert_eq!(fixture.residence(&old), Residence::Spilled);
    assert_eq!(fixture.residence(&new), Residence::Memory);
    let stats = store.stats();
    assert_eq!((stats.spills, stats.restores), (2, 1));
    assert_eq!((stats.memory_bytes, stats.spilled_bytes), (8, 8));
}

#[test]
fn an_object_that_was_spilled_before_is_not_written_again() {
    let fixture = small();
    let store = &fixture.store;
    let [a, b] = [b"aaaaaa", b"bbbbbb"].map(|bytes| store.put(bytes.to_vec()).unwrap());
    for _ in 0..5 {
        assert_eq!(&*store.get(&a).unwrap(), b"aaaaaa");
        assert_eq!(&*store.get(&b).unwrap(), b"bbbbbb");
    }
    assert_eq!(store.stats().spills, 2);
    assert_eq!(store.stats().restores, 10);
}

#[test]
fn a_slice_of_a_spilled_object_reads_only_its_range() {
    let fixture = small();
    let store = &fixture.store;
    let spilled = store.put(b"abcdefgh".to_vec()).unwrap();
    let _newer = store.put(vec![0; 8]).unwrap();
    assert_eq!(store.slice(&spilled, 2, 3).unwrap(), b"cde");
    assert_eq!(store.slice(&spilled, 8, 0).unwrap(), b"");
    assert_eq!(fixture.residence(&spilled), Residence::Spilled);
    assert_eq!(store.stats().restores, 0);
    for (offset, length) in [(0, 9), (9, 0), (1, 8), (u64::MAX, 1), (1, u64::MAX)] {
        assert!(matches!(store.slice(&spilled, offset, length), Err(StoreError::OutOfRange { size_bytes: 8, .. })));
    }
}

#[test]
fn each_limit_is_named_when_it_is_reached() {
    let fixture = small();
    let large = fixture.store.put(vec![0; 9]).unwrap_err();
    assert!(matches!(large, StoreError::TooLarge { limit: "object_bytes_max", .. }));

    // Two in the spill directory and one in memory fill the store.
    let held = [1, 2, 3].map(|byte| fixture.store.put(vec![byte; 8]).unwrap());
    let full = fixture.store.put(vec![4; 8]).unwrap_err();
    assert!(matches!(full, StoreError::Full { limit: "spill_bytes_max", .. }));
    assert!(full.is_retryable());
    for (object, byte) in held.iter().zip(1..) {
        assert_eq!(*fixture.store.get(object).unwrap(), [byte; 8]);
    }
    drop(held);
    fixture.store.put(vec![4; 8]).unwrap();

    let tight = with_limits(ObjectLimits { memory_bytes_max: 4, ..ObjectLimits::default() });
    let large = tight.store.put(vec![0; 5]).unwrap_err();
    assert!(matches!(large, StoreError::TooLarge { limit: "memory_bytes_max", .. }));
}

#[test]
fn a_flipped_byte_in_a_spill_file_is_found() {
    let fixture = small();
    let damaged = fixture.store.put(b"abcdefgh".to_vec()).unwrap();
    let _newer = fixture.store.put(vec![0; 8]).unwrap();
    let path = fixture.spill_file(&damaged);
    fs::write(&path, b"abcdefgH").unwrap();
    let error = fixture.store.get(&damaged).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { path: named, .. } if named == path));
}

#[test]
fn when_spilling_fails_everything_stays_in_memory() {
    let fixture = small();
    let kept = fixture.store.put(b"abcdefgh".to_vec()).unwrap();
    // A directory where the spill file would be makes writing it fail.
    let path = fixture.spill_file(&kept);
    fs::create_dir(&path).unwrap();
    let failed = fixture.store.put(vec![0; 8]).unwrap_err();
    assert!(matches!(failed, StoreError::Io { action: "write", .. }));
    let stats = fixture.store.stats();
    assert_eq!((stats.count, stats.memory_bytes, stats.spilled_bytes), (1, 8, 0));
    fs::remove_dir(&path).unwrap();
    fixture.store.put(vec![0; 8]).unwrap();
    assert_eq!(&*fixture.store.get(&kept).unwrap(), b"abcdefgh");
}

#[test]
fn a_crashed_process_leaves_nothing_in_the_spill_directory() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("17.spill"), b"left over").unwrap();
    fs::write(folder.path().join("notes.spill"), b"not ours").unwrap();
    let store = ObjectStore::new(ObjectLimits::default(), folder.path()).unwrap();
    assert!(!folder.path().join("17.spill").exists());
    assert!(folder.path().join("notes.spill").exists());
    assert!(matches!(ObjectStore::new(ObjectLimits::default(), folder.path()), Err(StoreError::Locked { .. })));
    let object = store.put(vec![1]).unwrap();
    drop(store);
    // A handle keeps its store open.
    assert!(ObjectStore::new(ObjectLimits::default(), folder.path()).is_err());
    drop(object);
    ObjectStore::new(ObjectLimits::default(), folder.path()).unwrap();
}

#[test]
fn many_threads_under_a_tight_limit_lose_nothing() {
    let fixture =
        with_limits(ObjectLimits { memory_bytes_max: 4096, spill_bytes_max: 1 << 20, object_bytes_max: 1024 });
    let store = &fixture.store;
    let shared: Vec<_> = (0..16u8).map(|byte| (byte, store.put(vec![byte; 600]).unwrap())).collect();
    thread::scope(|scope| {
        for worker in 0..4usize {
            let shared = &shared;
            scope.spawn(move || {
                for round in 0..100usize {
                    let byte = (worker * 100 + round) as u8;
                    let own = store.put(vec![byte; 100 + round * 9]).unwrap();
                    let (expected, object) = &shared[(round * 7 + worker) % shared.len()];
                    assert_eq!(*store.get(object).unwrap(), [*expected; 600]);
                    assert_eq!(store.slice(object, 599, 1).unwrap(), [*expected]);
                    assert!(store.get(&own).unwrap().iter().all(|found| *found == byte));
                    assert!(store.stats().memory_bytes <= 4096);
                }
            });
        }
    });
    drop(shared);
    let stats = store.stats();
    assert_eq!((stats.count, stats.memory_bytes, stats.spilled_bytes), (0, 0, 0));
    assert!(stats.spills > 0 && stats.restores > 0);
    assert_eq!(bytes_on_disk(fixture.folder.path()), 0);
}

/// What a caller may do; numbers pick one of the handles that are held.
#[derive(Clone, Debug)]
enum Action {
    Put(Vec<u8>),
    Clone(usize),
    Drop(usize),
    Get(usize),
    Slice(usize, u64, u64),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Action::Put),
        1 => any::<usize>().prop_map(Action::Clone),
        2 => any::<usize>().prop_map(Action::Drop),
        3 => any::<usize>().prop_map(Action::Get),
        1 => (any::<usize>(), 0..45u64, 0..45u64).prop_map(|(n, o, l)| Action::Slice(n, o, l)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever callers do, every object has its bytes, the limits hold, and the accounting agrees with
    /// what is alive and with what is on disk.
    #[test]
    fn accounting_and_contents_are_exact(actions in proptest::collection::vec(action(), 1..120)) {
        let limits = ObjectLimits {
            memory_bytes_max: 64,
            spill_bytes_max: 160,
            object_bytes_max: 32,
        };
        let fixture = with_limits(limits);
        let store = &fixture.store;
        let mut held: Vec<(ObjectHandle, Arc<[u8]>)> = Vec::new();
        for action in actions {
            match action {
                Action::Put(bytes) => match store.put(bytes.clone()) {
                    Ok(object) => held.push((object, bytes.into())),
                    Err(StoreError::TooLarge { .. }) => prop_assert!(bytes.len() > 32),
                    Err(StoreError::Full { .. }) => {
                        // Whatever could still be spilled is larger than what is left of the disk.
                        prop_assert!(store.stats().spilled_bytes + 32 > limits.spill_bytes_max);
                    }
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                },
                _ if held.is_empty() => {}
                Action::Clone(n) => {
                    let chosen = held[n % held.len()].clone();
                    held.push(chosen);
                }
                Action::Drop(n) => {
                    held.swap_remove(n % held.len());
                }
                Action::Get(n) => {
                    let (object, bytes) = &held[n % held.len()];
                    prop_assert_eq!(&store.get(object).unwrap(), bytes);
                }
                Action::Slice(n, offset, length) => {
                    let (object, bytes) = &held[n % held.len()];
                    let expected = bytes.get(offset as usize..(offset + length) as usize);
                    let found = store.slice(object, offset, length).ok();
                    prop_assert_eq!(found.as_deref(), expected);
                }
            }
            let mut alive: Vec<_> = held.iter().map(|(object, _)| object.id()).collect();
            alive.sort();
            alive.dedup();
            let list = store.list();
            let in_memory = list.iter().filter(|info| info.residence == Residence::Memory);
            let stats = store.stats();
            prop_assert_eq!(list.iter().map(|info| info.id).collect::<Vec<_>>(), alive);
            prop_assert_eq!(stats.count, list.len() as u64);
            prop_assert_eq!(stats.memory_bytes, in_memory.map(|info| info.size_bytes).sum::<u64>());
            prop_assert_eq!(stats.spilled_bytes, bytes_on_disk(fixture.folder.path()));
            prop_assert!(stats.memory_bytes <= limits.memory_bytes_max);
            prop_assert!(stats.spilled_bytes <= limits.spill_bytes_max);
        }
    }
}
