use std::path::Path;

use belljar_policy::{CheckpointPolicy, PolicyState};
use proptest::prelude::*;

use super::super::compute::KeptCompute;
use super::super::objects::HeldName;
use super::super::state::{ActorState, DeadLetter, Outgoing, StoredResult, Timer};
use super::*;

/// The bytes of this file. A change of what is written, or of what can be read, fails here; it takes a new format, and
/// the old files stay. `BELLJAR_WRITE_GOLDEN=1 cargo test -p belljar golden` writes files that are not there yet.
fn golden(name: &str, write: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BELLJAR_WRITE_GOLDEN").is_some() && !path.exists() {
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).unwrap();
        std::fs::write(&path, write()).unwrap();
    }
    std::fs::read(path).unwrap()
}

fn assert_golden<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, record: &T) {
    let written = golden(name, || encode(record));
    assert_eq!(decode::<T>(&written).unwrap(), *record, "{name}");
    assert_eq!(encode(record), written, "{name}");
}

fn name(text: &str) -> ActorName {
    text.parse().unwrap()
}

fn object() -> ObjectName {
    ObjectName { size_bytes: 70_000, chunks: vec![[1; 32], [2; 32]] }
}

fn parcel() -> Parcel {
    let mut parcel = Parcel::json(r#"["a",5]"#);
    parcel.objects.push(object());
    parcel
}

fn call_key() -> CallKey {
    CallKey::Actor { caller: name("a"), life: 2, call: 9 }
}

fn arrival() -> Arrival {
    Arrival {
        sequence: 7,
        origin: Origin::Call { key: call_key(), acknowledged: 4 },
        method: "add".to_owned(),
        arguments: parcel(),
        now_ns: u64::MAX,
    }
}

fn spawned() -> Spawned {
    Spawned {
        name: name("visits"),
        plugin: "counter".to_owned(),
        component: [3; 32],
        settings: "{}".to_owned(),
        incarnation: 2,
        born_ns: 1_700_000_000_000_000_000,
        seed: [4; 32],
    }
}

fn state() -> ActorState {
    let mut state = ActorState::new(spawned());
    (state.sequence, state.random_position, state.monotonic_ns) = (7, u128::from(u64::MAX) + 1, 300);
    (state.calls_made, state.after_record) = (2, 40);
    let outgoing = Outgoing {
        target: name("b"),
        method: "get".to_owned(),
        arguments: parcel(),
        life: 3,
        answer: Some(Err(CallError::Cancelled)),
        abandoned: true,
    };
    state.outgoing.insert(7 << 20, outgoing);
    let timer = Timer { due_ns: 500, method: "tick".to_owned(), arguments: "[]".to_owned() };
    state.timers.insert("tick".to_owned(), timer);
    state.objects.push(HeldName { name: object(), times: 2, is_own: true });
    let ending = Ending::Value(parcel());
    state.results.push_back(StoredResult { key: call_key(), sequence: 6, arrived_ns: 200, ending });
    state.dead_letters.push_back(DeadLetter {
        sequence: 5,
        arrived_ns: 100,
        method: "add".to_owned(),
        arguments: "[1]".to_owned(),
        reason: "cancelled".to_owned(),
    });
    let kept = super::super::checkpoints::Kept { generation: 3, after_record: 40, needs_from: 20 };
    state.checkpoints.push_back(kept);
    state.policy = Some(PolicyState::new(CheckpointPolicy::Every { calls: 5 }));
    state.compute = Some(KeptCompute { name: object(), at_hand: None });
    state
}

#[test]
fn golden_records() {
    assert_golden("spawn.v1", &spawned());
    assert_golden("arrival.v1", &arrival());
    let timer = Origin::Timer { name: "tick".to_owned(), due_ns: 500 };
    assert_golden("arrival-timer.v1", &Arrival { origin: timer, ..arrival() });
    let get = HostAnswer::Get(9, Ok(parcel()));
    assert_golden("host-result-get.v1", &HostResult { sequence: 7, result: get });
    let wait = HostAnswer::Wait(vec![9, 300]);
    assert_golden("host-result-wait.v1", &HostResult { sequence: 7, result: wait });
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    let http = HostAnswer::Http(Ok(Response { status: 200, headers, body: object() }));
    assert_golden("host-result-http.v1", &HostResult { sequence: 7, result: http });
    let refused = HostAnswer::Http(Err(HttpError::Timeout(1_000)));
    assert_golden("host-result-http-error.v1", &HostResult { sequence: 7, result: refused });
    assert_golden("outcome.v1", &Outcome { sequence: 7, ending: Ending::Value(parcel()) });
    assert_golden("outcome-dead-letter.v1", &Outcome { sequence: 7, ending: Ending::DeadLetter { deaths: 4 } });
    assert_golden("attempt.v1", &Attempt { sequence: 7, deaths: 2 });
    assert_golden("note.v1", &Note::Settled { call: 300 });
}

/// The state was one field shorter in its first format, which is read still.
#[test]
fn golden_states() {
    let first = golden("host-state.v1", || unreachable!("nothing writes it any more"));
    assert_eq!(decode_state(&first).unwrap(), ActorState { compute: None, ..state() });
    let second = golden("host-state.v2", || encode_state(&state()));
    assert_eq!(encode_state(&state()), second);
    assert_eq!(decode_state(&second).unwrap(), state());
}

#[test]
fn another_format_is_told_apart() {
    let mut bytes = encode(&arrival());
    bytes[0] = 2;
    let error = decode::<Arrival>(&bytes).unwrap_err();
    assert!(matches!(error, StoreError::CheckpointVersion { found: 2, supported: 1, .. }), "{error}");
    assert!(matches!(decode::<Arrival>(&[]), Err(StoreError::CheckpointDamaged { .. })));
}

#[test]
fn the_chunks_of_a_record_are_those_of_its_objects() {
    let chunks: Vec<_> = object().digests().collect();
    assert_eq!(chunks_of(RecordKind::Arrival, &encode(&arrival())).unwrap(), chunks);
    let outcome = Outcome { sequence: 7, ending: Ending::Value(parcel()) };
    assert_eq!(chunks_of(RecordKind::Outcome, &encode(&outcome)).unwrap(), chunks);
    let get = HostResult { sequence: 7, result: HostAnswer::Get(9, Ok(parcel())) };
    assert_eq!(chunks_of(RecordKind::HostResult, &encode(&get)).unwrap(), chunks);
    assert!(chunks_of(RecordKind::Note, &encode(&Note::Status)).unwrap().is_empty());
    assert!(chunks_of(RecordKind::Outcome, b"").is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_an_error(mut bytes: Vec<u8>, has_format: bool) {
        if has_format {
            bytes.insert(0, RECORD_FORMAT);
        }
        decode::<Arrival>(&bytes).ok();
        decode::<Outcome>(&bytes).ok();
        decode::<HostResult>(&bytes).ok();
        decode::<Spawned>(&bytes).ok();
        decode_state(&bytes).ok();
    }
}
