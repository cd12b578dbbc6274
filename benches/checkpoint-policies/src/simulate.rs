//! One run of one policy. Time passes only where the run says so, and stops at the next failure.
//!
//! As in the runtime, a failure throws the actor back to its last checkpoint, and the policy to what was written down
//! of it, which happens with each checkpoint and at the end of each recovery. Of the work since, it is told the calls
//! that had ended, which a journal knows; not how far the last one had come.

use std::iter::Peekable;
use std::time::Duration;

use belljar_policy::{CheckpointPolicy, Observation, PolicyState};
use serde::Serialize;

use crate::scenario::Fate;
use crate::trace::Trace;

/// A run that takes this many times as long as its work would take undisturbed is given up.
pub const TIME_MAX_FACTOR: f64 = 5.0;

/// What became of a run. `time_s` is the sum of the work done and of the three times below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Whether the work was finished, and not given up after [`TIME_MAX_FACTOR`].
    pub finished: bool,
    /// From the start to the end, in seconds.
    pub time_s: f64,
    /// The work that was to be done, in seconds.
    pub work_s: f64,
    /// Checkpoints taken.
    pub checkpoints: u64,
    /// Time for checkpoints, in seconds.
    pub checkpoint_s: f64,
    /// Failures met.
    pub failures: u64,
    /// Time for restarts, in seconds.
    pub restart_s: f64,
    /// Time for work, and for checkpoints, that a failure undid, in seconds.
    pub lost_s: f64,
}

/// Lets the policy guard the work from the failures.
pub fn simulate(fate: &Fate, policy: CheckpointPolicy) -> Outcome {
    let scenario = fate.scenario();
    let work_s: f64 = fate.calls_s().iter().sum();
    let mut costs_s = fate.costs_s();
    let mut actor = Actor::new(PolicyState::new(policy), fate);
    // The checkpoint that every actor begins with; it costs every policy the same.
    actor.policy.checkpoint_taken(0, seconds(scenario.cost_s));
    while let Some(&call_s) = fate.calls_s().get(actor.done) {
        if actor.clock_s > TIME_MAX_FACTOR * work_s {
            break;
        }
        let progress = actor.done as f64 / fate.calls_s().len() as f64;
        let growth = 1.0 + progress * (scenario.cost_growth - 1.0);
        if !actor.call(call_s, || growth * costs_s.next().unwrap_or(0.0)) {
            actor.recover();
        }
    }
    let lost_s = actor.clock_s - actor.saved_s - actor.unsaved_s - actor.checkpoint_s - actor.restart_s;
    Outcome {
        finished: actor.done == fate.calls_s().len(),
        time_s: actor.clock_s,
        work_s,
        checkpoints: actor.checkpoints,
        checkpoint_s: actor.checkpoint_s,
        failures: actor.failures,
        restart_s: actor.restart_s,
        lost_s,
    }
}

/// The actor, its policy, and the failures that are still to come.
struct Actor {
    trace: Peekable<Trace>,
    restart_cost_s: f64,
    clock_s: f64,
    policy: PolicyState,
    written: PolicyState,
    /// Calls that ended; of these, calls that are in the checkpoint.
    done: usize,
    saved: usize,
    saved_s: f64,
    unsaved_s: f64,
    checkpoints: u64,
    checkpoint_s: f64,
    failures: u64,
    restart_s: f64,
}

impl Actor {
    fn new(policy: PolicyState, fate: &Fate) -> Self {
        Self {
            trace: fate.failures().peekable(),
            restart_cost_s: fate.scenario().restart_s,
            clock_s: 0.0,
            written: policy.clone(),
            policy,
            done: 0,
            saved: 0,
            saved_s: 0.0,
            unsaved_s: 0.0,
            checkpoints: 0,
            checkpoint_s: 0.0,
            failures: 0,
            restart_s: 0.0,
        }
    }

    /// Lets time pass, up to the next failure at most. Says whether there was none.
    fn pass(&mut self, time_s: f64) -> bool {
        let end_s = self.clock_s + time_s;
        let failure_s = self.trace.next_if(|&at_s| at_s < end_s);
        self.clock_s = failure_s.unwrap_or(end_s);
        self.failures += u64::from(failure_s.is_some());
        failure_s.is_none()
    }

    /// Makes a call, and takes a checkpoint if the policy says so. Says whether both survived.
    fn call(&mut self, call_s: f64, cost_s: impl FnOnce() -> f64) -> bool {
        if !self.pass(call_s) {
            return false;
        }
        self.done += 1;
        self.unsaved_s += call_s;
        let observation = Observation { at_unix_ns: nanos(self.clock_s), work: seconds(call_s) };
        !self.policy.after_call(observation).take || self.checkpoint(cost_s())
    }

    fn checkpoint(&mut self, cost_s: f64) -> bool {
        if !self.pass(cost_s) {
            return false;
        }
        self.policy.checkpoint_taken(nanos(self.clock_s), seconds(cost_s));
        self.written = self.policy.clone();
        self.checkpoints += 1;
        self.checkpoint_s += cost_s;
        self.saved_s += std::mem::take(&mut self.unsaved_s);
        self.saved = self.done;
        true
    }

    /// Restarts until a restart survives.
    fn recover(&mut self) {
        self.policy = self.written.clone();
        self.policy.failure(seconds(std::mem::take(&mut self.unsaved_s)));
        self.done = self.saved;
        let began_s = self.clock_s;
        while !self.pass(self.restart_cost_s) {
            self.policy.failure(Duration::ZERO);
        }
        self.restart_s += self.clock_s - began_s;
        self.policy.restored(nanos(self.clock_s), seconds(self.saved_s), seconds(self.restart_cost_s));
        self.written = self.policy.clone();
    }
}

fn seconds(time_s: f64) -> Duration {
    Duration::from_secs_f64(time_s)
}

fn nanos(time_s: f64) -> u64 {
    (time_s * 1e9) as u64
}
