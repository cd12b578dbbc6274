//! What the benchmarks share: several runs, their median with minimum and maximum, and ratios taken within one run,
//! because machines differ and drift.

pub mod machine;
mod no_services;
mod table;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use no_services::no_services;
pub use table::Table;

/// Figures of several runs, sorted.
pub struct Figures(Vec<f64>);

impl Figures {
    /// Collects the figures.
    pub fn new(mut figures: Vec<f64>) -> Figures {
        figures.sort_by(f64::total_cmp);
        Figures(figures)
    }

    /// The value that this share of the figures does not exceed; 0.5 is the median.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let at = (share * last as f64).round() as usize;
        self.0.get(at.min(last)).copied().unwrap_or(f64::NAN)
    }

    /// The median and the 99th percentile, in a unit of the caller's.
    pub fn percentiles(&self, unit: &str) -> String {
        format!("p50 {:.3} {unit}, p99 {:.3} {unit}", self.median(), self.quantile(0.99))
    }

    /// The median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.3} ({:.3} to {:.3}, {} runs)",
            self.median(),
            self.quantile(0.0),
            self.quantile(1.0),
            self.0.len()
        )
    }
}

/// Seconds as microseconds.
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Times one piece of work.
pub fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A plugin that `cargo xtask plugins` built.
///
/// # Panics
///
/// When it is missing.
pub fn plugin(name: &str) -> PathBuf {
    let path = root().join("target/plugins").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing: run `cargo xtask plugins` first", path.display());
    path
}
