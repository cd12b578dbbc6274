//! Processors, memory, the kernel.

use std::fs;

use ::belljar::Machine;

use super::{Check, State};
use crate::human;

const TOPIC: &str = "Machine";
/// Memory below which a few guests at their default limit of 256 MiB each may not fit: 1 GiB.
const MEMORY_FREE_MIN_BYTES: u64 = 1 << 30;
pub(super) fn checks() -> Vec<Check> {
    let machine = Machine::detect();
    let release = read("/proc/sys/kernel/osrelease");
    let cores = human::plural(machine.cores, "guest runs at a time", "guests run at a time");
    vec![
        Check::new(TOPIC, "processors", State::Ok, format!("{}: {cores}", machine.cores)),
        memory(read("/proc/meminfo").as_deref(), read("/sys/fs/cgroup/memory.max").as_deref()),
        kernel(release.as_deref()),
    ]
}

/// A file of /proc or /sys, without the line break at its end; none where it cannot be read.
pub(super) fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn memory(meminfo: Option<&str>, cgroup_max: Option<&str>) -> Check {
    let field = |name: &str| {
        let line = meminfo?.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
    };
    let (Some(total), Some(free)) = (field("MemTotal"), field("MemAvailable")) else {
        return Check::new(TOPIC, "memory", State::Warning, "/proc/meminfo cannot be read");
    };
    let limit = cgroup_max.and_then(|text| text.parse::<u64>().ok()).filter(|limit| *limit < total);
    let (total, free) = limit.map_or((total, free), |limit| (limit, free.min(limit)));
    let of_group = if limit.is_some() { " (limit of the control group)" } else { "" };
    let found = format!("{}{of_group}, {} free", human::size(total), human::size(free));
    if free < MEMORY_FREE_MIN_BYTES {
        return Check::new(TOPIC, "memory", State::Warning, found)
            .remedy("a guest may use 256 MiB: lower `memory_bytes_max` or `workers`, or end other programs");
    }
    Check::new(TOPIC, "memory", State::Ok, found)
}

fn kernel(release: Option<&str>) -> Check {
    match release {
        Some(release) => Check::new(TOPIC, "kernel", State::Ok, format!("Linux {release}")),
        None => Check::new(TOPIC, "kernel", State::Warning, "not Linux, where Belljar is tested"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        8000000 kB\nMemFree:           10 kB\nMemAvailable:    4000000 kB\n";

    #[test]
    fn memory_is_what_the_control_group_leaves() {
        assert_eq!(memory(Some(MEMINFO), Some("max")).found, "8.2 GB, 4.1 GB free");
        let limited = memory(Some(MEMINFO), Some("536870912"));
        assert_eq!(limited.state, State::Warning);
        assert!(limited.found.starts_with("536.9 MB (limit"), "{}", limited.found);
        assert_eq!(memory(Some("nonsense"), None).state, State::Warning);
    }
}
