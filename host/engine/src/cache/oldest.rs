//! Keeping a folder of files that can be made again within its limits.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

/// Removes the files of a folder with this extension that were changed longest ago, until no more than `files_max` of
/// them are left and they have no more than `bytes_max` bytes together, as `size_bytes` counts them. Somebody else may do
/// the same at the same time, so a file that is gone already is as good as removed.
///
/// # Errors
///
/// Of the file system. What was removed before stays removed.
pub fn remove_oldest(
    folder: &Path,
    extension: &str,
    files_max: usize,
    bytes_max: u64,
    size_bytes: impl Fn(&Metadata) -> u64,
) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|found| found != extension) {
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) => files.push((metadata.modified()?, size_bytes(&metadata), path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    files.sort();
    let mut left = files.len();
    let mut left_bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if left <= files_max && left_bytes <= bytes_max {
            break;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => (left, left_bytes) = (left - 1, left_bytes - bytes),
        }
    }
    Ok(())
}
