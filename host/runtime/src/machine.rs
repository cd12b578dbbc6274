//! What this machine offers, and the limits that follow from it.

use std::thread::available_parallelism;

/// Instances alive at the same time, at the most: 8,000. Each takes about five memory mappings, and Linux allows
/// a process 65,530 by default.
pub const INSTANCES_LIVE_MAX: usize = 8_000;
/// Mappings of one instance: reservation, image, table, stack and its guard.
const MAPPINGS_PER_INSTANCE: usize = 5;
/// Linux's default of `vm.max_map_count`.
const MAPPINGS_MAX_DEFAULT: usize = 65_530;

/// Facts about this machine.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// Memory mappings that a process may have (`vm.max_map_count`).
    pub mappings_max: usize,
    /// Instances that may be alive at once, which follows from it.
    pub instances_live_max: usize,
}

impl Machine {
    /// Looks at this machine.
    pub fn detect() -> Machine {
        let mappings_max = std::fs::read_to_string("/proc/sys/vm/max_map_count")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(MAPPINGS_MAX_DEFAULT);
        // Half of the mappings stay free for everything else in the process.
        let instances_live_max = (mappings_max / 2 / MAPPINGS_PER_INSTANCE).clamp(1, INSTANCES_LIVE_MAX);
        Machine { cores: available_parallelism().map_or(1, usize::from), mappings_max, instances_live_max }
    }
}

/// Lets this process have as many open files as it may: every actor with images of its own has one for each memory.
pub(crate) fn raise_files_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "the number of open files stays limited");
    }
}
