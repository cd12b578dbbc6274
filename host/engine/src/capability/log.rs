//! `belljar:plugin/log`, and the guest's standard output and error, which are logged too. Lines are bounded
//! in length and in number per second, and the last error line is kept: it tells why a guest panicked. Progress
//! and metrics go the same way to whoever listens, under the same name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::bindings::belljar::plugin::log::{Host, Level as WitLevel};
use super::{Event, EventSink, Origin};
use crate::fault::{FaultKind, raise};
use crate::limits::Limits;
use crate::state::{HostState, INSTANTIATION};

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // The names are those of every log.
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl From<WitLevel> for Level {
    fn from(level: WitLevel) -> Level {
        match level {
            WitLevel::Trace => Level::Trace,
            WitLevel::Debug => Level::Debug,
            WitLevel::Info => Level::Info,
            WitLevel::Warn => Level::Warn,
            WitLevel::Error => Level::Error,
        }
    }
}

/// An instance's log. The log functions and the guest's output streams share it.
#[derive(Clone)]
pub(crate) struct SharedLog(Arc<Mutex<Log>>);

struct Log {
    plugin: Arc<str>,
    label: Arc<str>,
    method: Arc<str>,
    events: Arc<dyn EventSink>,
    line_bytes_max: usize,
    lines_per_second_max: u32,
    window_start: Instant,
    lines_in_window: u32,
    /// Whether lines count against the limit.
    counts: bool,
    last_error: Option<String>,
}

impl SharedLog {
    pub(crate) fn new(plugin: Arc<str>, label: Arc<str>, events: Arc<dyn EventSink>, limits: &Limits) -> SharedLog {
        SharedLog(Arc::new(Mutex::new(Log {
            plugin,
            label,
            method: INSTANTIATION.into(),
            events,
            line_bytes_max: limits.log_line_bytes_max as usize,
            lines_per_second_max: limits.log_lines_per_second_max,
            window_start: Instant::now(),
            lines_in_window: 0,
            counts: true,
            last_error: None,
        })))
    }

    /// Starts a call: its lines carry the method's name, and no error has been logged yet.
    pub(crate) fn start_call(&self, method: &Arc<str>) {
        let mut log = self.lock();
        log.method = method.clone();
        log.last_error = None;
    }

    /// Says whether lines count against the limit.
    pub(crate) fn set_counting(&self, counts: bool) {
        let mut log = self.lock();
        log.counts = counts;
        log.lines_in_window = 0;
    }

    /// The newest line at level error since the call started.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.lock().last_error.clone()
    }

    /// Bytes of a line that are kept.
    pub(crate) fn line_bytes_max(&self) -> usize {
        self.lock().line_bytes_max
    }

    /// Passes a line on, within the limits.
    pub(crate) fn line(&self, level: Level, message: &str) -> Result<(), FaultKind> {
        let mut log = self.lock();
        let now = Instant::now();
        if now.duration_since(log.window_start) >= Duration::from_secs(1) {
            log.window_start = now;
            log.lines_in_window = 0;
        }
        log.lines_in_window = log.lines_in_window.saturating_add(1);
        if log.counts && log.lines_in_window > log.lines_per_second_max {
            return Err(FaultKind::LogRate { limit: log.lines_per_second_max });
        }
        let message = cut(message, log.line_bytes_max);
        if level == Level::Error {
            log.last_error = Some(message.to_owned());
        }
        log.emit(Event::Log { level, message });
        Ok(())
    }

    /// Passes an event on.
    pub(crate) fn emit(&self, event: Event<'_>) {
        self.lock().emit(event);
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // Counters and a text: as good after a panic elsewhere as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn emit(&self, event: Event<'_>) {
        let origin = Origin { plugin: &self.plugin, method: &self.method, label: &self.label };
        self.events.event(origin, event);
    }
}

impl Host for HostState {
    fn log(&mut self, level: WitLevel, message: String) -> wasmtime::Result<()> {
        self.log.line(level.into(), &message).map_err(raise)
    }
}

/// The text's beginning, at most this many bytes, never half a character.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
