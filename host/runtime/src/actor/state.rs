//! What the host keeps for one actor and a snapshot must carry, beside the guest's memory: random numbers, timers, calls
//! that are on their way, results that may be asked for again, ids of objects.
//!
//! It changes only by what the guest does and by what is recorded, so that a replay comes to the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use belljar_engine::capability::{CallError, LogicalTime, RandomState};
use belljar_policy::PolicyState;
use belljar_store::Digest;
use serde::{Deserialize, Serialize};

use super::ActorName;
use super::checkpoints::Kept;
use super::compute::KeptCompute;
use super::objects::{HeldName, ObjectName};
use super::parcel::Parcel;
use super::record::{Arrival, CallKey, Ending, Origin, Spawned};

/// Results that an actor keeps for outside clients that may send a call again: 1,024. The oldest go first.
pub const RESULTS_KEPT_MAX: usize = 1_024;
/// Bytes of the results that it keeps for them: 4 MiB.
pub const RESULT_BYTES_KEPT_MAX: usize = 4 << 20;
/// How long an actor keeps a result for another actor that never said that it has it: 7 days.
pub const RESULT_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Messages without an effect that an actor remembers for people to look at: 100.
pub const DEAD_LETTERS_MAX: usize = 100;
/// Bytes of the arguments that a dead letter keeps: 1 KiB.
pub const DEAD_LETTER_BYTES_MAX: usize = 1 << 10;
/// Calls to other actors without a result: 1,024.
pub const OUTGOING_MAX: usize = 1_024;
/// Bits of a call's id that number the calls of one message: 20, a million calls.
const CALL_BITS: u32 = 20;
/// Timers of one actor: 1,024.
pub const TIMERS_MAX: usize = 1_024;

/// The host's part of an actor's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ActorState {
    pub spawned: Spawned,
    /// The number of the last message.
    pub sequence: u64,
    /// Where the random numbers are, in words since the incarnation's seed.
    pub random_position: u128,
    /// What the guest's monotonic clock showed last.
    pub monotonic_ns: u64,
    /// How many calls to other actors the running message, or the last one, has made.
    pub calls_made: u64,
    pub outgoing: BTreeMap<u64, Outgoing>,
    pub timers: BTreeMap<String, Timer>,
    /// What the guest held when the checkpoint that holds this state was taken.
    pub objects: Vec<HeldName>,
    pub results: VecDeque<StoredResult>,
    pub dead_letters: VecDeque<DeadLetter>,
    /// The checkpoints that are kept, with the one that holds this state as the last.
    pub checkpoints: VecDeque<Kept>,
    /// The number of the last record before the checkpoint that holds this state was taken.
    pub after_record: u64,
    /// What the checkpoint policy has learnt.
    pub policy: Option<PolicyState>,
    /// What the guest computed with when the checkpoint that holds this state was taken.
    pub compute: Option<KeptCompute>,
}

/// A call to another actor whose result the guest does not have yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outgoing {
    pub target: ActorName,
    pub method: String,
    pub arguments: Parcel,
    /// The life of the actor that made it.
    pub life: u64,
    /// The result, once it is there.
    pub answer: Option<Result<Parcel, CallError>>,
    /// Whether the guest wants no result.
    pub abandoned: bool,
}

/// A message that the actor sends to itself later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timer {
    pub due_ns: u64,
    pub method: String,
    pub arguments: String,
}

/// A result that the caller may ask for again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredResult {
    pub key: CallKey,
    pub sequence: u64,
    /// When the call arrived.
    pub arrived_ns: u64,
    pub ending: Ending,
}

/// A message that had no effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The message's number.
    pub sequence: u64,
    /// When it arrived, in nanoseconds since 1970.
    pub arrived_ns: u64,
    /// The method.
    pub method: String,
    /// The beginning of the arguments, as JSON.
    pub arguments: String,
    /// Why.
    pub reason: String,
}

impl ActorState {
    /// The state of a new incarnation.
    pub(crate) fn new(spawned: Spawned) -> ActorState {
        ActorState {
            spawned,
            sequence: 0,
            random_position: 0,
            monotonic_ns: 0,
            calls_made: 0,
            outgoing: BTreeMap::new(),
            timers: BTreeMap::new(),
            objects: Vec::new(),
            results: VecDeque::new(),
            dead_letters: VecDeque::new(),
            checkpoints: VecDeque::new(),
            after_record: 0,
            policy: None,
            compute: None,
        }
    }

    /// Where the random numbers are.
    pub(crate) fn random(&self) -> RandomState {
        RandomState { seed: self.spawned.seed, position: self.random_position }
    }

    /// The time during a message. The monotonic clock goes on also where the machine's clock was set back.
    pub(crate) fn time_at(&mut self, now_ns: u64) -> LogicalTime {
        self.monotonic_ns = self.monotonic_ns.max(now_ns.saturating_sub(self.spawned.born_ns));
        LogicalTime { now_ns, monotonic_ns: self.monotonic_ns }
    }

    /// What every arrival changes, whatever becomes of it.
    pub(crate) fn arrived(&mut self, arrival: &Arrival) {
        self.sequence = arrival.sequence;
        self.calls_made = 0;
        match &arrival.origin {
            Origin::Timer { name, due_ns } if self.has_timer(name, *due_ns) => {
                self.timers.remove(name);
            }
            Origin::Call { key: CallKey::Actor { caller, life, .. }, acknowledged } => {
                self.results.retain(|result| match &result.key {
                    CallKey::Actor { caller: of, life: its, call } if of == caller => {
                        its > life || (its == life && call >= acknowledged)
                    }
                    _ => true,
                });
            }
            _ => {}
        }
    }

