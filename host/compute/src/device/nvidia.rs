//! What NVIDIA's management library (NVML), which comes with their driver, tells of the machine's GPUs. It is about whole
//! GPUs, and so about everybody who uses them; what one owner uses is in its session's [`Usage`](super::Usage).

use std::ffi::OsStr;

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use thiserror::Error;

/// The library as the driver installs it. The name without a number is in the packages for developers only.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// GPUs that are looked at, at most.
pub const GPUS_MAX: u32 = 64;

/// One of NVIDIA's GPUs as it is at the moment. What the GPU can't tell is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuReading {
    /// What it is called, such as `NVIDIA L4`.
    pub name: String,
    /// The memory that it has, in bytes.
    pub memory_bytes: Option<u64>,
    /// The memory that is in use, by whomever, in bytes.
    pub memory_used_bytes: Option<u64>,
    /// The part of the last moment (up to a second) in which it computed, in percent.
    pub utilisation_percent: Option<u32>,
    /// How hot it is, in degrees Celsius.
    pub temperature_c: Option<u32>,
}

/// Why there are no readings.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum GpuReadingError {
    /// The library is not there, as on a machine without such a GPU. Trying again does not help.
    #[error("no {LIBRARY} here, which comes with NVIDIA's driver: {0}")]
    NoLibrary(String),
    /// The library can't get at the GPUs. The text is its own.
    #[error("NVIDIA's management library can't look at the GPUs: {0}")]
    Failed(String),
}

/// Looks at each of NVIDIA's GPUs, in the library's order. It takes some milliseconds.
///
/// # Errors
///
/// [`GpuReadingError::NoLibrary`], [`GpuReadingError::Failed`].
pub fn gpu_readings() -> Result<Vec<GpuReading>, GpuReadingError> {
    read(OsStr::new(LIBRARY))
}

fn read(library: &OsStr) -> Result<Vec<GpuReading>, GpuReadingError> {
    let nvml = Nvml::builder().lib_path(library).init()?;
    let count = nvml.device_count()?.min(GPUS_MAX);
    (0..count).map(|index| reading(&nvml, index).map_err(GpuReadingError::from)).collect()
}

fn reading(nvml: &Nvml, index: u32) -> Result<GpuReading, NvmlError> {
    let device = nvml.device_by_index(index)?;
    // A GPU that shares the machine's memory has none of its own, one that is partitioned tells no utilisation: each
    // model lacks something.
    let memory = device.memory_info().ok();
    Ok(GpuReading {
        name: device.name()?,
        memory_bytes: memory.as_ref().map(|memory| memory.total),
        memory_used_bytes: memory.map(|memory| memory.used),
        utilisation_percent: device.utilization_rates().ok().map(|rates| rates.gpu),
        temperature_c: device.temperature(TemperatureSensor::Gpu).ok(),
    })
}

impl From<NvmlError> for GpuReadingError {
    fn from(error: NvmlError) -> Self {
        match error {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => Self::NoLibrary(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_an_error_that_says_so() {
        let error = read(OsStr::new("libbelljar-has-no-such.so.1")).unwrap_err();
        assert!(matches!(&error, GpuReadingError::NoLibrary(why) if why.contains("libbelljar-has-no-such")), "{error}");
    }

    #[test]
    fn another_library_by_that_name_is_an_error_too() {
        // The C library is there whenever this program runs.
        let error = read(OsStr::new("libc.so.6")).unwrap_err();
        assert!(matches!(error, GpuReadingError::NoLibrary(_) | GpuReadingError::Failed(_)), "{error}");
    }
}
