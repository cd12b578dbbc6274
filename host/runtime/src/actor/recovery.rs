//! Reading what an actor was: its newest checkpoint that is undamaged, and the messages that came after.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use belljar_engine::ActorImage;
use belljar_store::checkpoint::{self, Loaded, Packs};
use belljar_store::{ActorId, ActorLog, Record, RecordKind, StoreError};

use super::images::LocalImages;
use super::record::{self, Arrival, Attempt, Ending, HostAnswer, HostResult, Note, Outcome, Spawned};
use super::state::ActorState;
use super::{ActorError, ActorName};
use crate::Error;

/// What was found of an actor.
pub(crate) struct Found {
    /// Its host's state, as of the checkpoint or of its beginning.
    pub state: ActorState,
    pub checkpoint: Option<Loaded>,
    /// The memory of the checkpoint, if it was found ready: then `checkpoint` is without its pages.
    pub image: Option<ActorImage>,
    /// What happened after it, in order.
    pub replays: Vec<Replay>,
    /// The highest number of a checkpoint, also of a damaged one.
    pub generation: u64,
    /// Calls that nobody waits for and that have arrived.
    pub settled: BTreeSet<u64>,
    /// What could not be read.
    pub damaged: Vec<String>,
}

/// A message of the past.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub arrival: Option<Arrival>,
    pub results: VecDeque<HostAnswer>,
    /// How often the process died during it.
    pub deaths: u32,
    /// How it ended; none if it did not.
    pub ending: Option<Ending>,
}

