//! When the next failure is to be expected, from the gaps between the last ones. A gap is the work (calls, checkpoints,
//! recovery) between two failures; idle time does not count, and so the estimate is per second of work, as the cost of
//! losing work is.
//!
//! Failures seldom come like the clicks of a Geiger counter. Where something leaks, they come at even distances; where
//! a machine is sick, one brings the next. Both are Weibull distributions of the gap, with a shape above and below 1,
//! and so a handful of shapes are tried and weighed by how well each explains the gaps (a Bayesian mixture). For a
//! given shape k, the k-th powers of the gaps are exponentially distributed, and with the scale-free prior 1/η the
//! scale η integrates out in closed form. With n gaps gᵢ and Sₖ = Σ gᵢᵏ:
//!
//! - weight of shape k: vₖ ∝ priorₖ · kⁿ⁻¹ · Π gᵢᵏ⁻¹ / Sₖⁿ
//! - chance that no failure comes up to age x after the last: Σ vₖ · (1 + xᵏ / Sₖ)⁻ⁿ
//!
//! Before the first failure, one gap is assumed, with a shape that leaves its order of magnitude open.
//!
//! The chance already knows that a long quiet time speaks for a longer gap: the hazard falls as quiet goes on, even
//! where the gaps were even. Only the last gaps are remembered, so that a burst is noticed at once, and forgotten.

use serde::{Deserialize, Serialize};

/// Gaps between failures that are remembered: enough to tell even ones from clustered ones, and few enough to follow a
/// change at once. More would hardly help: an estimate that is wrong by a third costs a hundredth of the overhead.
pub const FAILURES_REMEMBERED_MAX: usize = 8;

/// The shapes that are weighed: 0.45 for heavy clusters, 1 for failures without memory, 96 for those of a timetable
/// (a spread of 1.3 %). Neighbours are about as far apart as a few gaps can tell.
const SHAPES: [f64; 11] = [0.45, 0.6, 0.8, 1.0, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0];

/// The shape of the gap that is assumed before the first failure. It says how little is known: if a day is assumed, one
/// in ten first failures is expected within 11 minutes, and one in ten after more than four months. So an actor in bad
/// surroundings saves its first work early, and one that does well soon stops worrying.
const ASSUMED_SHAPE: f64 = 0.45;

/// How much is believed in advance in failures without memory; the other shapes share the rest evenly.
const MEMORYLESS_PRIOR: f64 = 0.5;

/// Gaps are taken to be at least this long, in seconds: a failure can come in the middle of recovery.
const GAP_FLOOR_S: f64 = 1e-6;

/// The last gaps between failures, and the time since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FailureHistory {
    /// In seconds. Before the first failure, the one gap that is assumed.
    gaps_s: Vec<f64>,
    /// Whether a failure has taken the place of the assumption.
    observed: bool,
    /// Work since the last failure, in seconds.
    age_s: f64,
    #[serde(skip)]
    fit: Option<Fit>,
}

impl FailureHistory {
    /// Nothing has failed. As likely as not, the first failure is expected within this gap.
    pub(crate) fn new(assumed_gap_s: f64) -> Self {
        Self { gaps_s: vec![assumed_gap_s.max(GAP_FLOOR_S)], observed: false, age_s: 0.0, fit: None }
    }

    /// Work since the last failure, in seconds.
    pub(crate) fn age_s(&self) -> f64 {
        self.age_s
    }

    /// So much more work went by without a failure.
    pub(crate) fn survived(&mut self, work_s: f64) {
        self.age_s += work_s;
    }

    /// A failure ended the gap.
    pub(crate) fn failed(&mut self) {
        if !self.observed {
            self.gaps_s.clear();
            self.observed = true;
        }
        if self.gaps_s.len() >= FAILURES_REMEMBERED_MAX {
            self.gaps_s.remove(0);
        }
        self.gaps_s.push(self.age_s.max(GAP_FLOOR_S));
        self.age_s = 0.0;
        self.fit = None;
    }

    /// The failures to be expected in the next stretch of work, if none comes before it: its cumulative hazard.
    pub(crate) fn expected(&mut self, work_s: f64) -> f64 {
        let prior = if self.observed { observed_prior } else { assumed_prior };
        let fit = self.fit.get_or_insert_with(|| Fit::new(&self.gaps_s, prior));
        (fit.survival_ln(self.age_s) - fit.survival_ln(self.age_s + work_s)).max(0.0)
    }
}

/// The cache is not part of what a history is.
impl PartialEq for FailureHistory {
    fn eq(&self, other: &Self) -> bool {
        (&self.gaps_s, self.observed, self.age_s) == (&other.gaps_s, other.observed, other.age_s)
    }
}

/// The shapes with their weights. Times are in units of the mean gap, so that no power of them overflows.
#[derive(Clone, Debug)]
struct Fit {
    unit_s: f64,
    gaps: f64,
    shapes: [Hypothesis; SHAPES.len()],
}

#[derive(Clone, Copy, Debug)]
struct Hypothesis {
    shape: f64,
    weight: f64,
    powers: f64,
}

impl Fit {
    fn new(gaps_s: &[f64], prior: fn(f64) -> f64) -> Self {
        let gaps = gaps_s.len() as f64;
        let unit_s = gaps_s.iter().sum::<f64>() / gaps;
        let logs: f64 = gaps_s.iter().map(|gap_s| (gap_s / unit_s).ln()).sum();
        let mut shapes = SHAPES.map(|shape| {
            let powers: f64 = gaps_s.iter().map(|gap_s| (gap_s / unit_s).powf(shape)).sum();
            let weight_ln = (gaps - 1.0) * shape.ln() + (shape - 1.0) * logs - gaps * powers.ln();
            Hypothesis { shape, weight: prior(shape).ln() + weight_ln, powers }
        });
        let largest = shapes.iter().map(|hypothesis| hypothesis.weight).fold(f64::NEG_INFINITY, f64::max);
        shapes.iter_mut().for_each(|hypothesis| hypothesis.weight = (hypothesis.weight - largest).exp());
        let total: f64 = shapes.iter().map(|hypothesis| hypothesis.weight).sum();
        shapes.iter_mut().for_each(|hypothesis| hypothesis.weight /= total);
        Self { unit_s, gaps, shapes }
    }

