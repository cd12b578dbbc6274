//! What the benchmark shows, on shorter traces with longer calls. Nothing is timed, so the figures are the same each
//! time.

use std::sync::LazyLock;

use belljar_checkpoint_policies::{Comparison, Failures, Scenario, compare, scenarios, simulate};

const SEEDS: u64 = 6;

/// The scenarios of the benchmark with a third of the work; a gentle one, with only a few failures to learn from; and
/// one whose calls take about as long as there is between two failures.
static COMPARISONS: LazyLock<Vec<Comparison>> = LazyLock::new(|| {
    let shorter = |usual: Scenario| Scenario { work_s: usual.work_s / 3.0, call_s: 5.0, ..usual };
    let mut all: Vec<Scenario> = scenarios().into_iter().map(shorter).collect();
    let usual = all[1];
    all.push(Scenario { name: "gentle", failures: Failures::Poisson { mean_s: 7_200.0 }, ..usual });
    let failures = Failures::Weibull { scale_s: 240.0, shape: 0.7 };
    all.push(Scenario { name: "long calls", failures, call_s: 200.0, ..usual });
    all.into_iter().map(|scenario| compare(scenario, SEEDS)).collect()
});

#[test]
fn optimal_is_within_five_percent_of_the_best_interval_that_a_search_finds() {
    for comparison in COMPARISONS.iter() {
        let optimal = comparison.row("optimal").expect("a row");
        assert_eq!(optimal.finished, SEEDS, "{}", comparison.scenario.name);
        assert!(optimal.to_best <= 1.05, "{}: {:.3} times the best", comparison.scenario.name, optimal.to_best);
    }
}

#[test]
fn optimal_finishes_sooner_than_adaptive() {
    for comparison in COMPARISONS.iter() {
        let optimal = comparison.row("optimal").expect("a row");
        for label in ["adaptive", "adaptive, endless budget"] {
            let adaptive = comparison.row(label).expect("a row");
            let name = comparison.scenario.name;
            assert!(optimal.time_ratio < adaptive.time_ratio, "{name}: {label} took {:.3}", adaptive.time_ratio);
        }
    }
}

#[test]
fn the_best_interval_is_better_than_its_neighbours_and_than_counting() {
    for comparison in COMPARISONS.iter() {
        assert!(comparison.best.tried.iter().all(|&(_, time_s)| time_s >= comparison.best.time_s));
        // Where a call takes as long as there is between failures, a checkpoint after each is the best there is.
        if comparison.scenario.name == "long calls" {
            continue;
        }
        for label in ["never", "every call", "every 1,000 calls"] {
            assert!(comparison.row(label).expect("a row").to_best > 1.0, "{}: {label}", comparison.scenario.name);
        }
    }
}

#[test]
fn all_time_is_accounted_for() {
    for scenario in scenarios() {
        let fate = scenario.fate(3);
        for policy in ["every=40", "interval=90s", "optimal"] {
            let outcome = simulate(&fate, policy.parse().expect(policy));
            let parts_s = outcome.work_s + outcome.checkpoint_s + outcome.restart_s + outcome.lost_s;
            assert!(outcome.finished && (outcome.time_s - parts_s).abs() < 1e-3, "{policy}: {outcome:?}");
            // A restart that fails itself takes less than its time.
            assert!(outcome.restart_s <= outcome.failures as f64 * scenario.restart_s + 1e-3, "{policy}: {outcome:?}");
            assert!(outcome.lost_s > 0.0, "{policy}: {outcome:?}");
        }
    }
}

#[test]
fn a_run_can_be_repeated() {
    let scenario = scenarios().remove(3);
    let once = simulate(&scenario.fate(5), "optimal".parse().expect("a policy"));
    assert_eq!(once, simulate(&scenario.fate(5), "optimal".parse().expect("a policy")));
    assert_ne!(once, simulate(&scenario.fate(6), "optimal".parse().expect("a policy")));
}
