use std::collections::BTreeSet;
use std::sync::mpsc;
use std::{fs, io, thread};

use super::*;
use crate::storage::{CrashDamage, Fault, LocalStorage};

#[test]
fn a_history_goes_on_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(LocalStorage::new(folder.path()));
    let index = IndexPlace::File(folder.path().join("actors/index.sqlite"));
    for round in 0..3_u64 {
        let log = ActorLog::open(storage.clone(), &index, LogOptions::default()).unwrap();
        assert_eq!(log.lease(), round + 1);
        let mut writer = match log.find("counter").unwrap() {
            Some(entry) => log.writer(entry.id).unwrap(),
            None => log.create(&new_actor("counter"), b"spawn").unwrap().0,
        };
        let ticket = note(&mut writer, &format!("round {round}"));
        log.wait_durable(ticket).unwrap();
        assert_eq!(log.find("counter").unwrap().unwrap().sequence, round + 2);
    }
    let reader = ActorLog::open_read_only(storage, &index).unwrap();
    let id = reader.find("counter").unwrap().unwrap().id;
    assert_eq!(history(&reader, id), ["spawn", "round 0", "round 1", "round 2"]);
    assert_eq!(reader.spawn_record(id).unwrap().payload, b"spawn");
    assert_eq!(reader.stats().unwrap().records_scanned, 0);
    assert!(matches!(reader.writer(id), Err(StoreError::ReadOnly { .. })));
}

#[test]
fn a_reader_beside_a_writer_sees_what_is_durable_and_not_yet_in_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FaultyStorage::new();
    let index = IndexPlace::File(folder.path().join("index.sqlite"));
    let log = open(&storage, &index);
    log.create(&new_actor("old"), b"").unwrap();
    let (mut moved, ticket) = log.create(&new_actor("moved"), b"").unwrap();
    log.wait_durable(ticket).unwrap();
    log.flush_index().unwrap();
    let (_new, _) = log.create(&new_actor("new"), b"").unwrap();
    let update = Update { next_timer: Some(NextTimer::At(50)), ..Update::default() };
    moved.append_with(RecordKind::Note, b"later", update).unwrap();
    let old = log.writer(log.find("old").unwrap().unwrap().id).unwrap();
    log.wait_durable(log.remove(old).unwrap()).unwrap();

    let reader = ActorLog::open_read_only(Arc::new(storage.clone()), &index).unwrap();
    for log in [&log, &reader] {
        let names: Vec<_> = log.list(None, "", 10).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["moved", "new"]);
        assert_eq!(log.count().unwrap(), 2);
        assert!(log.find("old").unwrap().is_none());
        assert_eq!(history(log, moved.actor()), ["", "later"]);
        let due = log.due_timers(51, 10).unwrap();
        assert_eq!(due.iter().map(|entry| entry.id).collect::<Vec<_>>(), [moved.actor()]);
        assert!(log.due_timers(50, 10).unwrap().is_empty());
    }
}

