//! The policy that costs the least. For failures without memory, one a mean time M, and checkpoints that cost δ, the
//! work between two checkpoints should take √(2δM) (Young 1974), or more exactly the interval of Daly 2006.
//!
//! Checkpoints can only be taken where a call ends, and the danger changes with time. So the question after each call
//! is whether now or after the next call is the better time. Per second of work, checkpoints at intervals of w cost
//! δ/w + w/2M. With w the work that is not saved and c the length of the next call, now is better when
//! w · (w + c) ≥ 2δM: short calls are cut at the interval, and a long one is cut before or after it, whichever costs
//! less. For 2δM stands the square of Daly's interval, and for M the time to a failure at the danger of the next call.
//! That the density of checkpoints follows the danger of the moment is optimal to first order (Y. Ling, J. Mi, X. Lin,
//! "A variational calculus approach to optimal checkpoint placement", IEEE Transactions on Computers 50, 2001).

use serde::{Deserialize, Serialize};

use crate::failures::FailureHistory;
use crate::policy::OptimalOptions;

/// The interval between two checkpoints that costs the least, in seconds of work, for checkpoints that cost `cost_s`
/// and one failure per `failure_interval_s` on average, at any time equally likely.
///
/// J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", Future Generation
/// Computer Systems 22 (2006), equation 37. The time that a restart takes cancels out.
pub fn daly_interval_s(cost_s: f64, failure_interval_s: f64) -> f64 {
    if cost_s >= 2.0 * failure_interval_s {
        return failure_interval_s;
    }
    let ratio = cost_s / (2.0 * failure_interval_s);
    (2.0 * cost_s * failure_interval_s).sqrt() * (1.0 + ratio.sqrt() / 3.0 + ratio / 9.0) - cost_s
}

/// Estimates are renewed whenever work grew by this share of the interval, or of the time since the last failure:
/// often enough to be in time, and a call of a microsecond does not pay for a dozen logarithms.
const LOOK_SHARE: f64 = 1.0 / 64.0;

/// The hazard is looked at over at least this share of the time since the last failure.
const HORIZON_SHARE: f64 = 1e-6;

/// The longest time to a failure that is believed in, some 30,000 years.
const FAILURE_INTERVAL_MAX_S: f64 = 1e12;

/// The weight of the newest call in the mean length of a call.
const CALL_WEIGHT: f64 = 1.0 / 16.0;

/// What the optimal policy knows of one actor. Times are in seconds of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Optimal {
    failures: FailureHistory,
    call_s: Option<f64>,
    unsaved_s: f64,
    /// The part of `unsaved_s` that `failures` does not know of yet.
    unlooked_s: f64,
    last: Assessment,
}

/// What a decision rests on. Times are in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Assessment {
    pub(crate) failure_interval_s: f64,
    pub(crate) interval_s: f64,
    pub(crate) unsaved_s: f64,
}

impl Optimal {
    pub(crate) fn new(options: OptimalOptions) -> Self {
        Self {
            failures: FailureHistory::new(options.failure_interval.as_secs_f64()),
            call_s: None,
            unsaved_s: 0.0,
            unlooked_s: 0.0,
            last: Assessment::default(),
        }
    }

    /// Whether a checkpoint that costs so much should be taken at the end of a call that took `work_s`.
    pub(crate) fn after_call(&mut self, work_s: f64, cost_s: f64) -> (bool, Assessment) {
        let call_s = *self.call_s.get_or_insert(work_s);
        self.call_s = Some(call_s + CALL_WEIGHT * (work_s - call_s));
        self.unsaved_s += work_s;
        self.unlooked_s += work_s;
        let step_s = LOOK_SHARE * self.last.interval_s.min(self.failures.age_s());
        let due = self.unlooked_s >= step_s && self.look(cost_s, call_s.max(step_s));
        (due, Assessment { unsaved_s: self.unsaved_s, ..self.last })
    }

    /// Estimates the interval for a next call of `ahead_s`, and says whether now is the better time.
    fn look(&mut self, cost_s: f64, ahead_s: f64) -> bool {
        self.catch_up();
        if ahead_s <= 0.0 {
            return false;
        }
        // Over a stretch that vanishes beside the age, the hazard would be lost in rounding.
        let horizon_s = ahead_s.max(HORIZON_SHARE * self.failures.age_s());
        let failure_interval_s = (horizon_s / self.failures.expected(horizon_s)).min(FAILURE_INTERVAL_MAX_S);
        let interval_s = daly_interval_s(cost_s, failure_interval_s);
        self.last = Assessment { failure_interval_s, interval_s, ..self.last };
        self.unsaved_s * (self.unsaved_s + ahead_s) >= interval_s * interval_s
    }

    /// Everything up to now is saved, at this cost.
    pub(crate) fn checkpoint_taken(&mut self, cost_s: f64) {
        self.catch_up();
        self.failures.survived(cost_s);
        self.unsaved_s = 0.0;
    }

    /// A failure, after work that was not reported.
    pub(crate) fn failure(&mut self, unreported_s: f64) {
        self.catch_up();
        self.failures.survived(unreported_s);
        self.failures.failed();
        self.unsaved_s = 0.0;
    }

    /// Recovery took so long, and could have failed too.
    pub(crate) fn restored(&mut self, overhead_s: f64) {
        self.catch_up();
        self.failures.survived(overhead_s);
        self.unsaved_s = 0.0;
    }

