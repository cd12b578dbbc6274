//! When to take a checkpoint of an actor. A checkpoint costs time; without one, a failure costs the work done since
//! the last. This crate weighs the two, and does nothing else: it reads no clock, starts no thread and touches no
//! file, so that the runtime and a simulator run the very same code.
//!
//! [`CheckpointPolicy`] is what a user chooses. [`PolicyState`] is what one actor's policy remembers: it is told of
//! every call, checkpoint, failure and restore, and answers every call with a [`Decision`] that carries its reason.
//!
//! ```
//! use std::time::Duration;
//! use belljar_policy::{CheckpointPolicy, Observation, PolicyState};
//!
//! let policy: CheckpointPolicy = "every=2".parse()?;
//! let mut state = PolicyState::new(policy);
//! let call = Observation { at_unix_ns: 0, work: Duration::from_millis(3) };
//! assert!(!state.after_call(call).take);
//! let decision = state.after_call(call);
//! assert!(decision.take);
//! assert_eq!(decision.reason.to_string(), "2 calls since the last checkpoint, which is due after 2");
//! # Ok::<(), belljar_policy::PolicyError>(())
//! ```

mod adaptive;
mod cost;
mod decision;
mod failures;
mod optimal;
mod policy;
mod state;

pub use adaptive::{AdaptiveController, THRESHOLD_MAX, THRESHOLD_MIN};
pub use cost::{COST_INITIAL, COST_OUTLIER_FACTOR, COST_WEIGHT};
pub use decision::{Decision, DecisionRecord, Reason};
pub use failures::FAILURES_REMEMBERED_MAX;
pub use optimal::daly_interval_s;
pub use policy::{AdaptiveOptions, CheckpointPolicy, OptimalOptions, POLICY_FORMS, PolicyError};
pub use state::{Observation, PolicyState};
