//! What the machine says of this process and of its disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use crate::Figures;

/// Bytes that one append of [`disk_sync`] writes: what a small frame of the log has.
const APPEND_BYTES: usize = 4096;
const APPENDS: usize = 300;

/// Milliseconds that an append of 4 KiB and its `fdatasync` take in this folder: the limit of everything that waits
/// for the disk.
pub fn disk_sync(folder: &Path) -> io::Result<Figures> {
    let path = folder.join("disk-sync");
    let mut file = File::create(&path)?;
    let block = [7; APPEND_BYTES];
    let mut times = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let start = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(Figures::new(times))
}

/// Memory of this process, in bytes.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// Its pages, shared ones divided among those that share them.
    pub proportional: u64,
    /// Page tables, which the kernel keeps for it.
    pub page_tables: u64,
    /// Mappings, a number.
    pub mappings: u64,
}

/// Looks at this process.
pub fn memory() -> io::Result<Memory> {
    let field = |text: &str, name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
        kib.unwrap_or_default() << 10
    };
    let (rollup, status) =
        (std::fs::read_to_string("/proc/self/smaps_rollup")?, std::fs::read_to_string("/proc/self/status")?);
    Ok(Memory {
        proportional: field(&rollup, "Pss:"),
        page_tables: field(&status, "VmPTE:"),
        mappings: std::fs::read_to_string("/proc/self/maps")?.lines().count() as u64,
    })
}

/// How busy the machine was in the last minute, as the kernel averages it.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The size of all files in a folder and below, as the disk counts it.
pub fn disk_bytes(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

/// Lets the kernel forget what it holds of the files in a folder and below, so that they are read from the disk again.
pub fn forget_files(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget_files(&path)?;
        } else {
            let file = File::open(&path)?;
            // Only what is on the disk can be forgotten.
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}
