//! What a policy decided, and why. Every decision can be logged, also those not to take a checkpoint: afterwards,
//! nobody else could say what the policy knew at that moment.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether to take a checkpoint now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Whether to take one.
    pub take: bool,
    /// What that rests on.
    pub reason: Reason,
}

impl Decision {
    /// The decision as it is logged, for this call at this time (nanoseconds since 1970).
    pub fn record(self, task: impl Into<String>, at_unix_ns: u64) -> DecisionRecord {
        DecisionRecord { task: task.into(), at_unix_ns, take: self.take, reason: self.reason }
    }
}

/// One line of the log of decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// What had just ended: an actor and its method, say.
    pub task: String,
    /// When, in nanoseconds since 1970.
    pub at_unix_ns: u64,
    /// Whether a checkpoint was to be taken.
    pub take: bool,
    /// What that rested on.
    #[serde(flatten)]
    pub reason: Reason,
}

/// What a decision rests on: the policy with the figures that it compared. Times ending in `_s` are in seconds.
/// Displayed, it is half a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// There are no checkpoints.
    Never,
    /// Calls are counted.
    Every {
        /// Calls since the last checkpoint, this one included.
        calls: u64,
        /// How many make a checkpoint due.
        due_calls: u64,
    },
    /// Time is measured.
    Interval {
        /// Time since the last checkpoint or restore.
        elapsed_s: f64,
        /// How much makes a checkpoint due.
        due_s: f64,
    },
    /// The adaptive controller, with its figures from before the decision.
    Adaptive {
        /// What a checkpoint will probably cost.
        estimated_cost_s: f64,
        /// The longest call so far.
        max_seen_s: f64,
        /// The share of the longest call from which on a checkpoint is taken.
        threshold: f64,
        /// Checkpoints taken of the budget.
        used: u64,
        /// Checkpoints that may be taken in all.
        budget: u64,
    },
    /// The optimal policy.
    Optimal {
        /// What a checkpoint will probably cost.
        estimated_cost_s: f64,
        /// The mean time to a failure, at the danger of this moment.
        failure_interval_s: f64,
        /// Daly's interval for these two.
        interval_s: f64,
        /// Work since the last checkpoint, which a failure would cost.
        unsaved_s: f64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("the policy takes no checkpoints"),
            Self::Every { calls, due_calls } => {
                write!(f, "{calls} calls since the last checkpoint, which is due after {due_calls}")
            }
            Self::Interval { elapsed_s, due_s } => {
                write!(f, "{elapsed_s:.3} s since the last checkpoint, which is due after {due_s:.3} s")
            }
            Self::Adaptive { used, budget, .. } if used >= budget => {
                write!(f, "the budget of {budget} checkpoints is used up")
            }
            Self::Adaptive { estimated_cost_s, max_seen_s, threshold, .. } => write!(
                f,
                "a checkpoint costs {estimated_cost_s:.6} s, the longest call took {max_seen_s:.6} s, and the \
                 threshold for their ratio is {threshold:.6}"
            ),
            Self::Optimal { estimated_cost_s, failure_interval_s, interval_s, unsaved_s } => write!(
                f,
                "{unsaved_s:.6} s of work are not saved; with checkpoints of {estimated_cost_s:.6} s and a failure \
                 every {failure_interval_s:.3} s, {interval_s:.6} s are best"
            ),
        }
    }
}
