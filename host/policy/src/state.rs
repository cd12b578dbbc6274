//! What one actor's policy remembers, and the events it is told of.
//!
//! A failure must not make a policy forget failures, or an actor that never reaches its first checkpoint would meet
//! each one as the first. So the state is to be written down with each checkpoint *and at the end of each recovery*,
//! apart from the actor's memory, which goes back to an older one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::adaptive::AdaptiveController;
use crate::cost::CheckpointCost;
use crate::decision::{Decision, Reason};
use crate::optimal::Optimal;
use crate::policy::CheckpointPolicy;

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the call ended, in nanoseconds since 1970.
    pub at_unix_ns: u64,
    /// How long it ran. Time that the actor was idle before it does not count.
    pub work: Duration,
}

/// The state of one actor's policy: under 200 bytes when written, whatever happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyState {
    policy: CheckpointPolicy,
    cost: CheckpointCost,
    memory: Memory,
}

/// What the chosen policy keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Memory {
    Never,
    Every { calls: u64, due_calls: u64 },
    Interval { since_unix_ns: Option<u64>, due: Duration },
    Adaptive(AdaptiveController),
    Optimal(Box<Optimal>),
}

impl PolicyState {
    /// The state of an actor that has just been spawned.
    pub fn new(policy: CheckpointPolicy) -> Self {
        let memory = match policy {
            CheckpointPolicy::Never => Memory::Never,
            CheckpointPolicy::Every { calls } => Memory::Every { calls: 0, due_calls: calls },
            CheckpointPolicy::Interval { every } => Memory::Interval { since_unix_ns: None, due: every },
            CheckpointPolicy::Adaptive(options) => Memory::Adaptive(AdaptiveController::new(options)),
            CheckpointPolicy::Optimal(options) => Memory::Optimal(Box::new(Optimal::new(options))),
        };
        Self { policy, cost: CheckpointCost::default(), memory }
    }

    /// The policy that was chosen.
    pub fn policy(&self) -> CheckpointPolicy {
        self.policy
    }

    /// What the next checkpoint will probably cost, from those that were measured.
    pub fn estimated_cost(&self) -> Duration {
        Duration::try_from_secs_f64(self.cost.estimate_s()).unwrap_or(Duration::MAX)
    }

    /// A call has ended, and a checkpoint could be taken. Calls that recovery executes again are reported like any
    /// other. If the checkpoint that is asked for fails, the next call's decision asks again (but for the adaptive
    /// policy, which has spent its budget).
    pub fn after_call(&mut self, call: Observation) -> Decision {
        let estimated_cost_s = self.cost.estimate_s();
        match &mut self.memory {
            Memory::Never => Decision { take: false, reason: Reason::Never },
            Memory::Every { calls, due_calls } => {
                *calls = calls.saturating_add(1);
                Decision { take: *calls >= *due_calls, reason: Reason::Every { calls: *calls, due_calls: *due_calls } }
            }
            Memory::Interval { since_unix_ns, due } => {
                let started_unix_ns = call.at_unix_ns.saturating_sub(nanos(call.work));
                let since = since_unix_ns.get_or_insert(started_unix_ns);
                // A clock that was set back would put off the next checkpoint by as much.
                *since = (*since).min(call.at_unix_ns);
                let elapsed = Duration::from_nanos(call.at_unix_ns - *since);
                let reason = Reason::Interval { elapsed_s: elapsed.as_secs_f64(), due_s: due.as_secs_f64() };
                Decision { take: elapsed >= *due, reason }
            }
            Memory::Adaptive(controller) => {
                controller.observe(call.work.as_secs_f64());
                let reason = Reason::Adaptive {
                    estimated_cost_s,
                    max_seen_s: controller.max_seen_s(),
                    threshold: controller.threshold(),
                    used: controller.used(),
                    budget: controller.budget(),
                };
                Decision { take: controller.should(estimated_cost_s), reason }
            }
            Memory::Optimal(optimal) => {
                let (take, assessment) = optimal.after_call(call.work.as_secs_f64(), estimated_cost_s);
                let reason = Reason::Optimal {
                    estimated_cost_s,
                    failure_interval_s: assessment.failure_interval_s,
                    interval_s: assessment.interval_s,
                    unsaved_s: assessment.unsaved_s,
                };
                Decision { take, reason }
            }
        }
    }

    /// A checkpoint was taken, on the policy's advice or anyone else's, and cost so much of the actor's time. The
    /// first one, of a newly spawned actor, is reported too: it is the first measurement of the cost.
    pub fn checkpoint_taken(&mut self, at_unix_ns: u64, cost: Duration) {
        self.cost.measured(cost);
        match &mut self.memory {
            Memory::Never | Memory::Adaptive(_) => {}
            Memory::Every { calls, .. } => *calls = 0,
            Memory::Interval { since_unix_ns, .. } => *since_unix_ns = Some(at_unix_ns),
            Memory::Optimal(optimal) => optimal.checkpoint_taken(cost.as_secs_f64()),
        }
    }

    /// The actor failed: a trap, a deadline, the death of the process. `unreported` is the work since the last event
    /// that this state knows of, as far as anything is known of it; zero errs towards more checkpoints.
    pub fn failure(&mut self, unreported: Duration) {
        if let Memory::Optimal(optimal) = &mut self.memory {
            optimal.failure(unreported.as_secs_f64());
        }
    }

    /// The actor is back at its last checkpoint. `saved` is the work that the checkpoint spared, `overhead` what
    /// getting it back cost, without the calls that are executed again.
    pub fn restored(&mut self, at_unix_ns: u64, saved: Duration, overhead: Duration) {
        match &mut self.memory {
            Memory::Never => {}
            Memory::Every { calls, .. } => *calls = 0,
            Memory::Interval { since_unix_ns, .. } => *since_unix_ns = Some(at_unix_ns),
            Memory::Adaptive(controller) => controller.adjust(saved.as_secs_f64(), overhead.as_secs_f64()),
            Memory::Optimal(optimal) => optimal.restored(overhead.as_secs_f64()),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
