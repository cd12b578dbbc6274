//! What a journaled actor writes down. Each record is a byte that tells the format and one struct, encoded with
//! postcard; the log around it has the checksums. `docs/format-records.md` describes the bytes.

use belljar_engine::capability::{CallError, HttpError};
use belljar_engine::{Digest, Grants, Limits};
use belljar_store::{RecordKind, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::objects::ObjectName;
use super::parcel::Parcel;
use super::state::ActorState;
use super::{ActorName, SpawnOptions};

/// The format of an actor's records that this build reads and writes.
const RECORD_FORMAT: u8 = 1;
/// The format of the host's part of an actor's state that this build writes. It reads the one before too.
const STATE_FORMAT: u8 = 2;

/// What the errors call the bytes.
const RECORD: &str = "a record of the actor";

/// How an actor began, or went on as another incarnation. It is repeated in every checkpoint, so that waking an actor
/// reads one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spawned {
    pub name: ActorName,
    /// The plugin's name, for people.
    pub plugin: String,
    /// The BLAKE3 of the component.
    pub component: [u8; 32],
    /// Grants, limits and options, as JSON: their fields may grow.
    pub settings: String,
    pub incarnation: u64,
    pub born_ns: u64,
    pub seed: [u8; 32],
}

/// What a [`Spawned`] keeps as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub grants: Grants,
    pub limits: Limits,
    pub options: SpawnOptions,
}

impl Spawned {
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_bytes(self.component)
    }

    pub(crate) fn settings(&self) -> Result<Settings, String> {
        serde_json::from_str(&self.settings).map_err(|error| error.to_string())
    }
}

/// What identifies a call, so that it is carried out once however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum CallKey {
    /// The id that an outside client gave it.
    Client(String),
    /// The call of this number that an actor made. A life begins with a new memory, and no two lives of a name have the
    /// same number: it is the time when it began.
    Actor { caller: ActorName, life: u64, call: u64 },
}

/// Where a message came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// The actor's birth: a call of `init`.
    Init,
    /// Outside, without an id.
    Outside,
    /// A call with an id. The caller has every result before `acknowledged`.
    Call { key: CallKey, acknowledged: u64 },
    /// A timer of the actor's own.
    Timer { name: String, due_ns: u64 },
}

/// A message that the actor is about to work on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arrival {
    /// Its number, from 1 on. A restore by hand numbers on.
    pub sequence: u64,
    pub origin: Origin,
    pub method: String,
    pub arguments: Parcel,
    /// What the guest's clock shows meanwhile.
    pub now_ns: u64,
}

/// What a host call gave that would not give the same again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostResult {
    /// The message during which it was made.
    pub sequence: u64,
    pub result: HostAnswer,
}

/// The host calls whose result is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HostAnswer {
    /// `actors.get` of this call.
    Get(u64, Result<Parcel, CallError>),
    /// `actors.wait`.
    Wait(Vec<u64>),
    /// `http.send`.
    Http(Result<Response, HttpError>),
}

/// What an HTTP request gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: ObjectName,
}

/// How a message ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub sequence: u64,
    pub ending: Ending,
}

/// The endings of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// The method returned this, which may be an `error` of its own.
    Value(Parcel),
    /// The guest was stopped; its state is what it was before. The fault as JSON.
    Fault(String),
    /// The caller gave up before the end; the state is what it was before.
    Cancelled,
    /// The process died this many times during the message.
    DeadLetter { deaths: u32 },
}

impl Ending {
    /// Whether the message changed the actor's state.
    pub(crate) fn has_effect(&self) -> bool {
        matches!(self, Ending::Value(_))
    }
}

/// The process died during this message, and it is tried once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub sequence: u64,
    /// Deaths so far.
    pub deaths: u32,
}

/// What a `Note` record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Note {
    /// A call to another actor that the guest wants no result of has arrived there.
    Settled { call: u64 },
    /// Another life of the actor begins with the checkpoint of this generation. No earlier checkpoint leads here.
    Life { generation: u64 },
    /// The actor was stopped, started or given up; the index has the new status.
    Status,
}

/// The chunks of objects that a record names, other than a checkpoint, whose manifest tells them.
pub(crate) fn chunks_of(kind: RecordKind, payload: &[u8]) -> Result<Vec<belljar_store::Digest>, StoreError> {
    let parcel = match kind {
        RecordKind::Arrival => Some(decode::<Arrival>(payload)?.arguments),
        RecordKind::Outcome => match decode::<Outcome>(payload)?.ending {
            Ending::Value(result) => Some(result),
            _ => None,
        },
        RecordKind::HostResult => match decode::<HostResult>(payload)?.result {
            HostAnswer::Get(_, Ok(result)) => Some(result),
            HostAnswer::Http(Ok(response)) => return Ok(response.body.digests().collect()),
            _ => None,
        },
        _ => None,
    };
    Ok(parcel.iter().flat_map(|parcel| &parcel.objects).flat_map(ObjectName::digests).collect())
}

/// The bytes of a record.
pub(crate) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    to_bytes(RECORD_FORMAT, record)
}

/// The bytes of the host's part of an actor's state.
pub(crate) fn encode_state(state: &ActorState) -> Vec<u8> {
    to_bytes(STATE_FORMAT, state)
}

fn to_bytes<T: Serialize>(format: u8, value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![format]).expect("it is numbers, texts and lists of known length")
}

/// A record from its bytes.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match split(bytes)? {
        (RECORD_FORMAT, record) => value_of(record),
        (other, _) => Err(of_format(other, RECORD_FORMAT)),
    }
}

/// The host's part of an actor's state from its bytes, or from those of the format before, which ended a field earlier.
pub(crate) fn decode_state(bytes: &[u8]) -> Result<ActorState, StoreError> {
    match split(bytes)? {
        (STATE_FORMAT, state) => value_of(state),
        (RECORD_FORMAT, state) => {
            let nothing_computed = [0];
            value_of(&[state, &nothing_computed].concat())
        }
        (other, _) => Err(of_format(other, STATE_FORMAT)),
    }
}

/// The format of some bytes, and the rest of them.
fn split(bytes: &[u8]) -> Result<(u8, &[u8]), StoreError> {
    bytes.split_first().map(|(format, rest)| (*format, rest)).ok_or_else(|| damaged("it is empty".to_owned()))
}

fn value_of<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|error| damaged(error.to_string()))
}

fn damaged(problem: String) -> StoreError {
    StoreError::CheckpointDamaged { place: RECORD.to_owned(), problem }
}

fn of_format(found: u8, supported: u8) -> StoreError {
    let (found, supported) = (u16::from(found), u16::from(supported));
    StoreError::CheckpointVersion { what: RECORD.to_owned(), found, supported }
}

#[cfg(test)]
mod tests;
