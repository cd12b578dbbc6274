//! Every operation of a scenario fails once, or is the last before the power goes.

use std::collections::BTreeMap;
use std::io;

use super::*;
use crate::storage::{CrashDamage, Fault};

/// What a client of the log knows.
#[derive(Debug, Default)]
struct Model {
    actors: BTreeMap<ActorId, Known>,
}

#[derive(Debug)]
struct Known {
    name: String,
    /// The payload of each record that was appended; the first has number 1.
    appended: Vec<String>,
    /// The number of the last record that was reported durable.
    acknowledged: u64,
    kept_from: u64,
    removal: Option<IsAcknowledged>,
}

#[derive(Debug)]
struct IsAcknowledged(bool);

impl Model {
    fn create(&mut self, log: &ActorLog, name: &str) -> Result<ActorId> {
        let payload = format!("spawn {name}");
        let (writer, ticket) = log.create(&new_actor(name), payload.as_bytes())?;
        let id = writer.actor();
        let known =
            Known { name: name.to_owned(), appended: vec![payload], acknowledged: 0, kept_from: 1, removal: None };
        self.actors.insert(id, known);
        log.wait_durable(ticket)?;
        self.known(id).acknowledged = 1;
        Ok(id)
    }

    /// Appends some records, and waits for the last of them only.
    fn append(&mut self, log: &ActorLog, id: ActorId, count: usize) -> Result<()> {
        let mut writer = log.writer(id)?;
        let mut last = None;
        for _ in 0..count {
            let known = self.known(id);
            let payload = format!("{} {} {}", known.name, known.appended.len() + 1, "-".repeat(60));
            let appended = writer.append(RecordKind::Note, payload.as_bytes())?;
            known.appended.push(payload);
            assert_eq!(appended.sequence, known.appended.len() as u64);
            last = Some(appended);
        }
        let Some(last) = last else { return Ok(()) };
        log.wait_durable(last.ticket)?;
        self.known(id).acknowledged = last.sequence;
        Ok(())
    }

    fn checkpoint(&mut self, log: &ActorLog, id: ActorId) -> Result<()> {
        let mut writer = log.writer(id)?;
        let known = self.known(id);
        let kept_from = known.appended.len() as u64 + 1;
        let update = Update { kept_from: Some(kept_from), ..Update::default() };
        let appended = writer.append_with(RecordKind::Checkpoint, b"state", update)?;
        known.appended.push("state".to_owned());
        known.kept_from = kept_from;
        log.wait_durable(appended.ticket)?;
        known.acknowledged = kept_from;
        Ok(())
    }

    fn remove(&mut self, log: &ActorLog, id: ActorId) -> Result<()> {
        let ticket = log.remove(log.writer(id)?)?;
        self.known(id).removal = Some(IsAcknowledged(false));
        log.wait_durable(ticket)?;
        self.known(id).removal = Some(IsAcknowledged(true));
        Ok(())
    }

    fn known(&mut self, id: ActorId) -> &mut Known {
        self.actors.get_mut(&id).unwrap()
    }

    /// Every record that was reported durable is there, in order and once, and nothing that was never
    /// appended. What was appended and is not there is forgotten.
    fn check(&mut self, log: &ActorLog) {
        self.actors.retain(|&id, known| {
            let acknowledged_removal = matches!(known.removal, Some(IsAcknowledged(true)));
            let entry = match log.entry(id) {
                Ok(entry) => entry,
                Err(StoreError::UnknownActor { .. }) => {
                    assert!(known.removal.is_some() || known.acknowledged == 0, "{known:?} is lost");
                    return false;
                }
                Err(error) => panic!("{error}"),
            };
            assert!(!acknowledged_removal, "{known:?} is back");
            assert_eq!(log.find(&known.name).unwrap().as_ref(), Some(&entry));
            assert!(entry.sequence >= known.acknowledged, "{entry:?} {known:?}");
            let records: Vec<Record> = log.history(id).unwrap().collect::<Result<_>>().unwrap();
            let (spawn, rest) = records.split_last().unwrap();
            assert_eq!((spawn.sequence, spawn.kind), (1, RecordKind::Spawn));
            let sequences: Vec<u64> = rest.iter().map(|record| record.sequence).collect();
            let oldest = entry.kept_from.max(2);
            assert_eq!(sequences, (oldest..=entry.sequence).rev().collect::<Vec<_>>());
            for record in &records {
                assert_eq!(record.payload, known.appended[record.sequence as usize - 1].as_bytes());
            }
            known.appended.truncate(entry.sequence as usize);
            known.acknowledged = entry.sequence;
            known.kept_from = entry.kept_from;
            known.removal = None;
            true
        });
        let names: Vec<String> = log.list(None, "", 100).unwrap().into_iter().map(|entry| entry.name).collect();
        let mut expected: Vec<String> = self.actors.values().map(|known| known.name.clone()).collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    /// Several actors, several segments, two processes, a removal and two compactions. `react` is told of
    /// each step, and ends the story by `None`.
    fn scenario(&mut self, storage: &FaultyStorage, index: &IndexPlace, react: &mut React<'_>) -> Option<()> {
        let log = try_open(storage, index).ok()?;
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(self.insist(&log, react, |model, log| model.create(log, name))?);
        }
        let [a, b, c] = ids[..] else { return None };
        for _ in 0..4 {
            for id in [a, b, c] {
                let appended = self.append(&log, id, 3);
                react(self, &log, appended)?;
            }
        }
        let kept = self.checkpoint(&log, a);
        react(self, &log, kept)?;
        let removed = self.remove(&log, c);
        react(self, &log, removed)?;
        // A step that has failed may still be there after the next opening, unless a later one has not failed.
        self.insist(&log, react, |model, log| model.append(log, a, 1))?;
        drop(log);

        let log = try_open(storage, index).ok()?;
        let again = self.create(&log, "d").map(|_| ());
        react(self, &log, again)?;
        let compacted = log.compact().map(|_| ());
        react(self, &log, compacted)?;
        for id in [a, b] {
            let appended = self.append(&log, id, 2);
            react(self, &log, appended)?;
            let kept = self.checkpoint(&log, id);
            react(self, &log, kept)?;
        }
        let compacted = log.compact().map(|_| ());
        react(self, &log, compacted)?;
        self.insist(&log, react, |model, log| model.append(log, a, 1))
    }

