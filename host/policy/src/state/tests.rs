//! The life of an actor as its policy sees it.

use proptest::prelude::*;

use super::*;
use crate::{AdaptiveOptions, DecisionRecord};

const SECOND_NS: u64 = 1_000_000_000;

fn state(policy: &str) -> PolicyState {
    PolicyState::new(policy.parse().expect(policy))
}

fn call(end_s: u64, work_s: u64) -> Observation {
    Observation { at_unix_ns: end_s * SECOND_NS, work: Duration::from_secs(work_s) }
}

#[test]
fn never_is_never() {
    let mut state = state("never");
    assert!((0..1_000).all(|end_s| !state.after_call(call(end_s, 1)).take));
}

#[test]
fn every_third_call_is_counted_from_the_last_checkpoint() {
    let mut state = state("every=3");
    let taken: Vec<bool> = (0..7)
        .map(|end_s| {
            let take = state.after_call(call(end_s, 1)).take;
            if take {
                state.checkpoint_taken(end_s * SECOND_NS, Duration::ZERO);
            }
            take
        })
        .collect();
    assert_eq!(taken, [false, false, true, false, false, true, false]);
}

#[test]
fn a_checkpoint_that_failed_is_asked_for_again() {
    let mut state = state("every=2");
    assert!(!state.after_call(call(1, 1)).take);
    assert!(state.after_call(call(2, 1)).take);
    assert!(state.after_call(call(3, 1)).take);
}

#[test]
fn an_interval_runs_from_the_first_call_the_last_checkpoint_or_the_restore() {
    let mut state = state("interval=10s");
    assert!(!state.after_call(call(105, 5)).take);
    assert!(state.after_call(call(110, 2)).take);
    state.checkpoint_taken(111 * SECOND_NS, Duration::from_secs(1));
    assert!(!state.after_call(call(120, 2)).take);
    state.restored(130 * SECOND_NS, Duration::ZERO, Duration::ZERO);
    assert!(!state.after_call(call(139, 2)).take);
    assert!(state.after_call(call(140, 1)).take);
}

#[test]
fn a_clock_that_was_set_back_does_not_put_off_checkpoints_for_ever() {
    let mut state = state("interval=10s");
    state.checkpoint_taken(1_000_000 * SECOND_NS, Duration::ZERO);
    assert!(!state.after_call(call(50, 1)).take);
    assert!(state.after_call(call(60, 1)).take);
}

#[test]
fn adaptive_weighs_the_measured_cost_against_the_longest_call() {
    let mut state = state("adaptive");
    state.checkpoint_taken(0, Duration::from_secs(1));
    let refused = state.after_call(call(10, 10));
    assert!(!refused.take, "1 s is less than 0.35 of 10 s");
    assert_eq!(
        refused.reason,
        Reason::Adaptive { estimated_cost_s: 1.0, max_seen_s: 10.0, threshold: 0.35, used: 0, budget: 3 }
    );
    (0..20).for_each(|_| state.checkpoint_taken(0, Duration::from_secs(4)));
    assert!(state.after_call(call(11, 1)).take, "4 s is more than 0.35 of 10 s");
}

#[test]
fn adaptive_learns_from_a_restore() {
    let options = AdaptiveOptions { threshold: 0.4, ..AdaptiveOptions::default() };
    let mut state = PolicyState::new(CheckpointPolicy::Adaptive(options));
    state.restored(0, Duration::from_millis(600), Duration::from_millis(100));
    let Reason::Adaptive { threshold, .. } = state.after_call(call(1, 1)).reason else { panic!("another policy") };
    assert!((threshold - 0.366_667).abs() < 5e-7, "{threshold}");
}

#[test]
fn an_actor_that_dies_before_its_first_checkpoint_learns_to_take_one_sooner() {
    let mut state = state("optimal");
    state.checkpoint_taken(0, Duration::from_secs(1));
    let mut lives = 0;
    // It dies after every hundred calls, and only what is written at the end of recovery is left of its policy.
    while !(0..100).any(|end_s| state.after_call(call(end_s, 1)).take) {
        let mut written = state.clone();
        written.failure(Duration::ZERO);
        written.restored(100 * SECOND_NS, Duration::ZERO, Duration::from_secs(1));
        state = written;
        lives += 1;
        assert!(lives < 3, "it would never get past its hundredth call");
    }
}

#[test]
fn a_decision_is_logged_with_its_figures() {
    let mut state = state("adaptive");
    let record = state.after_call(call(7, 2)).record("game.step", 7 * SECOND_NS);
    let json = serde_json::to_value(&record).expect("JSON");
    let golden = serde_json::json!({
        "task": "game.step", "at_unix_ns": 7_000_000_000_u64, "take": false, "policy": "adaptive",
        "estimated_cost_s": 0.001, "max_seen_s": 2.0, "threshold": 0.35, "used": 0, "budget": 3,
    });
    assert_eq!(json, golden);
    assert_eq!(serde_json::from_value::<DecisionRecord>(json).expect("a record"), record);
}

/// What can happen to an actor.
#[derive(Clone, Copy, Debug)]
enum Event {
    Call { at: u64, work: u64 },
    Checkpoint { at: u64, cost: u64 },
    Failure { unreported: u64 },
    Restored { at: u64, saved: u64, overhead: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let number = || prop_oneof![Just(0), 0..1_000_000_000_000_u64, any::<u64>()];
    prop_oneof![
        (number(), number()).prop_map(|(at, work)| Event::Call { at, work }),
        (number(), number()).prop_map(|(at, cost)| Event::Checkpoint { at, cost }),
        number().prop_map(|unreported| Event::Failure { unreported }),
        (number(), number(), number()).prop_map(|(at, saved, overhead)| Event::Restored { at, saved, overhead }),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_state_stays_small_and_continues_the_same_after_writing_and_reading_it(
        policy in prop_oneof![Just("never"), Just("every=3"), Just("interval=1s"), Just("adaptive"), Just("optimal")],
        events in proptest::collection::vec(event(), 0..100),
    ) {
        let ns = Duration::from_nanos;
        let mut kept = state(policy);
        for event in events {
            let bytes = postcard::to_allocvec(&kept).expect("bytes");
            prop_assert!(bytes.len() <= 192, "{} bytes", bytes.len());
            let mut read: PolicyState = postcard::from_bytes(&bytes).expect("a state");
            for state in [&mut kept, &mut read] {
                match event {
                    Event::Call { at, work } => drop(state.after_call(Observation { at_unix_ns: at, work: ns(work) })),
                    Event::Checkpoint { at, cost } => state.checkpoint_taken(at, ns(cost)),
                    Event::Failure { unreported } => state.failure(ns(unreported)),
                    Event::Restored { at, saved, overhead } => state.restored(at, ns(saved), ns(overhead)),
                }
            }
            prop_assert_eq!(&kept, &read);
        }
        let last = Observation { at_unix_ns: 1, work: ns(1) };
        let json = serde_json::to_string(&kept.after_call(last).record("any", 1)).expect("JSON");
        prop_assert!(!json.contains("null"), "a figure is not finite: {}", json);
    }
}
