//! Traces of failures. A trace goes on for ever, and the same seed gives the same one.

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use serde::Serialize;

/// How failures come. All times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Failures {
    /// By a timetable: one per period, the first at a random moment of it.
    Fixed {
        /// Time from one failure to the next.
        period_s: f64,
    },
    /// Without memory: at any moment equally likely.
    Poisson {
        /// Mean time between failures.
        mean_s: f64,
    },
    /// Times between failures by a Weibull distribution; with a shape below 1, one failure makes another one likely.
    Weibull {
        /// The scale of the distribution; the mean is 1.27 times as much for a shape of 0.7.
        scale_s: f64,
        /// The shape of the distribution.
        shape: f64,
    },
    /// Bursts: calm and stormy times of random length take turns, with Poisson failures of their own rate in each (a
    /// Markov-modulated Poisson process).
    Bursts {
        /// Mean time between failures in calm times.
        calm_mean_s: f64,
        /// Mean time between failures in stormy times.
        storm_mean_s: f64,
        /// Mean length of a calm time.
        calm_length_s: f64,
        /// Mean length of a stormy time.
        storm_length_s: f64,
    },
}

impl Failures {
    /// The trace of this seed.
    pub fn trace(self, seed: u64) -> Trace {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (at_s, weather_ends_s) = match self {
            Self::Fixed { period_s } => (-period_s * random.random::<f64>(), 0.0),
            Self::Bursts { calm_length_s, .. } => (0.0, calm_length_s * exponential(&mut random)),
            Self::Poisson { .. } | Self::Weibull { .. } => (0.0, 0.0),
        };
        Trace { failures: self, random, at_s, stormy: false, weather_ends_s }
    }
}

/// The moments of failures, in seconds from the start, rising.
#[derive(Clone, Debug)]
pub struct Trace {
    failures: Failures,
    random: ChaCha8Rng,
    at_s: f64,
    stormy: bool,
    weather_ends_s: f64,
}

impl Iterator for Trace {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        self.at_s = match self.failures {
            Failures::Fixed { period_s } => self.at_s + period_s,
            Failures::Poisson { mean_s } => self.at_s + mean_s * exponential(&mut self.random),
            // By definition, a power of a Weibull-distributed number is exponentially distributed.
            Failures::Weibull { scale_s, shape } => {
                self.at_s + scale_s * exponential(&mut self.random).powf(1.0 / shape)
            }
            Failures::Bursts { calm_mean_s, storm_mean_s, calm_length_s, storm_length_s } => loop {
                let mean_s = if self.stormy { storm_mean_s } else { calm_mean_s };
                let next_s = self.at_s + mean_s * exponential(&mut self.random);
                if next_s <= self.weather_ends_s {
                    break next_s;
                }
                // Failures without memory may be drawn anew from the moment at which their rate changes.
                self.at_s = self.weather_ends_s;
                self.stormy = !self.stormy;
                let length_s = if self.stormy { storm_length_s } else { calm_length_s };
                self.weather_ends_s += length_s * exponential(&mut self.random);
            },
        };
        Some(self.at_s)
    }
}

/// An exponentially distributed number of mean 1.
fn exponential(random: &mut ChaCha8Rng) -> f64 {
    Exp1.sample(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURSTS: Failures =
        Failures::Bursts { calm_mean_s: 10_000.0, storm_mean_s: 10.0, calm_length_s: 1_000.0, storm_length_s: 1_000.0 };

    fn gaps_s(failures: Failures, count: usize) -> Vec<f64> {
        let at_s: Vec<f64> = failures.trace(1).take(count + 1).collect();
        at_s.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn mean(figures: &[f64]) -> f64 {
        figures.iter().sum::<f64>() / figures.len() as f64
    }

    /// The standard deviation in units of the mean: 1 without memory, 0 by a timetable, more in clusters.
    fn spread(figures: &[f64]) -> f64 {
        let mean = mean(figures);
        (figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>() / figures.len() as f64).sqrt() / mean
    }

    #[test]
    fn a_seed_gives_the_same_trace_again_and_another_seed_another() {
        let first: Vec<f64> = BURSTS.trace(7).take(100).collect();
        assert_eq!(first, BURSTS.trace(7).take(100).collect::<Vec<f64>>());
        assert_ne!(first, BURSTS.trace(8).take(100).collect::<Vec<f64>>());
    }

    #[test]
    fn failures_come_as_they_were_described() {
        let fixed = gaps_s(Failures::Fixed { period_s: 50.0 }, 100);
        assert!(spread(&fixed) < 1e-9 && (mean(&fixed) - 50.0).abs() < 1e-9);

        let poisson = gaps_s(Failures::Poisson { mean_s: 50.0 }, 20_000);
        assert!((spread(&poisson) - 1.0).abs() < 0.05 && (mean(&poisson) - 50.0).abs() < 2.0);

        // Γ(1 + 1/0.7) = 1.2658, and the spread is 1.4624.
        let weibull = gaps_s(Failures::Weibull { scale_s: 50.0, shape: 0.7 }, 20_000);
        assert!((spread(&weibull) - 1.4624).abs() < 0.1 && (mean(&weibull) - 63.29).abs() < 3.0);

        // Half of the time with a failure every 10 s, and half with next to none.
        let bursts = gaps_s(BURSTS, 20_000);
        assert!(spread(&bursts) > 3.0 && (mean(&bursts) - 20.0).abs() < 3.0, "{} {}", spread(&bursts), mean(&bursts));
    }
}
