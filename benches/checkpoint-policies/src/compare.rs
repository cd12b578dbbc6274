//! All policies on one scenario, averaged over the same seeds.

use std::time::Duration;

use belljar_policy::{AdaptiveOptions, CheckpointPolicy, OptimalOptions};
use serde::Serialize;

use crate::scenario::{Fate, Scenario};
use crate::search::{BestInterval, best_interval};
use crate::simulate::{Outcome, simulate};

/// A scenario with what each policy made of it.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The scenario.
    pub scenario: Scenario,
    /// Runs that every figure is the mean of.
    pub seeds: u64,
    /// The best fixed interval.
    pub best: BestInterval,
    /// The policies, the best fixed interval among them.
    pub rows: Vec<Row>,
}

/// One policy on one scenario. Every figure is a mean over all runs.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The policy, as a user would write it.
    pub policy: CheckpointPolicy,
    /// What to call it.
    pub label: &'static str,
    /// Runs that were finished, and not given up.
    pub finished: u64,
    /// Time to finish, in units of the undisturbed work.
    pub time_ratio: f64,
    /// Time to finish, in units of that with the best fixed interval.
    pub to_best: f64,
    /// Time for checkpoints, restarts and lost work, in units of the undisturbed work.
    pub overhead: f64,
    /// Checkpoints taken.
    pub checkpoints: f64,
    /// Time for checkpoints, in seconds.
    pub checkpoint_s: f64,
    /// Failures met.
    pub failures: f64,
    /// Time for restarts, in seconds.
    pub restart_s: f64,
    /// Time for work and checkpoints that failures undid, in seconds.
    pub lost_s: f64,
}

impl Comparison {
    /// The row of that label.
    pub fn row(&self, label: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.label == label)
    }
}

/// Runs all policies on the scenario, once for each seed below `seeds`.
pub fn compare(scenario: Scenario, seeds: u64) -> Comparison {
    let fates: Vec<Fate> = (0..seeds).map(|seed| scenario.fate(seed)).collect();
    let best = best_interval(&fates);
    let endless = AdaptiveOptions { budget: u64::MAX, ..AdaptiveOptions::default() };
    let policies = [
        ("never", CheckpointPolicy::Never),
        ("every call", CheckpointPolicy::Every { calls: 1 }),
        ("every 1,000 calls", CheckpointPolicy::Every { calls: 1_000 }),
        ("adaptive", CheckpointPolicy::Adaptive(AdaptiveOptions::default())),
        ("adaptive, endless budget", CheckpointPolicy::Adaptive(endless)),
        ("best interval", CheckpointPolicy::Interval { every: Duration::from_secs_f64(best.interval_s) }),
        ("optimal", CheckpointPolicy::Optimal(OptimalOptions::default())),
    ];
    let rows = policies.map(|(label, policy)| row(&fates, label, policy, best.time_s)).into();
    Comparison { scenario, seeds, best, rows }
}

fn row(fates: &[Fate], label: &'static str, policy: CheckpointPolicy, best_s: f64) -> Row {
    let outcomes: Vec<Outcome> = fates.iter().map(|fate| simulate(fate, policy)).collect();
    let mean = |figure: fn(&Outcome) -> f64| outcomes.iter().map(figure).sum::<f64>() / outcomes.len() as f64;
    let (time_s, work_s) = (mean(|o| o.time_s), mean(|o| o.work_s));
    Row {
        policy,
        label,
        finished: outcomes.iter().filter(|outcome| outcome.finished).count() as u64,
        time_ratio: time_s / work_s,
        to_best: time_s / best_s,
        overhead: time_s / work_s - 1.0,
        checkpoints: mean(|o| o.checkpoints as f64),
        checkpoint_s: mean(|o| o.checkpoint_s),
        failures: mean(|o| o.failures as f64),
        restart_s: mean(|o| o.restart_s),
        lost_s: mean(|o| o.lost_s),
    }
}
