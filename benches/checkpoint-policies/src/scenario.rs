//! What an actor does, and what it suffers: the calls, what checkpoints and restarts cost, and the failures.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};
use serde::Serialize;

use crate::trace::{Failures, Trace};

/// An actor's work under one kind of failures. All times are in seconds; spreads are standard deviations in units of
/// the mean.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scenario {
    /// What it is called.
    pub name: &'static str,
    /// How failures come.
    pub failures: Failures,
    /// All the work there is, when nothing comes in between.
    pub work_s: f64,
    /// The mean length of a call.
    pub call_s: f64,
    /// The spread of the lengths of calls.
    pub call_spread: f64,
    /// The mean cost of a checkpoint at the start.
    pub cost_s: f64,
    /// The spread of the costs of checkpoints.
    pub cost_spread: f64,
    /// How many times as much a checkpoint costs when all the work is done.
    pub cost_growth: f64,
    /// What a restart costs before calls are executed again.
    pub restart_s: f64,
}

impl Scenario {
    /// Draws everything that chance decides.
    pub fn fate(&self, seed: u64) -> Fate {
        // Calls take as long with any policy, and when they are executed again, so they are drawn in advance.
        let lengths = noise(self.call_spread).map(|noise| self.call_s * noise).sample_iter(stream(seed, 1));
        let mut left_s = self.work_s;
        let within = |length_s: &f64| {
            left_s -= length_s;
            left_s >= 0.0
        };
        Fate { scenario: *self, seed, calls_s: lengths.take_while(within).collect() }
    }
}

/// A scenario with one draw of everything that chance decides, the same for every policy.
#[derive(Clone, Debug)]
pub struct Fate {
    scenario: Scenario,
    seed: u64,
    calls_s: Vec<f64>,
}

impl Fate {
    /// What this is a draw of.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The lengths of the calls in seconds, in order.
    pub fn calls_s(&self) -> &[f64] {
        &self.calls_s
    }

    /// The failures.
    pub fn failures(&self) -> Trace {
        self.scenario.failures.trace(self.seed)
    }

    /// What checkpoints cost in seconds, one after the other, before growth.
    pub fn costs_s(&self) -> impl Iterator<Item = f64> + use<> {
        let cost_s = self.scenario.cost_s;
        noise(self.scenario.cost_spread).map(move |noise| cost_s * noise).sample_iter(stream(self.seed, 2))
    }
}

/// One of the independent streams of random numbers of a seed. The trace of failures is stream 0.
fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

/// Random factors above zero, of mean 1.
fn noise(spread: f64) -> LogNormal<f64> {
    LogNormal::from_mean_cv(1.0, spread).expect("a mean of 1 and a spread that is not negative are valid")
}

/// The scenarios of the benchmark.
pub fn scenarios() -> Vec<Scenario> {
    let usual = Scenario {
        name: "poisson",
        failures: Failures::Poisson { mean_s: 600.0 },
        work_s: 8.0 * 3_600.0,
        call_s: 2.0,
        call_spread: 1.0,
        cost_s: 5.0,
        cost_spread: 0.3,
        cost_growth: 1.0,
        restart_s: 10.0,
    };
    vec![
        Scenario { name: "fixed", failures: Failures::Fixed { period_s: 900.0 }, ..usual },
        usual,
        Scenario { name: "weibull", failures: Failures::Weibull { scale_s: 480.0, shape: 0.7 }, ..usual },
        Scenario {
            name: "bursts",
            failures: Failures::Bursts {
                calm_mean_s: 3_600.0,
                storm_mean_s: 60.0,
                calm_length_s: 3_600.0,
                storm_length_s: 600.0,
            },
            ..usual
        },
        Scenario { name: "growing", cost_s: 1.0, cost_growth: 20.0, ..usual },
    ]
}
