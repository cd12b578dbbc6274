//! `belljar:plugin/metrics`: numbers that the host gathers.

use std::collections::HashSet;

use super::Event;
use super::bindings::belljar::plugin::metrics::Host;
use crate::limits::METRIC_NAMES_MAX;
use crate::state::HostState;

/// Bytes of a metric's name: 128.
const METRIC_NAME_BYTES_MAX: usize = 128;

/// How a metric is gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A sum that only grows.
    Counter,
    /// The newest value.
    Gauge,
    /// Count, sum, minimum and maximum.
    Observation,
}

/// The names that an instance has used, to bound them.
#[derive(Default)]
pub(crate) struct Metrics {
    names: HashSet<String>,
    dropped: bool,
}

impl HostState {
    fn metric(&mut self, kind: MetricKind, name: &str, value: f64) {
        let valid = !value.is_nan() && (kind != MetricKind::Counter || value >= 0.0);
        let known = self.metrics.names.contains(name);
        let room = self.metrics.names.len() < METRIC_NAMES_MAX as usize && name.len() <= METRIC_NAME_BYTES_MAX;
        if !valid || !(known || room) {
            // Said once for an instance: a warning for each would be the flood that the limit prevents.
            if !std::mem::replace(&mut self.metrics.dropped, true) {
                tracing::warn!(plugin = %self.plugin, name, value, "metric dropped: not a number, or too many or too long names");
            }
            return;
        }
        if !known {
            self.metrics.names.insert(name.to_owned());
        }
        self.log.emit(Event::Metric { kind, name, value });
    }
}

impl Host for HostState {
    fn counter(&mut self, name: String, value: f64) {
        self.metric(MetricKind::Counter, &name, value);
    }

    fn gauge(&mut self, name: String, value: f64) {
        self.metric(MetricKind::Gauge, &name, value);
    }

    fn observe(&mut self, name: String, value: f64) {
        self.metric(MetricKind::Observation, &name, value);
    }
}
