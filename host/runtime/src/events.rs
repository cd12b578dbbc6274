//! What guests say, on its way out: log lines go to `tracing`, progress to whoever subscribed, numbers into a
//! registry.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use belljar_engine::capability::{Event, EventSink, Level, Origin};
use serde::Serialize;
use tokio::sync::broadcast;

/// Events that a slow subscriber may be behind: 1,024. It misses the oldest ones beyond that.
const EVENTS_WAITING_MAX: usize = 1_024;
/// Metrics that are kept, plugins times names: 10,000.
const METRICS_MAX: usize = 10_000;

/// Something that happened in a guest, for those who watch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RuntimeEvent {
    /// A log line.
    Log {
        /// The plugin.
        plugin: String,
        /// What the work was labelled, such as an item's name.
        label: String,
        /// Its level.
        level: Level,
        /// The line.
        message: String,
    },
    /// How far a call is.
    Progress {
        /// The plugin.
        plugin: String,
        /// What the work was labelled.
        label: String,
        /// Units done.
        done: u64,
        /// Units in all, if known.
        total: Option<u64>,
        /// What is being done.
        message: String,
    },
}

/// A gathered number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricSnapshot {
    /// The plugin.
    pub plugin: String,
    /// The metric's name.
    pub name: String,
    /// Values given so far.
    pub count: u64,
    /// Their sum: the value of a counter.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The newest: the value of a gauge.
    pub last: f64,
}

pub(crate) struct EventBus {
    subscribers: broadcast::Sender<RuntimeEvent>,
    metrics: Mutex<HashMap<(String, String), MetricSnapshot>>,
}

impl EventBus {
    pub(crate) fn new() -> EventBus {
        EventBus { subscribers: broadcast::channel(EVENTS_WAITING_MAX).0, metrics: Mutex::default() }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.subscribers.subscribe()
    }

    pub(crate) fn metrics(&self) -> Vec<MetricSnapshot> {
        let metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<MetricSnapshot> = metrics.values().cloned().collect();
        all.sort_by(|a, b| (&a.plugin, &a.name).cmp(&(&b.plugin, &b.name)));
        all
    }

    fn gather(&self, plugin: &str, name: &str, value: f64) {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (plugin.to_owned(), name.to_owned());
        if metrics.len() >= METRICS_MAX && !metrics.contains_key(&key) {
            return;
        }
        let metric = metrics.entry(key).or_insert_with(|| MetricSnapshot {
            plugin: plugin.to_owned(),
            name: name.to_owned(),
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            last: value,
        });
        metric.count += 1;
        metric.sum += value;
        metric.min = metric.min.min(value);
        metric.max = metric.max.max(value);
        metric.last = value;
    }
}

impl EventSink for EventBus {
    fn event(&self, origin: Origin<'_>, event: Event<'_>) {
        let Origin { plugin, method, label } = origin;
        let told = match event {
            Event::Log { level, message } => {
                match level {
                    Level::Trace => tracing::trace!(target: "belljar::plugin", plugin, method, label, "{message}"),
                    Level::Debug => tracing::debug!(target: "belljar::plugin", plugin, method, label, "{message}"),
                    Level::Info => tracing::info!(target: "belljar::plugin", plugin, method, label, "{message}"),
                    Level::Warn => tracing::warn!(target: "belljar::plugin", plugin, method, label, "{message}"),
                    Level::Error => tracing::error!(target: "belljar::plugin", plugin, method, label, "{message}"),
                }
                if self.subscribers.receiver_count() == 0 {
                    return;
                }
                let (plugin, label, message) = (plugin.to_owned(), label.to_owned(), message.to_owned());
                RuntimeEvent::Log { plugin, label, level, message }
            }
            Event::Progress { done, total, message } => {
                if self.subscribers.receiver_count() == 0 {
                    return;
                }
                let (plugin, label, message) = (plugin.to_owned(), label.to_owned(), message.to_owned());
                RuntimeEvent::Progress { plugin, label, done, total, message }
            }
            Event::Metric { name, value, .. } => {
                self.gather(plugin, name, value);
                return;
            }
            _ => return,
        };
        // Fails only when the last subscriber has just gone.
        self.subscribers.send(told).ok();
    }
}
