//! Compute adapters, as far as their files on disk tell. Belljar does not use any yet, and says so.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, State};

const TOPIC: &str = "Compute adapters (this version of Belljar does not use them yet)";
/// The Vulkan loader.
const LOADER: &str = "libvulkan.so.1";
/// Where libraries are installed, below `/`.
const LIBRARY_DIRS: [&str; 8] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "usr/local/lib",
    "lib64",
];
/// Where drivers register with the loader, below `/`.
const DRIVER_DIRS: [&str; 3] = ["usr/share/vulkan/icd.d", "usr/local/share/vulkan/icd.d", "etc/vulkan/icd.d"];
/// Drivers that are named at the most.
const DRIVERS_SHOWN_MAX: usize = 8;

pub(super) fn checks() -> Vec<Check> {
    checks_below(Path::new("/"))
}

fn checks_below(root: &Path) -> Vec<Check> {
    let loader = LIBRARY_DIRS.iter().map(|dir| root.join(dir).join(LOADER)).find(|path| path.exists());
    let drivers = drivers(root);
    let nvidia = fs::read_to_string(root.join("proc/driver/nvidia/version")).ok();
    vec![
        match loader {
            Some(path) => Check::new(TOPIC, "Vulkan loader", State::Ok, path.display().to_string()),
            None => Check::new(TOPIC, "Vulkan loader", State::Missing, "no Vulkan program runs here")
                .remedy("on Debian: `apt install libvulkan1`"),
        },
        if drivers.is_empty() {
            Check::new(TOPIC, "Vulkan drivers", State::Missing, "the loader would find none")
                .remedy("on Debian: `apt install mesa-vulkan-drivers`, which also has one for the processor")
        } else {
            Check::new(TOPIC, "Vulkan drivers", State::Ok, drivers.join(", "))
        },
        match nvidia.as_deref().and_then(|text| text.lines().next()) {
            Some(version) => Check::new(TOPIC, "NVIDIA driver", State::Ok, version.trim()),
            None => Check::new(TOPIC, "NVIDIA driver", State::Missing, "not loaded")
                .remedy("only with such a card: install your distribution's NVIDIA driver"),
        },
    ]
}

/// The drivers' names, which are those of their files: `lvp_icd.x86_64.json`.
fn drivers(root: &Path) -> Vec<String> {
    let files = DRIVER_DIRS.iter().filter_map(|dir| fs::read_dir(root.join(dir)).ok()).flatten().flatten();
    let mut names: Vec<String> = files
        .map(|file| PathBuf::from(file.file_name()))
        .filter(|name| name.extension().is_some_and(|ending| ending == "json"))
        .filter_map(|name| Some(name.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names.truncate(DRIVERS_SHOWN_MAX);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_installed_is_nothing_found_with_the_packages_to_install() {
        let root = tempfile::tempdir().unwrap();
        let checks = checks_below(root.path());
        assert!(checks.iter().all(|check| check.state == State::Missing && check.remedy.is_some()), "{checks:?}");
    }

    #[test]
    fn drivers_are_known_by_their_files() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join(DRIVER_DIRS[0]);
        fs::create_dir_all(&place).unwrap();
        for name in ["lvp_icd.x86_64.json", "intel_icd.x86_64.json", "README"] {
            fs::write(place.join(name), "{}").unwrap();
        }
        let drivers = &checks_below(root.path())[1];
        assert_eq!((drivers.state, &*drivers.found), (State::Ok, "intel_icd.x86_64, lvp_icd.x86_64"));
    }
}
