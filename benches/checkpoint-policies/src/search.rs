//! The best fixed interval, by search: what someone would choose who knew the failures of all runs in advance, and had
//! to choose one interval for all of them. First on an even (logarithmic) grid, then on finer ones in the deepest
//! valleys, then by golden section around the best point. If failures come by a timetable there are many valleys, one
//! for each number of checkpoints that fits between two failures, and each ends at a cliff; golden section alone would
//! go astray.

use std::time::Duration;

use belljar_policy::CheckpointPolicy;
use serde::Serialize;

use crate::scenario::Fate;
use crate::simulate::simulate;

/// Points of the grid; neighbours are about 7 % apart.
const GRID_POINTS: i32 = 128;

/// Valleys of the grid that are searched further, and points of the finer grid in each.
const VALLEYS: usize = 5;
const VALLEY_POINTS: i32 = 10;

/// Steps of golden section; each leaves 62 % of the bracket, so that less than a thousandth of the interval remains.
const GOLDEN_STEPS: usize = 8;

/// What was found, and the way there.
#[derive(Clone, Debug, Serialize)]
pub struct BestInterval {
    /// The interval, in seconds.
    pub interval_s: f64,
    /// The mean time to finish with it, in seconds.
    pub time_s: f64,
    /// The intervals that were tried with their mean times to finish, in seconds, rising.
    pub tried: Vec<(f64, f64)>,
}

/// Searches the interval with the least mean time to finish over these draws of one scenario, from a quarter of a
/// call, which is practically after each, to an eighth of all the work. Of no draws at all, the result says nothing.
pub fn best_interval(fates: &[Fate]) -> BestInterval {
    let time_s = |interval_ln: f64| mean_time_s(fates, interval_ln.exp());
    let (call_s, work_s) = fates.first().map_or((1.0, 2.0), |fate| (fate.scenario().call_s, fate.scenario().work_s));
    let (low, high) = ((call_s / 4.0).ln(), (work_s / 8.0).ln());
    let mut tried = scan(low, high, GRID_POINTS, time_s);
    let fine: Vec<_> = deepest(&tried).iter().flat_map(|at| scan(at[0].0, at[2].0, VALLEY_POINTS, time_s)).collect();
    tried.extend(fine);
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some(&[before, _, after]) = deepest(&tried).first() {
        tried.push(golden_section(before.0, after.0, time_s));
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let (interval_ln, time_s) = tried.iter().copied().fold((low, f64::INFINITY), sooner);
    let tried = tried.into_iter().map(|(at, time_s)| (at.exp(), time_s)).collect();
    BestInterval { interval_s: interval_ln.exp(), time_s, tried }
}

/// The function at evenly spaced places, the ends among them.
fn scan(low: f64, high: f64, points: i32, function: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let step = (high - low) / f64::from(points - 1);
    (0..points).map(|i| low + f64::from(i) * step).map(|at| (at, function(at))).collect()
}

fn mean_time_s(fates: &[Fate], interval_s: f64) -> f64 {
    let policy = CheckpointPolicy::Interval { every: Duration::from_secs_f64(interval_s) };
    fates.iter().map(|fate| simulate(fate, policy).time_s).sum::<f64>() / fates.len() as f64
}

/// The deepest valleys of a curve: points that are below their neighbours, between these.
fn deepest(curve: &[(f64, f64)]) -> Vec<&[(f64, f64); 3]> {
    let windows = curve.array_windows::<3>();
    let mut valleys: Vec<_> = windows.filter(|at| at[1].1 <= at[0].1 && at[1].1 <= at[2].1).collect();
    valleys.sort_by(|a, b| a[1].1.total_cmp(&b[1].1));
    valleys.truncate(VALLEYS);
    valleys
}

/// The better one of two places with their figures.
fn sooner(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    if b.1 < a.1 { b } else { a }
}

/// The place between two at which the function is least, and its value there. Where there are several valleys, in one
/// of them.
fn golden_section(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> (f64, f64) {
    let share = (5.0_f64.sqrt() - 1.0) / 2.0;
    let at = |x: f64| (x, function(x));
    let mut left = at(high - share * (high - low));
    let mut right = at(low + share * (high - low));
    for _ in 0..GOLDEN_STEPS {
        if left.1 <= right.1 {
            (high, right) = (right.0, left);
            left = at(high - share * (high - low));
        } else {
            (low, left) = (left.0, right);
            right = at(low + share * (high - low));
        }
    }
    sooner(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_section_finds_the_bottom_of_a_valley() {
        let (place, depth) = golden_section(0.0, 10.0, |x| (x - 3.0).powi(2) + 1.0);
        assert!((place - 3.0).abs() < 0.1, "{place}");
        assert!((depth - 1.0).abs() < 0.01, "{depth}");
    }

    #[test]
    fn the_deepest_valleys_are_searched_first() {
        let curve: Vec<(f64, f64)> =
            [5.0, 2.0, 3.0, 1.0, 4.0, 3.5, 6.0].into_iter().map(|depth| (0.0, depth)).collect();
        let depths: Vec<f64> = deepest(&curve).into_iter().map(|at| at[1].1).collect();
        assert_eq!(depths, [1.0, 2.0, 3.5]);
    }
}
