//! What a checkpoint costs, measured. It changes as an actor's memory grows, so the newest measurements weigh the most;
//! and disks stall now and then, so that no single one may weigh too much.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a checkpoint is taken to cost before one was measured: a small actor's write and sync on a local disk.
pub const COST_INITIAL: Duration = Duration::from_millis(1);

/// The weight of the newest measurement. A change of the cost is followed within about four checkpoints.
pub const COST_WEIGHT: f64 = 0.25;

/// A measurement counts for at most this many times the mean so far.
pub const COST_OUTLIER_FACTOR: f64 = 8.0;

/// The mean cost of a checkpoint, exponentially weighted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckpointCost {
    mean_s: Option<f64>,
}

impl CheckpointCost {
    /// Adds a measurement. The first one is believed as it is.
    pub(crate) fn measured(&mut self, cost: Duration) {
        let cost_s = cost.as_secs_f64();
        self.mean_s = Some(match self.mean_s {
            // A mean of zero, from a clock that is too coarse, would hold every later measurement down to zero.
            Some(mean_s) if mean_s > 0.0 => {
                let counted_s = cost_s.min(COST_OUTLIER_FACTOR * mean_s);
                mean_s + COST_WEIGHT * (counted_s - mean_s)
            }
            _ => cost_s,
        });
    }

    /// What the next checkpoint will probably cost, in seconds.
    pub(crate) fn estimate_s(&self) -> f64 {
        self.mean_s.unwrap_or(COST_INITIAL.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(costs_s: &[f64]) -> f64 {
        let mut cost = CheckpointCost::default();
        costs_s.iter().for_each(|&cost_s| cost.measured(Duration::from_secs_f64(cost_s)));
        cost.estimate_s()
    }

    #[test]
    fn the_first_measurement_replaces_the_guess() {
        assert_eq!(after(&[]), 0.001);
        assert_eq!(after(&[20.0]), 20.0);
    }

    #[test]
    fn a_lasting_change_is_followed() {
        let changed = [[1.0; 10], [3.0; 10]].concat();
        assert!((after(&changed) - 3.0).abs() < 0.15, "{}", after(&changed));
        let fell = [[3.0; 10], [0.1; 10]].concat();
        assert!(after(&fell) < 0.3, "{}", after(&fell));
    }

    #[test]
    fn one_stall_does_not_spoil_the_mean() {
        assert!(after(&[1.0, 1.0, 3_600.0]) < 3.0);
    }

    #[test]
    fn a_clock_that_showed_zero_is_forgotten() {
        assert_eq!(after(&[0.0, 2.0]), 2.0);
    }
}
