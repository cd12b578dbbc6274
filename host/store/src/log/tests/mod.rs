//! What the log promises, told as stories about whole logs.

mod crash;
mod damage;
mod golden;
mod stories;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::storage::FaultyStorage;
use crate::{Result, StoreError};

/// Segments so small that a few records fill one.
fn small_segments() -> LogOptions {
    LogOptions { segment_bytes_max: 1500, ..LogOptions::default() }
}

fn open(storage: &FaultyStorage, index: &IndexPlace) -> ActorLog {
    try_open(storage, index).unwrap()
}

fn try_open(storage: &FaultyStorage, index: &IndexPlace) -> Result<ActorLog> {
    ActorLog::open(Arc::new(storage.clone()), index, small_segments())
}

fn new_actor(name: &str) -> NewActor<'_> {
    NewActor { name, status: None }
}

fn note(writer: &mut ActorWriter, text: &str) -> Ticket {
    writer.append(RecordKind::Note, text.as_bytes()).unwrap().ticket
}

/// The payloads of an actor's history as text, oldest first.
fn history(log: &ActorLog, actor: ActorId) -> Vec<String> {
    let records: Vec<Record> = log.history(actor).unwrap().collect::<Result<_>>().unwrap();
    records.into_iter().rev().map(|record| String::from_utf8(record.payload).unwrap()).collect()
}

/// The paths of all segments, oldest first.
fn segment_paths(storage: &FaultyStorage) -> Vec<PathBuf> {
    let folder = Path::new("actors/log");
    let mut names = crate::Storage::list(storage, folder).unwrap();
    names.sort_unstable();
    names.into_iter().map(|name| folder.join(name)).collect()
}