    fn catch_up(&mut self) {
        self.failures.survived(std::mem::take(&mut self.unlooked_s));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy that knows of failures without memory, one per `failure_interval_s` of work. That is much longer than
    /// a test, so that nothing changes its mind.
    fn settled(failure_interval_s: f64) -> Optimal {
        Optimal { failures: FailureHistory::memoryless(failure_interval_s), ..Optimal::new(OptimalOptions::default()) }
    }

    /// Work until a checkpoint is due, with calls of one length.
    fn work_until_due_s(optimal: &mut Optimal, call_s: f64, cost_s: f64) -> f64 {
        let mut work_s = 0.0;
        loop {
            work_s += call_s;
            if optimal.after_call(call_s, cost_s).0 {
                optimal.checkpoint_taken(cost_s);
                return work_s;
            }
        }
    }

    #[test]
    fn dalys_formula_gives_what_it_gives() {
        // By hand: sqrt(2·5·1000) = 100, ratio 0.0025, 100·(1 + 0.05/3 + 0.0025/9) − 5.
        assert!((daly_interval_s(5.0, 1_000.0) - 96.694_444).abs() < 1e-6);
        assert_eq!(daly_interval_s(20.0, 10.0), 10.0);
        assert_eq!(daly_interval_s(25.0, 10.0), 10.0);
        assert_eq!(daly_interval_s(0.0, 10.0), 0.0);
    }

    #[test]
    fn dalys_interval_costs_the_least_by_the_exact_model() {
        // Time to finish per second of work, exponential failures (Daly 2006, without restart time).
        let exact = |interval_s: f64, cost_s: f64, mean_s: f64| {
            mean_s * (((interval_s + cost_s) / mean_s).exp() - 1.0) / interval_s
        };
        for (cost_s, mean_s) in [(1.0, 10_000.0), (5.0, 600.0), (30.0, 300.0), (100.0, 100.0)] {
            let daly_s = daly_interval_s(cost_s, mean_s);
            let least =
                (1..2_000).map(|i| exact(mean_s * f64::from(i) * 2e-3, cost_s, mean_s)).fold(f64::MAX, f64::min);
            assert!(exact(daly_s, cost_s, mean_s) < 1.001 * least, "{cost_s} {mean_s}");
        }
    }

    #[test]
    fn short_calls_are_cut_at_dalys_interval() {
        let mut optimal = settled(1e6);
        let work_s = work_until_due_s(&mut optimal, 0.01, 5.0);
        assert!((work_s / daly_interval_s(5.0, 1e6) - 1.0).abs() < 0.02, "{work_s}");
    }

    #[test]
    fn long_calls_are_cut_before_or_after_whichever_is_nearer() {
        let interval_s = daly_interval_s(5.0, 1e6);
        for (share, calls) in [(2.0, 1.0), (0.8, 1.0), (0.6, 2.0), (0.4, 3.0), (0.3, 3.0)] {
            let call_s = share * interval_s;
            let work_s = work_until_due_s(&mut settled(1e6), call_s, 5.0);
            assert_eq!((work_s / call_s).round(), calls, "calls of {share} intervals");
        }
    }

    #[test]
    fn dearer_checkpoints_are_taken_less_often() {
        let mut optimal = settled(1e6);
        let cheap_s = work_until_due_s(&mut optimal, 0.1, 0.05);
        let dear_s = work_until_due_s(&mut optimal, 0.1, 5.0);
        assert!((dear_s / cheap_s - 10.0).abs() < 0.5, "{cheap_s} then {dear_s}");
    }

    #[test]
    fn failures_make_checkpoints_more_frequent_and_quiet_makes_them_rarer() {
        let mut optimal = Optimal::new(OptimalOptions::default());
        optimal.failures.survived(86_400.0);
        let before_s = work_until_due_s(&mut optimal, 1.0, 1.0);
        for _ in 0..8 {
            optimal.after_call(10.0, 1.0);
            optimal.failure(0.0);
            optimal.restored(1.0);
        }
        let after_s = work_until_due_s(&mut optimal, 1.0, 1.0);
        assert!(after_s < before_s / 20.0, "{before_s} then {after_s}");
        let quiet_s = (0..200).map(|_| work_until_due_s(&mut optimal, 1.0, 1.0)).fold(0.0, f64::max);
        assert!(quiet_s > 3.0 * after_s, "{after_s} then {quiet_s}");
    }

    #[test]
    fn calls_that_take_no_time_are_no_reason_for_a_checkpoint() {
        let mut optimal = settled(86_400.0);
        assert!((0..1_000).all(|_| !optimal.after_call(0.0, 0.001).0));
    }

    #[test]
    fn an_actor_of_great_age_with_tiny_calls_has_a_finite_interval() {
        let mut optimal = Optimal::new(OptimalOptions::default());
        optimal.failures.survived(1e9);
        let (_, assessment) = optimal.after_call(1e-9, 0.001);
        assert!((1e9..1e10).contains(&assessment.failure_interval_s), "{assessment:?}");
    }

    #[test]
    fn where_checkpoints_cost_nothing_every_call_is_saved() {
        assert!(settled(86_400.0).after_call(1.0, 0.0).0);
    }
}