#[test]
fn many_threads_share_syncs_and_each_actor_keeps_its_order() {
    let storage = FaultyStorage::new();
    let log = ActorLog::open(Arc::new(storage.clone()), &IndexPlace::Memory, LogOptions::default()).unwrap();
    let actors: Vec<ActorId> = thread::scope(|scope| {
        let write = |thread| {
            let log = &log;
            move || {
                let name = format!("actor {thread}");
                let (mut writer, _) = log.create(&new_actor(&name), b"spawn").unwrap();
                let (sender, receiver) = mpsc::channel();
                for number in 0..2000 {
                    let ticket = note(&mut writer, &number.to_string());
                    let sender = sender.clone();
                    log.when_durable(ticket, Box::new(move |result| sender.send((number, result)).unwrap()));
                }
                drop(sender);
                let told: Vec<_> = receiver.iter().map(|(number, result)| result.map(|()| number).unwrap()).collect();
                assert_eq!(told.len(), 2000);
                writer.actor()
            }
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(write(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let expected: Vec<String> = std::iter::once("spawn".to_owned()).chain((0..2000).map(|n| n.to_string())).collect();
    for actor in actors {
        assert_eq!(history(&log, actor), expected);
    }
    let stats = log.stats().unwrap();
    assert_eq!(stats.records, 8 * 2001);
    assert!(stats.syncs < stats.records, "{stats:?}");
}

#[test]
fn a_full_buffer_makes_appending_wait_and_loses_nothing() {
    let storage = FaultyStorage::new();
    let options = LogOptions { buffer_bytes_max: 100, ..LogOptions::default() };
    let log = ActorLog::open(Arc::new(storage), &IndexPlace::Memory, options).unwrap();
    let (mut writer, _) = log.create(&new_actor("a"), &[1; 500]).unwrap();
    for _ in 0..100 {
        writer.append(RecordKind::Note, &[2; 500]).unwrap();
    }
    let last = note(&mut writer, "end");
    log.wait_durable(last).unwrap();
    assert_eq!(log.history(writer.actor()).unwrap().count(), 102);
    assert!(log.stats().unwrap().frames > 50);
}

#[test]
fn a_name_belongs_to_one_actor_until_that_is_removed() {
    let storage = FaultyStorage::new();
    let log = open(&storage, &IndexPlace::Memory);
    let (first, _) = log.create(&new_actor("a"), b"first").unwrap();
    // Not durable yet, and taken already.
    assert!(matches!(log.create(&new_actor("a"), b""), Err(StoreError::NameTaken { .. })));
    assert!(matches!(log.writer(first.actor()), Err(StoreError::ActorInUse { .. })));
    let id = first.actor();
    log.wait_durable(log.remove(first).unwrap()).unwrap();
    assert!(matches!(log.writer(id), Err(StoreError::UnknownActor { .. })));
    assert!(matches!(log.history(id), Err(StoreError::UnknownActor { .. })));
    let (second, ticket) = log.create(&new_actor("a"), b"second").unwrap();
    log.wait_durable(ticket).unwrap();
    assert_ne!(second.actor(), id);
    drop((second, log));
    let log = open(&storage, &IndexPlace::Memory);
    assert_eq!(history(&log, log.find("a").unwrap().unwrap().id), ["second"]);
}

#[test]
fn a_writer_goes_on_behind_what_the_one_before_has_not_seen_durable() {
    let storage = FaultyStorage::new();
    let options = LogOptions { group_wait: std::time::Duration::from_millis(20), ..small_segments() };
    let log = ActorLog::open(Arc::new(storage), &IndexPlace::Memory, options).unwrap();
    let (mut writer, _) = log.create(&new_actor("a"), b"spawn").unwrap();
    let id = writer.actor();
    note(&mut writer, "one");
    drop(writer);
    let mut writer = log.writer(id).unwrap();
    log.wait_durable(note(&mut writer, "two")).unwrap();
    assert_eq!(history(&log, id), ["spawn", "one", "two"]);
}

#[test]
fn limits_are_named() {
    let log = open(&FaultyStorage::new(), &IndexPlace::Memory);
    let too_large = |result: Result<()>, limit: &str| {
        assert!(matches!(&result, Err(StoreError::TooLarge { .. })));
        assert!(result.unwrap_err().to_string().contains(limit));
    };
    let long = "x".repeat(ACTOR_NAME_BYTES_MAX + 1);
    too_large(log.create(&new_actor(&long), b"").map(|_| ()), "ACTOR_NAME_BYTES_MAX");
    let (mut writer, _) = log.create(&new_actor("a"), b"").unwrap();
    too_large(writer.append(RecordKind::Note, &vec![0; RECORD_BYTES_MAX + 1]).map(|_| ()), "RECORD_BYTES_MAX");
    let options = LogOptions { buffer_bytes_max: 1 << 30, ..LogOptions::default() };
    let opened = ActorLog::open(Arc::new(FaultyStorage::new()), &IndexPlace::Memory, options);
    too_large(opened.map(|_| ()), "BUFFER_BYTES_MAX");
}

#[test]
fn a_full_disk_stops_the_acknowledgement_and_not_the_state() {
    let storage = FaultyStorage::new();
    let log = open(&storage, &IndexPlace::Memory);
    let (mut writer, ticket) = log.create(&new_actor("a"), b"spawn").unwrap();
    log.wait_durable(ticket).unwrap();
    let id = writer.actor();
    storage.set_capacity(Some(storage.used_bytes() + 100));
    for _ in 0..3 {
        let ticket = note(&mut writer, &"x".repeat(200));
        let refused = log.wait_durable(ticket).unwrap_err();
        assert!(refused.is_retryable());
        assert!(
            matches!(&refused, StoreError::LogInterrupted { cause } if matches!(**cause, StoreError::DiskFull { .. }))
        );
        let dead = writer.append(RecordKind::Note, b"").unwrap_err();
        assert!(matches!(dead, StoreError::LogInterrupted { .. }));
        // An old ticket is still what it was.
        drop(writer);
        writer = log.writer(id).unwrap();
        assert_eq!(history(&log, id), ["spawn"]);
    }
    assert!(matches!(
        log.create(&new_actor("b"), b"").and_then(|(_, t)| log.wait_durable(t)),
        Err(StoreError::LogInterrupted { .. })
    ));
    storage.set_capacity(None);
    drop(writer);
    let mut writer = log.writer(id).unwrap();
    log.wait_durable(note(&mut writer, "room again")).unwrap();
    // The name of the actor that never was is free.
    let (_b, ticket) = log.create(&new_actor("b"), b"").unwrap();
    log.wait_durable(ticket).unwrap();
    drop((writer, log));
    let log = open(&storage.crash(CrashDamage::LoseUnsynced), &IndexPlace::Memory);
    assert_eq!(history(&log, id), ["spawn", "room again"]);
}

#[test]
fn compaction_gives_back_room_and_keeps_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let index = IndexPlace::File(folder.path().join("index.sqlite"));
    let storage = FaultyStorage::new();
    let log = open(&storage, &index);
    let (mut busy, _) = log.create(&NewActor { name: "busy", status: Some("{\"a\":1}") }, b"spawn busy").unwrap();
    let (mut idle, _) = log.create(&new_actor("idle"), b"spawn idle").unwrap();
    let (gone, _) = log.create(&new_actor("gone"), b"spawn gone").unwrap();
    note(&mut idle, "once");
    drop(idle);
    let gone_id = gone.actor();
    log.remove(gone).unwrap();
    for number in 0..100 {
        let checkpoint = busy.append(RecordKind::Checkpoint, format!("checkpoint {number}").as_bytes()).unwrap();
        let kept_from = Some(checkpoint.sequence);
        let next_timer = Some(NextTimer::At(number));
        let update = Update { kept_from, next_timer, ..Update::default() };
        let ticket = busy.append_with(RecordKind::Note, b"", update).unwrap().ticket;
        log.wait_durable(ticket).unwrap();
    }
    let before = log.stats().unwrap();
    let done = log.compact().unwrap();
    let after = log.stats().unwrap();
    assert!(done.segments_removed > 5 && after.bytes * 5 < before.bytes, "{done:?} {before:?} {after:?}");
    // The living writer goes on, in the history that was moved under it.
    log.wait_durable(note(&mut busy, "after")).unwrap();
    let check = |log: &ActorLog| {
        let entry = log.find("busy").unwrap().unwrap();
        assert_eq!(entry.status.as_deref(), Some("{\"a\":1}"));
        assert_eq!(entry.next_timer_ns, Some(99));
        assert_eq!(history(log, entry.id), ["spawn busy", "checkpoint 99", "", "after"]);
        assert_eq!(history(log, log.find("idle").unwrap().unwrap().id), ["spawn idle", "once"]);
        assert!(matches!(log.entry(gone_id), Err(StoreError::UnknownActor { .. })));
        assert_eq!(log.verify(|_, _| {}).unwrap().damage, []);
    };
    check(&log);
    drop((busy, log));
    check(&open(&storage, &index));
    // An index made anew from what is left says the same.
    check(&open(&storage, &IndexPlace::Memory));
    let log = open(&storage, &IndexPlace::Memory);
    log.compact().unwrap();
    log.compact().unwrap();
    check(&log);
}

#[test]
fn a_removed_actor_stays_removed_while_an_older_segment_still_tells_of_it() {
    let storage = FaultyStorage::new();
    let log = open(&storage, &IndexPlace::Memory);
    let (kept, _) = log.create(&new_actor("kept"), &[7; 1400]).unwrap();
    let (gone, ticket) = log.create(&new_actor("gone"), b"spawn gone").unwrap();
    log.wait_durable(ticket).unwrap();
    log.wait_durable(log.remove(gone).unwrap()).unwrap();
    let (brief, ticket) = log.create(&new_actor("brief"), &[7; 1400]).unwrap();
    log.wait_durable(ticket).unwrap();
    log.wait_durable(log.remove(brief).unwrap()).unwrap();
    assert!(log.compact().unwrap().segments_removed > 0);
    assert!(segment_paths(&storage)[0].ends_with("0000000000000001.seg"));
    drop((kept, log));
    let log = open(&storage, &IndexPlace::Memory);
    let names: Vec<_> = log.list(None, "", 9).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["kept"]);
}

#[test]
fn a_frame_that_failed_never_comes_back_not_even_when_its_successor_is_compacted_away() {
    let storage = FaultyStorage::new();
    let log = ActorLog::open(Arc::new(storage.clone()), &IndexPlace::Memory, LogOptions::default()).unwrap();
    let (mut a, ticket) = log.create(&new_actor("a"), &[b'x'; 1000]).unwrap();
    log.wait_durable(ticket).unwrap();
    // The frame is written whole, and its sync fails.
    let operation = storage.operations() + 1;
    storage.set_fault(Some(Fault { operation, error: io::ErrorKind::Other, torn: false, lasting: false }));
    log.wait_durable(note(&mut a, "lost")).unwrap_err();
    let id = a.actor();
    drop(a);
    let (brief, ticket) = log.create(&new_actor("brief"), b"").unwrap();
    log.wait_durable(ticket).unwrap();
    log.wait_durable(log.remove(brief).unwrap()).unwrap();
    let is_as_before = |log: &ActorLog| assert_eq!(history(log, id), ["x".repeat(1000)]);
    is_as_before(&open(&storage.copy(), &IndexPlace::Memory));
    assert_eq!(log.compact().unwrap().segments_removed, 2);
    is_as_before(&log);
    drop(log);
    is_as_before(&open(&storage, &IndexPlace::Memory));
}

#[test]
fn a_log_without_actors_can_be_compacted_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let index = IndexPlace::File(folder.path().join("index.sqlite"));
    let storage = FaultyStorage::new();
    let log = open(&storage, &index);
    let mut last = None;
    for _ in 0..30 {
        let (writer, _) = log.create(&new_actor("brief"), &[7; 200]).unwrap();
        last = Some(writer.actor());
        log.wait_durable(log.remove(writer).unwrap()).unwrap();
    }
    log.compact().unwrap();
    assert_eq!(segment_paths(&storage).len(), 1);
    drop(log);
    for index in [index, IndexPlace::Memory] {
        let log = open(&storage.copy(), &index);
        assert_eq!((log.lease(), log.count().unwrap()), (2, 0));
        assert!(Some(log.create(&new_actor("next"), b"").unwrap().0.actor()) > last);
    }
}

#[test]
fn the_segments_of_many_short_processes_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let index = IndexPlace::File(folder.path().join("index.sqlite"));
    let storage = FaultyStorage::new();
    let options = LogOptions::default();
    for number in 0..20 {
        let log = ActorLog::open(Arc::new(storage.clone()), &index, options.clone()).unwrap();
        log.create(&new_actor(&format!("actor {number}")), b"spawn").unwrap();
    }
    // A process that writes nothing leaves nothing behind.
    drop(ActorLog::open(Arc::new(storage.clone()), &index, options.clone()).unwrap());
    assert_eq!(segment_paths(&storage).len(), 20);
    let log = ActorLog::open(Arc::new(storage.clone()), &index, options).unwrap();
    assert_eq!(log.compact().unwrap().segments_removed, 20);
    assert_eq!(log.stats().unwrap().segments, 1);
    assert_eq!(log.stats().unwrap().actors, 20);
}

#[test]
fn opening_reads_only_the_tail_of_a_log_with_many_actors() {
    const ACTORS: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.sqlite");
    let index = IndexPlace::File(path.clone());
    let storage: Arc<dyn Storage> = Arc::new(FaultyStorage::new());
    let log = ActorLog::open(storage.clone(), &index, LogOptions::default()).unwrap();
    for number in 0..ACTORS {
        log.create(&new_actor(&format!("actor {number}")), b"spawn").unwrap();
    }
    drop(log);

    let log = ActorLog::open(storage.clone(), &index, LogOptions::default()).unwrap();
    assert_eq!(log.stats().unwrap().records_scanned, 0);
    assert_eq!(log.count().unwrap(), ACTORS);
    let entry = log.find("actor 4711").unwrap().unwrap();
    assert_eq!(history(&log, entry.id), ["spawn"]);
    let page = log.list(Some("actor 999"), "actor 99", 3).unwrap();
    let names: Vec<_> = page.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["actor 9990", "actor 99900", "actor 99901"]);

    // While one process lives, the index that another would find covers all but a bounded tail.
    let mut writer = log.writer(entry.id).unwrap();
    let ticket = note(&mut writer, "one more");
    log.wait_durable(ticket).unwrap();
    let reader = ActorLog::open_read_only(storage.clone(), &index).unwrap();
    assert!(reader.stats().unwrap().records_scanned <= 1);
    assert_eq!(history(&reader, entry.id), ["spawn", "one more"]);
    drop((writer, reader, log));

    let remembered = |log: &ActorLog| -> Vec<ActorEntry> { log.list(None, "", ACTORS as usize).unwrap() };
    let expected = remembered(&ActorLog::open(storage.clone(), &index, LogOptions::default()).unwrap());
    assert_eq!(expected.len() as u64, ACTORS);
    fs::remove_file(&path).unwrap();
    let log = ActorLog::open(storage, &index, LogOptions::default()).unwrap();
    assert_eq!(log.stats().unwrap().records_scanned, ACTORS + 1);
    assert_eq!(remembered(&log), expected);
    let (new, _) = log.create(&new_actor("new"), b"").unwrap();
    let ids: BTreeSet<ActorId> = expected.iter().map(|entry| entry.id).collect();
    assert!(!ids.contains(&new.actor()));
}
