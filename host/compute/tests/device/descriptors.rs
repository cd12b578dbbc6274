//! What a worker has of its host.

use std::fs;
use std::os::fd::AsRawFd;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::support::*;

#[tokio::test]
async fn a_worker_has_no_file_that_its_host_left_open() {
    // Without `CLOEXEC`, as a library in C may open it.
    let left_open = memfd_create("left-open", MemfdFlags::empty()).expect("a memory file");
    let Some(device) = device().await else { return };
    let session = device.session();
    assert_works(&session).await;
    let worker = session.worker_process().expect("it has just worked");
    let files = |process: &str| -> Vec<String> {
        let files = fs::read_dir(format!("/proc/{process}/fd")).expect("a process that runs");
        let link = |file: std::io::Result<fs::DirEntry>| fs::read_link(file.ok()?.path()).ok();
        files.filter_map(link).map(|link| link.to_string_lossy().into_owned()).collect()
    };
    let has_it = |process: &str| files(process).iter().any(|file| file.contains("left-open"));
    assert!(has_it("self"), "descriptor {}", left_open.as_raw_fd());
    assert!(!has_it(&worker.to_string()), "{:?}", files(&worker.to_string()));
}
