//! What actors need: the kernel has to say which pages a guest wrote, awake actors need mappings and files, and there
//! has to be a place to keep them.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use ::belljar::actor::KeptActors;
use ::belljar::store::{DataDir, StoreError};
use ::belljar::{INSTANCES_LIVE_MAX, Machine};

use super::{Check, State};
use crate::human;

const TOPIC: &str = "Actors";
/// Linux's default of `vm.max_map_count`.
const MAPPINGS_DEFAULT: usize = 65_530;
/// The first kernel with PAGEMAP_SCAN.
const PAGEMAP_SCAN_KERNEL: (u32, u32) = (6, 7);
/// Files that a few hundred awake actors and everything else of a process need: 1,024, the usual limit of a shell.
const FILES_MIN: u64 = 1_024;

pub(super) fn checks(data_dir: &Path) -> Vec<Check> {
    let release = super::machine::read("/proc/sys/kernel/osrelease");
    vec![
        pagemap(read_pagemap()),
        pagemap_scan(release.as_deref()),
        mappings(&Machine::detect()),
        files(super::machine::read("/proc/self/limits").as_deref()),
        kept(data_dir),
    ]
}

/// Reads one entry, as a checkpoint reads many.
fn read_pagemap() -> Result<(), std::io::Error> {
    fs::File::open("/proc/self/pagemap")?.read_exact_at(&mut [0; 8], 0)
}

fn pagemap(read: Result<(), std::io::Error>) -> Check {
    match read {
        Ok(()) => Check::new(TOPIC, "pagemap", State::Ok, "/proc/self/pagemap tells which pages a guest wrote"),
        Err(error) => Check::new(TOPIC, "pagemap", State::Warning, format!("/proc/self/pagemap: {error}"))
            .remedy("without it no checkpoint can be taken: mount /proc, and let the container read it"),
    }
}

fn pagemap_scan(release: Option<&str>) -> Check {
    let (major, minor) = PAGEMAP_SCAN_KERNEL;
    if release.and_then(version_of).is_some_and(|version| version >= PAGEMAP_SCAN_KERNEL) {
        return Check::new(TOPIC, "PAGEMAP_SCAN", State::Ok, "finds the pages that a guest wrote in one request");
    }
    Check::new(TOPIC, "PAGEMAP_SCAN", State::Missing, "the entry of every page is read instead, which takes longer")
        .remedy(format!("nothing needs it; Linux {major}.{minor} and later have it"))
}

fn mappings(machine: &Machine) -> Check {
    let found = format!(
        "vm.max_map_count is {}: up to {} actors and tasks are awake at once, the others hibernate",
        human::count(machine.mappings_max as u64),
        human::count(machine.instances_live_max as u64)
    );
    if machine.mappings_max >= MAPPINGS_DEFAULT {
        return Check::new(TOPIC, "mappings", State::Ok, found);
    }
    Check::new(TOPIC, "mappings", State::Warning, found)
        .remedy(format!("`sudo sysctl vm.max_map_count=262144` allows {}", human::count(INSTANCES_LIVE_MAX as u64)))
}

fn files(limits: Option<&str>) -> Check {
    let soft = || {
        let line = limits?.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_whitespace().next().map(str::to_owned)
    };
    let Some(soft) = soft() else {
        return Check::new(TOPIC, "open files", State::Warning, "/proc/self/limits cannot be read");
    };
    let found = format!("up to {soft}: an awake actor that wrote more than 1 MiB takes one for each of its memories");
    match soft.parse::<u64>() {
        Ok(files) if files < FILES_MIN => {
            Check::new(TOPIC, "open files", State::Warning, found).remedy("raise it with `ulimit -n 65536`")
        }
        // `unlimited` is no number.
        _ => Check::new(TOPIC, "open files", State::Ok, found),
    }
}

fn kept(data_dir: &Path) -> Check {
    let at = data_dir.display();
    let data = match DataDir::open_read_only(data_dir) {
        Err(StoreError::NoDataDir { .. }) => {
            return Check::new(TOPIC, "kept in", State::Ok, format!("{at}, not made yet"));
        }
        opened => opened,
    };
    let count = data.map_err(::belljar::Error::from).and_then(|data| {
        let kept = KeptActors::open(data_dir)?;
        Ok((kept.count()?, data.has_writer()?))
    });
    match count {
        Ok((actors, is_open)) => {
            let actors = human::plural(usize::try_from(actors).unwrap_or(usize::MAX), "actor", "actors");
            let open = if is_open { "; a process has it open" } else { "" };
            Check::new(TOPIC, "kept in", State::Ok, format!("{at}: {actors}{open}"))
        }
        Err(error) => Check::new(TOPIC, "kept in", State::Warning, format!("{at}: {error}"))
            .remedy("`belljar checkpoint verify` says what is damaged; --data-dir names another one"),
    }
}

/// `6.1.0-13-amd64` is version 6.1.
fn version_of(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn few_open_files_are_a_warning() {
        let limits = |soft: &str| format!("Limit  Soft Limit  Hard Limit\nMax open files  {soft}  1048576  files\n");
        assert_eq!(files(Some(&limits("256"))).state, State::Warning);
        assert_eq!(files(Some(&limits("1024"))).state, State::Ok);
        assert_eq!(files(Some(&limits("unlimited"))).state, State::Ok);
        assert_eq!(files(Some("nonsense")).state, State::Warning);
    }

    #[test]
    fn a_machine_that_hides_pagemap_is_told_what_follows() {
        let hidden = pagemap(Err(std::io::ErrorKind::PermissionDenied.into()));
        assert_eq!(hidden.state, State::Warning);
        assert!(hidden.remedy.unwrap().contains("no checkpoint"));
        assert_eq!(pagemap(read_pagemap()).state, State::Ok);
    }

    #[test]
    fn where_actors_lie_is_told_without_making_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        assert!(kept(&path).found.ends_with("not made yet"));
        assert!(!path.exists());
        let _writer = DataDir::open(&path).unwrap();
        let check = kept(&path);
        assert!(check.found.ends_with("0 actors; a process has it open"), "{}", check.found);
    }
}