    /// The logarithm of the chance that a gap is longer than this.
    fn survival_ln(&self, age_s: f64) -> f64 {
        let age = age_s / self.unit_s;
        let chance = |h: &Hypothesis| h.weight * (1.0 + age.powf(h.shape) / h.powers).powf(-self.gaps);
        self.shapes.iter().map(chance).sum::<f64>().ln()
    }
}

fn observed_prior(shape: f64) -> f64 {
    if shape == 1.0 { MEMORYLESS_PRIOR } else { (1.0 - MEMORYLESS_PRIOR) / (SHAPES.len() - 1) as f64 }
}

fn assumed_prior(shape: f64) -> f64 {
    if shape == ASSUMED_SHAPE { 1.0 } else { 0.0 }
}

#[cfg(test)]
impl FailureHistory {
    /// Failures that are known to have no memory and this mean, until the first one is reported.
    pub(crate) fn memoryless(mean_s: f64) -> Self {
        let fit = Fit::new(&[mean_s], |shape| if shape == 1.0 { 1.0 } else { 0.0 });
        Self { fit: Some(fit), ..Self::new(mean_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: f64 = 86_400.0;

    fn history(gaps_s: impl IntoIterator<Item = f64>) -> FailureHistory {
        let mut history = FailureHistory::new(DAY_S);
        for gap_s in gaps_s {
            history.survived(gap_s);
            history.failed();
        }
        history
    }

    /// The mean time to a failure at the present hazard.
    fn interval_s(history: &mut FailureHistory) -> f64 {
        let step_s = 1e-3;
        step_s / history.expected(step_s)
    }

    #[test]
    fn before_the_first_failure_its_order_of_magnitude_is_open() {
        let chance = |age_s: f64| 1.0 - (-history([]).expected(age_s)).exp();
        assert!((chance(11.0 * 60.0) - 0.1).abs() < 0.01, "{}", chance(11.0 * 60.0));
        assert!((chance(DAY_S) - 0.5).abs() < 1e-9);
        assert!((chance(132.0 * DAY_S) - 0.9).abs() < 0.01);
    }

    #[test]
    fn quiet_time_is_believed() {
        let mut history = history([]);
        let mut last_s = 0.0;
        for _ in 0..10 {
            history.survived(DAY_S);
            assert!(interval_s(&mut history) > last_s + DAY_S);
            last_s = interval_s(&mut history);
        }
    }

    #[test]
    fn the_first_failure_takes_the_place_of_the_assumption() {
        let mut history = history([100.0]);
        history.survived(50.0);
        let interval_s = interval_s(&mut history);
        assert!((50.0..300.0).contains(&interval_s), "{interval_s}");
    }

    #[test]
    fn failures_without_memory_give_their_mean_gap_at_any_age() {
        // The quantiles of an exponential distribution of mean 100 s.
        let mut history = history((0..8).map(|i| -100.0 * (1.0 - (f64::from(i) + 0.5) / 8.0).ln()));
        for _ in 0..4 {
            history.survived(25.0);
            let interval_s = interval_s(&mut history);
            assert!((60.0..160.0).contains(&interval_s), "{interval_s} at {}", history.age_s());
        }
    }

    #[test]
    fn failures_of_a_timetable_are_expected_when_they_are_due() {
        let mut history = history((0..16).map(|i| 300.0 + f64::from(i % 3)));
        history.survived(150.0);
        assert!(history.expected(50.0) < 1e-3);
        history.survived(145.0);
        assert!(history.expected(10.0) > 0.2);
    }

    #[test]
    fn clustered_failures_make_the_time_after_one_dangerous() {
        let mut history = history([2.0, 5.0, 3_000.0, 1.0, 8.0, 4.0, 2_000.0, 3.0, 4_000.0, 6.0]);
        history.survived(5.0);
        let early_s = interval_s(&mut history);
        history.survived(500.0);
        let later_s = interval_s(&mut history);
        assert!(later_s > 10.0 * early_s, "{early_s} then {later_s}");
    }

    #[test]
    fn a_burst_is_noticed_and_forgotten() {
        let mut history = history([3_000.0; 20]);
        [10.0; 4].into_iter().for_each(|gap_s| {
            history.survived(gap_s);
            history.failed();
        });
        history.survived(5.0);
        assert!(interval_s(&mut history) < 500.0);
        history.survived(3_000.0);
        assert!(interval_s(&mut history) > 1_500.0);
    }

    #[test]
    fn only_the_last_gaps_are_remembered() {
        assert_eq!(history([5.0; 1_000]).gaps_s.len(), FAILURES_REMEMBERED_MAX);
    }

    #[test]
    fn extreme_ages_and_gaps_give_figures() {
        for gap_s in [0.0, 1e-9, 1.0, 1e12] {
            let mut history = history([gap_s; 16]);
            for age_s in [0.0, 1e-9, 1.0, 1e12] {
                history.survived(age_s);
                for work_s in [0.0, 1e-9, 1.0, 1e12] {
                    let expected = history.expected(work_s);
                    assert!(expected.is_finite(), "gaps {gap_s}, age {age_s}, work {work_s}: {expected}");
                }
            }
        }
    }
}