    /// Does a step again until it succeeds.
    fn insist<T>(
        &mut self,
        log: &ActorLog,
        react: &mut React<'_>,
        step: impl Fn(&mut Self, &ActorLog) -> Result<T>,
    ) -> Option<T> {
        loop {
            match step(self, log) {
                Ok(value) => return Some(value),
                Err(error) => react(self, log, Err(error))?,
            }
        }
    }
}

/// What is done about a step that has succeeded or failed.
type React<'a> = dyn FnMut(&mut Model, &ActorLog, Result<()>) -> Option<()> + 'a;

struct Place {
    _folder: tempfile::TempDir,
    index: IndexPlace,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let index = IndexPlace::File(folder.path().join("index.sqlite"));
    Place { _folder: folder, index }
}

/// Goes on after a crash, and looks again with an index that was made anew.
fn survive(mut model: Model, disk: &FaultyStorage, index: &IndexPlace) {
    let log = open(disk, index);
    model.check(&log);
    let ids: Vec<ActorId> = model.actors.keys().copied().collect();
    for id in ids {
        model.append(&log, id, 2).unwrap();
    }
    model.create(&log, "born after").unwrap();
    model.check(&log);
    assert_eq!(log.verify(|_, _| {}).unwrap().damage, []);
    drop(log);
    let log = open(&disk.crash(CrashDamage::LoseUnsynced), &IndexPlace::Memory);
    model.check(&log);
}

#[test]
fn whenever_the_power_goes_everything_reported_durable_is_there() {
    let mut operation = 0;
    loop {
        let mut was_reached = false;
        for (damage, torn) in [
            (CrashDamage::LoseUnsynced, false),
            (CrashDamage::KeepSome(operation), false),
            (CrashDamage::KeepSome(!operation), true),
        ] {
            // An index that outlives the crash is at its newest, the hardest case, where nothing else does.
            let place = place();
            let index = if damage == CrashDamage::LoseUnsynced { &place.index } else { &IndexPlace::Memory };
            let (storage, mut model) = (FaultyStorage::new(), Model::default());
            storage.set_fault(Some(Fault { operation, error: io::ErrorKind::Other, torn, lasting: true }));
            let finished = model.scenario(&storage, index, &mut |_, _, result| result.ok());
            was_reached |= finished.is_none();
            survive(model, &storage.crash(damage), index);
        }
        if !was_reached {
            break;
        }
        operation += 1;
    }
    assert!(operation > 50, "the scenario has only {operation} operations");
}

#[test]
fn whatever_operation_fails_the_same_process_goes_on() {
    for error in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let mut operation = 0;
        loop {
            let (place, storage, mut model) = (place(), FaultyStorage::new(), Model::default());
            storage.set_fault(Some(Fault { operation, error, torn: operation % 2 == 0, lasting: false }));
            let finished = model.scenario(&storage, &IndexPlace::Memory, &mut |model, log, result| {
                if result.is_err() {
                    model.check(log);
                }
                Some(())
            });
            let was_reached = operation < storage.operations();
            storage.set_fault(None);
            if finished.is_some() {
                model.check(&open(&storage, &IndexPlace::Memory));
            }
            survive(model, &storage.crash(CrashDamage::LoseUnsynced), &place.index);
            if !was_reached {
                break;
            }
            operation += 1;
        }
    }
}
