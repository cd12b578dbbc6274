//! What a worker gives up before it touches a driver, as far as that is cheap. It is no sandbox: a driver needs
//! its device files and its libraries. It is so that a kernel that gets the better of a driver finds little: no
//! terminal, no files of the host, no secrets in the environment (the host clears it), no core dump.

use std::fs::{self, File};
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};
use rustix::stdio::{dup2_stdin, dup2_stdout};

use crate::device::adapter::{Adapter, AdapterKind};

/// Descriptors that a worker may have open.
const FILES_MAX: u64 = 256;

/// Address space that a driver on the CPU may take beside the buffers, in bytes: its compiler's, mostly.
const CPU_DRIVER_BYTES_MAX: u64 = 4 << 30;

/// Leaves the terminal's session, so that the host decides when a worker ends, and lets go of what it may not
/// need. The descriptors 0 and 1 have been duplicated by now; a driver that prints must not print there.
pub(super) fn at_start() -> io::Result<()> {
    // Fails only for a process that leads a group already, which is as good.
    let _ = setsid();
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    lower(Resource::Core, 0)?;
    lower(Resource::Nofile, FILES_MAX)
}

/// Bounds the memory of a driver that computes on the CPU. GPUs' drivers reserve address space without measure.
pub(super) fn after_open(adapter: &Adapter, memory_bytes_max: u64) -> io::Result<()> {
    if adapter.kind != AdapterKind::Cpu {
        return Ok(());
    }
    let now = address_space_bytes()?;
    // A driver may need as much again for a buffer as that has.
    let buffers = memory_bytes_max.saturating_mul(2);
    lower(Resource::As, now.saturating_add(buffers).saturating_add(CPU_DRIVER_BYTES_MAX))
}

fn lower(resource: Resource, to: u64) -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(resource);
    let to = maximum.map_or(to, |maximum| maximum.min(to));
    setrlimit(resource, Rlimit { current: Some(to), maximum: Some(to) })?;
    Ok(())
}

/// The process's address space. The first number in `statm` is its pages.
fn address_space_bytes() -> io::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().next().and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/statm has no number"))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}
