//! Processors, memory, and what the kernel offers.

use std::fs;

use ::belljar::{INSTANCES_LIVE_MAX, Machine};

use super::{Check, State};
use crate::human;

const TOPIC: &str = "Machine";
/// Linux's default of `vm.max_map_count`.
const MAPPINGS_DEFAULT: usize = 65_530;
/// Memory below which a few guests at their default limit of 256 MiB each may not fit: 1 GiB.
const MEMORY_FREE_MIN_BYTES: u64 = 1 << 30;
/// The first kernel with PAGEMAP_SCAN.
const PAGEMAP_SCAN_KERNEL: (u32, u32) = (6, 7);

pub(super) fn checks() -> Vec<Check> {
    let machine = Machine::detect();
    let release = read("/proc/sys/kernel/osrelease");
    let cores = human::plural(machine.cores, "guest runs at a time", "guests run at a time");
    vec![
        Check::new(TOPIC, "processors", State::Ok, format!("{}: {cores}", machine.cores)),
        memory(read("/proc/meminfo").as_deref(), read("/sys/fs/cgroup/memory.max").as_deref()),
        kernel(release.as_deref()),
        mappings(&machine),
        pagemap_scan(release.as_deref()),
        userfaultfd(read("/proc/sys/vm/unprivileged_userfaultfd").as_deref()),
    ]
}

fn read(path: &str) -> Option<String> {
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

fn mappings(machine: &Machine) -> Check {
    let found = format!(
        "vm.max_map_count is {}: up to {} instances live at once",
        human::count(machine.mappings_max as u64),
        human::count(machine.instances_live_max as u64)
    );
    if machine.mappings_max >= MAPPINGS_DEFAULT {
        return Check::new(TOPIC, "mappings", State::Ok, found);
    }
    Check::new(TOPIC, "mappings", State::Warning, found)
        .remedy(format!("`sudo sysctl vm.max_map_count=262144` allows {}", human::count(INSTANCES_LIVE_MAX as u64)))
}

fn pagemap_scan(release: Option<&str>) -> Check {
    let (major, minor) = PAGEMAP_SCAN_KERNEL;
    let version = release.and_then(version_of);
    if version.is_some_and(|version| version >= PAGEMAP_SCAN_KERNEL) {
        return Check::new(TOPIC, "PAGEMAP_SCAN", State::Ok, "there; this version of Belljar does not use it yet");
    }
    let found = "not there; this version of Belljar does not use it yet";
    Check::new(TOPIC, "PAGEMAP_SCAN", State::Missing, found)
        .remedy(format!("nothing needs it; Linux {major}.{minor} and later have it"))
}

fn userfaultfd(setting: Option<&str>) -> Check {
    let (state, found) = match setting {
        Some("1") => (State::Ok, "for every user"),
        Some(_) => (State::Ok, "in user mode only, which is enough"),
        None => (State::Missing, "not in this kernel"),
    };
    Check::new(TOPIC, "userfaultfd", state, format!("{found}; this version of Belljar does not use it yet"))
}

/// `6.1.0-13-amd64` is version 6.1.
fn version_of(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
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

    #[test]
    fn kernels_are_compared_by_their_numbers() {
        for (release, there) in [("6.7.0", true), ("6.12-rc1", true), ("10.0.1", true), ("6.1.0-13-amd64", false)] {
            assert_eq!(pagemap_scan(Some(release)).state == State::Ok, there, "{release}");
        }
        assert_eq!(pagemap_scan(Some("unknown")).state, State::Missing);
    }

    #[test]
    fn few_mappings_are_a_warning_with_the_command_that_raises_them() {
        let machine = Machine { cores: 1, mappings_max: 1_000, instances_live_max: 100 };
        let check = mappings(&machine);
        assert_eq!(check.state, State::Warning);
        assert!(check.remedy.unwrap().contains("sysctl vm.max_map_count"));
    }
}
