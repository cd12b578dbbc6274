//! Checkpoint policies on simulated failures: the runtime's own code ([`belljar_policy`]) on a clock that is only a
//! number, so that days of work and hundreds of failures pass in a second, and pass again just the same.
//!
//! [`Failures`] are traces of failures, [`Scenario`] the calls, checkpoints and restarts of an actor under such a
//! trace, [`simulate`] one run of one policy. [`best_interval`] finds by search the fixed interval that finishes first,
//! which is what every policy is measured against; [`compare`] puts it all together.

mod chart;
mod compare;
mod scenario;
mod search;
mod simulate;
mod table;
mod trace;

pub use chart::draw;
pub use compare::{Comparison, Row, compare};
pub use scenario::{Fate, Scenario, scenarios};
pub use search::{BestInterval, best_interval};
pub use simulate::{Outcome, TIME_MAX_FACTOR, simulate};
pub use table::print;
pub use trace::{Failures, Trace};