    /// What every end of a message changes.
    pub(crate) fn ended(&mut self, arrival: &Arrival, ending: &Ending) {
        if let Origin::Call { key, .. } = &arrival.origin {
            let (key, ending) = (key.clone(), ending.clone());
            self.keep(StoredResult { key, sequence: arrival.sequence, arrived_ns: arrival.now_ns, ending });
        }
        let reason = match ending {
            Ending::Value(_) => return,
            Ending::Fault(fault) => fault.clone(),
            Ending::Cancelled => "cancelled".to_owned(),
            Ending::DeadLetter { deaths } => format!("the process died {deaths} times during the message"),
        };
        let arguments = arrival.arguments.json.chars().take(DEAD_LETTER_BYTES_MAX / 4).collect();
        self.dead_letters.push_back(DeadLetter {
            sequence: arrival.sequence,
            arrived_ns: arrival.now_ns,
            method: arrival.method.clone(),
            arguments,
            reason,
        });
        if self.dead_letters.len() > DEAD_LETTERS_MAX {
            self.dead_letters.pop_front();
        }
    }

    /// The stored result of a call that was carried out before.
    pub(crate) fn stored(&self, key: &CallKey) -> Option<&StoredResult> {
        self.results.iter().rev().find(|result| result.key == *key)
    }

    /// The id of the next call to another actor. It names the message, so that a message that is undone or skipped
    /// never leaves an id to be used again.
    pub(crate) fn next_call(&mut self) -> Option<u64> {
        let call = self.sequence.checked_shl(CALL_BITS)? | self.calls_made;
        self.calls_made += 1;
        (self.calls_made < 1 << CALL_BITS).then_some(call)
    }

    /// The lowest id of a call whose result may still have to be asked for again. Those of the running message are
    /// among them: if the process dies now, the message is repeated with all its calls.
    pub(crate) fn acknowledged(&self) -> u64 {
        let running = self.sequence << CALL_BITS;
        self.outgoing.keys().next().map_or(running, |oldest| running.min(*oldest))
    }

    /// The objects that this state names.
    pub(crate) fn named_objects(&self) -> impl Iterator<Item = &ObjectName> {
        let outgoing = self.outgoing.values();
        let sent =
            outgoing.flat_map(|call| [Some(&call.arguments), call.answer.as_ref().and_then(|it| it.as_ref().ok())]);
        let results = self.results.iter().map(|result| match &result.ending {
            Ending::Value(result) => Some(result),
            _ => None,
        });
        let parcels = sent.chain(results).flatten();
        self.objects.iter().map(|held| &held.name).chain(parcels.flat_map(|parcel| &parcel.objects))
    }

    /// The chunks of these objects, each once.
    pub(crate) fn attachments(&self) -> Vec<Digest> {
        let compute = self.compute.iter().map(|compute| &compute.name);
        let chunks: BTreeSet<Digest> = self.named_objects().chain(compute).flat_map(ObjectName::digests).collect();
        chunks.into_iter().collect()
    }

    /// Whether there is this timer, due at this time.
    pub(crate) fn has_timer(&self, name: &str, due_ns: u64) -> bool {
        self.timers.get(name).is_some_and(|timer| timer.due_ns == due_ns)
    }

    /// The next timer: its name and when it is due.
    pub(crate) fn next_timer(&self) -> Option<(&String, &Timer)> {
        self.timers.iter().min_by_key(|(_, timer)| timer.due_ns)
    }

    /// When the host should look at the actor: when its next timer is due; at once if a call of its may not have
    /// reached its target.
    pub(crate) fn look_at_ns(&self) -> Option<u64> {
        if self.outgoing.values().any(|call| call.answer.is_none()) {
            return Some(0);
        }
        self.next_timer().map(|(_, timer)| timer.due_ns)
    }

    fn keep(&mut self, result: StoredResult) {
        // Whatever its size, a result is there for whoever asks at once again.
        let newest = result.sequence;
        let oldest_ns = result.arrived_ns.saturating_sub(RESULT_RETENTION.as_nanos() as u64);
        self.results.push_back(result);
        let is_client = |result: &StoredResult| matches!(result.key, CallKey::Client(_));
        let mut clients = self.results.iter().filter(|result| is_client(result)).count();
        let mut client_bytes: usize =
            self.results.iter().filter(|result| is_client(result)).map(StoredResult::bytes).sum();
        self.results.retain(|result| {
            let goes = result.sequence != newest
                && match is_client(result) {
                    true => clients > RESULTS_KEPT_MAX || client_bytes > RESULT_BYTES_KEPT_MAX,
                    false => result.arrived_ns < oldest_ns,
                };
            if goes && is_client(result) {
                clients -= 1;
                client_bytes -= result.bytes();
            }
            !goes
        });
    }
}

impl StoredResult {
    fn bytes(&self) -> usize {
        match &self.ending {
            Ending::Value(result) => result.size_bytes(),
            Ending::Fault(text) => text.len(),
            _ => 0,
        }
    }
}
