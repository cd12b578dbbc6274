//! `belljar:plugin/clock`: the machine's clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use super::bindings::belljar::plugin::clock::Host;
use crate::state::HostState;

impl Host for HostState {
    fn now(&mut self) -> u64 {
        // A clock set before 1970 reads as 1970, and u64 nanoseconds last until the year 2554.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn monotonic(&mut self) -> u64 {
        u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
