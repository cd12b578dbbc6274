//! What this machine offers, and the limits that follow from it.

use std::thread::available_parallelism;

/// Instances alive at the same time, at the most, whatever the machine allows: 100,000. A live one takes some 50 KB at
/// least, so that many take 5 GB. With Linux's default of `vm.max_map_count` it is 11,467.
pub const INSTANCES_LIVE_MAX: usize = 100_000;
/// Mappings of an instance with one memory: its image, what it was grown by, the reservation behind it, the stack and
/// the stack's guard.
const MAPPINGS_PER_INSTANCE: usize = 5;
/// Mappings that are left to everything else in the process, such as threads, files and further memories of instances
/// that have several: 8,192.
const MAPPINGS_FREE: usize = 8_192;
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
        let mappings = mappings_max.saturating_sub(MAPPINGS_FREE).max(mappings_max / 2);
        let instances_live_max = (mappings / MAPPINGS_PER_INSTANCE).clamp(1, INSTANCES_LIVE_MAX);
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
