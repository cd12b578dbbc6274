//! The adaptive controller of the systems that Belljar replaces, kept as it was so that what they did can be
//! reproduced. It compares the cost of a checkpoint with the longest call so far, spends a budget that is never filled
//! up again, and does not look at how often failures happen. [`crate::CheckpointPolicy::Optimal`] is better in every
//! respect but compatibility.

use serde::{Deserialize, Serialize};

use crate::policy::AdaptiveOptions;

/// The threshold is never adjusted below this.
pub const THRESHOLD_MIN: f64 = 0.05;
/// The threshold is never adjusted above this.
pub const THRESHOLD_MAX: f64 = 1.0;

/// What the longest call is taken to be at least, in seconds, so that nothing is divided by zero.
const SEEN_FLOOR_S: f64 = 1e-6;

/// The controller with what it has learned. All times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveController {
    budget: u64,
    used: u64,
    threshold: f64,
    learning_rate: f64,
    max_seen_s: f64,
}

impl AdaptiveController {
    /// A controller that has seen nothing.
    pub fn new(options: AdaptiveOptions) -> Self {
        let AdaptiveOptions { budget, threshold, learning_rate, max_seen_s } = options;
        Self { budget, used: 0, threshold, learning_rate, max_seen_s }
    }

    /// Takes note of how long something ran.
    pub fn observe(&mut self, runtime_s: f64) {
        self.max_seen_s = self.max_seen_s.max(runtime_s);
    }

    /// Whether to take a checkpoint that is estimated to cost so much. A yes is paid from the budget.
    pub fn should(&mut self, cost_s: f64) -> bool {
        let take = self.used < self.budget && cost_s / self.max_seen_s.max(SEEN_FLOOR_S) >= self.threshold;
        if take {
            self.used += 1;
        }
        take
    }

    /// Moves the threshold after a restore: down when checkpoints saved more than they cost, up when they did not.
    /// Figures that are not finite say nothing, and move nothing.
    pub fn adjust(&mut self, saved_s: f64, overhead_s: f64) {
        let benefit = saved_s - overhead_s;
        if benefit == 0.0 || !benefit.is_finite() {
            return;
        }
        let step = self.learning_rate * benefit.abs() / (benefit.abs() + 1.0);
        self.threshold = (self.threshold - benefit.signum() * step).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
    }

    /// Checkpoints that may be taken in all.
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// Checkpoints that were paid from the budget.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// The share of the longest run from which on a checkpoint is taken.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The longest run so far, in seconds.
    pub fn max_seen_s(&self) -> f64 {
        self.max_seen_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller(threshold: f64) -> AdaptiveController {
        AdaptiveController::new(AdaptiveOptions { threshold, ..AdaptiveOptions::default() })
    }

    fn assert_threshold(controller: &AdaptiveController, golden: f64) {
        // The golden values have six decimals.
        assert!((controller.threshold() - golden).abs() < 5e-7, "{} is not {golden}", controller.threshold());
    }

    #[test]
    fn the_threshold_moves_by_the_golden_values() {
        let mut first = controller(0.4);
        first.adjust(0.6, 0.1);
        assert_threshold(&first, 0.366_667);

        let mut second = controller(0.30);
        second.adjust(60.0, 1.0);
        assert_threshold(&second, 0.201_667);

        let mut third = controller(0.30);
        third.adjust(9.0, 0.5);
        assert_threshold(&third, 0.210_526);
        third.adjust(12.0, 0.5);
        assert_threshold(&third, 0.118_526);
    }

    #[test]
    fn no_benefit_and_no_loss_leave_the_threshold() {
        let mut controller = controller(0.4);
        controller.adjust(2.0, 2.0);
        controller.adjust(f64::NAN, 1.0);
        assert_eq!(controller.threshold(), 0.4);
    }

    #[test]
    fn a_loss_raises_the_threshold() {
        let mut controller = controller(0.4);
        controller.adjust(0.1, 0.6);
        assert_threshold(&controller, 0.433_333);
    }

    #[test]
    fn the_threshold_stays_within_its_bounds() {
        let mut controller = controller(0.4);
        for _ in 0..100 {
            controller.adjust(1e6, 0.0);
        }
        assert_eq!(controller.threshold(), THRESHOLD_MIN);
        for _ in 0..100 {
            controller.adjust(0.0, 1e6);
        }
        assert_eq!(controller.threshold(), THRESHOLD_MAX);
    }

    #[test]
    fn the_longest_run_sets_the_measure() {
        let mut controller = controller(0.35);
        controller.observe(10.0);
        controller.observe(2.0);
        assert_eq!(controller.max_seen_s(), 10.0);
        assert!(!controller.should(3.4));
        assert!(controller.should(3.5));
    }

    #[test]
    fn before_anything_ran_any_cost_is_large() {
        assert!(controller(0.35).should(1e-6));
        assert!(!controller(0.35).should(0.0));
    }

    #[test]
    fn the_budget_runs_out_for_good() {
        let mut controller = controller(0.35);
        assert_eq!((0..10).filter(|_| controller.should(1.0)).count(), 3);
        assert_eq!(controller.used(), 3);
        controller.adjust(60.0, 1.0);
        assert!(!controller.should(1.0));
    }
}
