//! `belljar:plugin/clock`: the machine's clocks, or the time that an actor's message came with. The latter stands still
//! during a message, so that a replay of the message sees the same.

use std::time::{SystemTime, UNIX_EPOCH};

use super::bindings::belljar::plugin::clock::Host;
use crate::state::HostState;

/// What both clocks show, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogicalTime {
    /// Since 1970-01-01T00:00:00Z.
    pub now_ns: u64,
    /// Since an unnamed moment.
    pub monotonic_ns: u64,
}

impl Host for HostState {
    fn now(&mut self) -> u64 {
        if let Some(time) = self.time {
            return time.now_ns;
        }
        // A clock set before 1970 reads as 1970, and u64 nanoseconds last until the year 2554.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn monotonic(&mut self) -> u64 {
        match self.time {
            Some(time) => time.monotonic_ns,
            None => u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }
}