/// Reads an actor's history back to its newest good checkpoint. Pages that are among `images` are not read again. It
/// blocks.
///
/// # Errors
///
/// [`ActorError::Damaged`] when what is left is not enough; [`StoreError`] when the log cannot be read.
pub(crate) fn read(
    log: &ActorLog,
    actor: ActorId,
    name: &ActorName,
    packs: &Packs,
    images: Option<&LocalImages>,
) -> Result<Found, Error> {
    let mut reader = Reader::default();
    let mut chosen: Option<(Loaded, ActorState)> = None;
    let mut image = None;
    let mut spawned: Option<Spawned> = None;
    let mut history = log.history(actor)?;
    while let Some(record) = history.next() {
        let record = match record {
            Ok(record) => record,
            Err(error) if error.is_damage() => {
                // Checkpoints stand in for one another; nothing stands in for a message.
                if !history.was(RecordKind::Checkpoint, checkpoint::MAGIC)? {
                    return Err(damage(name, error.to_string()));
                }
                reader.damaged.push(error.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match record.kind {
            RecordKind::Spawn => spawned = Some(record::decode(&record.payload)?),
            RecordKind::Checkpoint => {
                let manifest = checkpoint::Manifest::from_bytes(&record.payload);
                if let Ok(manifest) = &manifest {
                    reader.generation = reader.generation.max(manifest.meta.generation);
                }
                if chosen.is_some() {
                    // All that came after the chosen one came after this one too.
                    break;
                }
                let parent = |wanted: u64| payload_of(log, actor, wanted);
                let found = images.zip(manifest.as_ref().ok());
                image = found.and_then(|(images, manifest)| images.find_for(name, manifest, &record.payload));
                let loaded = match &image {
                    Some(_) => checkpoint::load_without_pages(&record.payload, parent, packs),
                    None => checkpoint::load(&record.payload, parent, packs),
                };
                let loaded = loaded.and_then(|loaded| with_state(loaded, packs));
                match loaded {
                    Ok((loaded, _)) if reader.life.is_some_and(|life| loaded.meta.generation < life) => break,
                    Ok(found) => chosen = Some(found),
                    Err(error) if error.is_damage() => reader.damaged.push(error.to_string()),
                    Err(error) => return Err(error.into()),
                }
            }
            _ => reader.take(&record)?,
        }
        if let Some((_, state)) = &chosen
            && record.sequence <= state.after_record + 1
        {
            break;
        }
    }
    let Reader { damaged, mut messages, settled, generation, life } = reader;
    let lost = |what: &str| {
        let first = damaged.first().map(|first| format!("; {first}")).unwrap_or_default();
        damage(name, format!("{what}{first}"))
    };
    let (checkpoint, state) = match (chosen, spawned) {
        (Some((loaded, state)), _) => (Some(loaded), state),
        (None, _) if let Some(life) = life => {
            return Err(lost(&format!("its present life began with checkpoint {life}, which cannot be read")));
        }
        // Whoever spawned it was told nothing before its first checkpoint was durable.
        (None, Some(_)) if damaged.is_empty() => return Err(ActorError::Unknown { name: name.to_string() }.into()),
        (None, Some(spawned)) if log.entry(actor)?.kept_from <= 1 => (None, ActorState::new(spawned)),
        (None, _) => return Err(lost("none of its checkpoints can be read")),
    };
    messages.retain(|sequence, _| *sequence > state.sequence);
    let last = messages.keys().next_back().copied();
    for (expected, (sequence, replay)) in (state.sequence + 1..).zip(&messages) {
        if expected != *sequence || replay.arrival.is_none() {
            return Err(lost(&format!("message {expected} is missing, which came after the last good checkpoint")));
        }
        if replay.ending.is_none() && Some(*sequence) != last {
            return Err(lost(&format!("how message {sequence} ended is missing")));
        }
    }
    let replays: Vec<Replay> = messages.into_values().collect();
    let image = image.filter(|_| checkpoint.is_some());
    Ok(Found { state, checkpoint, image, replays, generation, settled, damaged })
}

fn damage(name: &ActorName, message: String) -> Error {
    ActorError::Damaged { name: name.to_string(), message }.into()
}

fn with_state(loaded: Loaded, packs: &Packs) -> Result<(Loaded, ActorState), StoreError> {
    let state = state_of(&loaded, packs)?;
    Ok((loaded, state))
}

/// The host's part of an actor's state, with all that an instance needs of it at hand. It blocks.
pub(crate) fn state_of(loaded: &Loaded, packs: &Packs) -> Result<ActorState, StoreError> {
    let mut state = record::decode_state(&loaded.host_state)?;
    // What this machine wrote was within its limits then.
    state.open_compute(packs, u64::MAX)?;
    Ok(state)
}

/// The payload of the checkpoint of this generation.
pub(crate) fn payload_of(log: &ActorLog, actor: ActorId, generation: u64) -> Result<Vec<u8>, StoreError> {
    for record in log.history(actor)? {
        let record = match record {
            Ok(record) => record,
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        };
        if record.kind == RecordKind::Checkpoint
            && checkpoint::Manifest::from_bytes(&record.payload)
                .is_ok_and(|manifest| manifest.meta.generation == generation)
        {
            return Ok(record.payload);
        }
    }
    Err(StoreError::CheckpointDamaged {
        place: format!("the history of actor {actor}"),
        problem: format!("generation {generation}, which a later one is the difference to, is missing"),
    })
}

#[derive(Default)]
struct Reader {
    damaged: Vec<String>,
    messages: BTreeMap<u64, Replay>,
    /// Calls that nobody waits for and that have arrived. No id is ever used again, so it does not matter when.
    settled: BTreeSet<u64>,
    generation: u64,
    /// The first checkpoint of the actor's present life, if its mark was passed by. No earlier one leads to what came
    /// after it.
    life: Option<u64>,
}

impl Reader {
    /// Takes a record, each older than the one before.
    fn take(&mut self, record: &Record) -> Result<(), StoreError> {
        match record.kind {
            RecordKind::Arrival => {
                let arrival: Arrival = record::decode(&record.payload)?;
                let sequence = arrival.sequence;
                self.messages.entry(sequence).or_default().arrival = Some(arrival);
            }
            RecordKind::HostResult => {
                let HostResult { sequence, result } = record::decode(&record.payload)?;
                self.messages.entry(sequence).or_default().results.push_front(result);
            }
            RecordKind::Attempt => {
                let Attempt { sequence, deaths } = record::decode(&record.payload)?;
                let message = self.messages.entry(sequence).or_default();
                message.deaths = message.deaths.max(deaths);
            }
            RecordKind::Outcome => {
                let Outcome { sequence, ending } = record::decode(&record.payload)?;
                self.messages.entry(sequence).or_default().ending = Some(ending);
            }
            RecordKind::Note => match record::decode(&record.payload)? {
                Note::Settled { call } => drop(self.settled.insert(call)),
                Note::Life { generation } => self.life = self.life.or(Some(generation)),
                Note::Status => {}
            },
            RecordKind::Spawn | RecordKind::Checkpoint | RecordKind::Removal => {}
        }
        Ok(())
    }
}
