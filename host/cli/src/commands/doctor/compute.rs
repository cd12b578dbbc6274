//! What plugins' own kernels run on (`belljar:plugin/compute`): the adapter that would be used, and the files on disk that
//! say why there is none.

use std::fs;
use std::path::{Path, PathBuf};

use belljar::Runtime;
use belljar::compute::{Adapter, AdapterKind, DeviceError, GpuReading, gpu_readings};

use super::{Check, State};

const TOPIC: &str = "Compute device (only for plugins with kernels of their own)";
/// How kernels are proved right on a machine without a GPU.
const CPU_REMEDY: &str = "with a GPU, install its Vulkan driver; without one, kernels can be tried on the processor with \
                          mesa-vulkan-drivers and BELLJAR_COMPUTE_CPU=1, which is off by itself because it is many times \
                          slower than the host's own tensors and boards";
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

pub(super) async fn checks() -> Vec<Check> {
    let mut checks = checks_below(Path::new("/"));
    match Runtime::builder().build() {
        Ok(runtime) => checks.push(adapter(runtime.compute_adapter().await)),
        // The self-test says it.
        Err(error) => tracing::debug!(%error, "no runtime to look for an adapter"),
    }
    match gpu_readings() {
        Ok(readings) => checks.extend(readings.iter().map(gpu)),
        // Without the driver, that is what is missing, and it has a check of its own.
        Err(error) => tracing::debug!(%error, "no readings of NVIDIA's GPUs"),
    }
    checks
}

fn adapter(found: Result<Adapter, DeviceError>) -> Check {
    match found {
        Ok(Adapter { name, driver, kind: AdapterKind::Cpu, .. }) => {
            Check::new(TOPIC, "adapter", State::Warning, format!("{name} ({driver}) computes on the processor"))
                .remedy(CPU_REMEDY)
        }
        Ok(Adapter { name, driver, .. }) => Check::new(TOPIC, "adapter", State::Ok, format!("{name} ({driver})")),
        Err(error) => Check::new(TOPIC, "adapter", State::Missing, error.to_string()).remedy(CPU_REMEDY),
    }
}

/// How busy one of NVIDIA's GPUs is.
fn gpu(reading: &GpuReading) -> Check {
    let gibibytes = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let memory = reading.memory_used_bytes.zip(reading.memory_bytes);
    let known = [
        memory.map(|(used, all)| format!("{:.1} of {:.1} GiB in use", gibibytes(used), gibibytes(all))),
        reading.utilisation_percent.map(|percent| format!("{percent} % busy")),
        reading.temperature_c.map(|degrees| format!("{degrees} °C")),
    ];
    let known: Vec<_> = known.into_iter().flatten().collect();
    Check::new(TOPIC, &reading.name, State::Ok, if known.is_empty() { "there".into() } else { known.join(", ") })
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
    fn a_gpu_says_what_it_can() {
        let reading = GpuReading {
            name: "NVIDIA L4".into(),
            memory_bytes: Some(24 << 30),
            memory_used_bytes: Some(3 << 29),
            utilisation_percent: None,
            temperature_c: Some(41),
        };
        assert_eq!(gpu(&reading).found, "1.5 of 24.0 GiB in use, 41 °C");
        let reading = GpuReading { memory_bytes: None, temperature_c: None, ..reading };
        assert_eq!(gpu(&reading).found, "there");
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
