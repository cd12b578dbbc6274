//! What whole-system tests need: a runtime in a temporary folder in one line, the plugins, the sample filings, the
//! `belljar` binary, and reports of its runs.

pub mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use belljar::compute::{DeviceConfig, DeviceError, WorkerProgram};
use belljar::{Plugin, Runtime};
use serde_json::Value as Json;
use tempfile::TempDir;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}

/// A plugin's file.
///
/// # Panics
///
/// When the plugins are not built.
pub fn plugin_path(name: &str) -> PathBuf {
    let path = root().join("target/plugins").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing: run `cargo xtask plugins` first", path.display());
    path
}

/// The sample filings that ship with the project.
pub fn sample_filings() -> PathBuf {
    root().join("examples/filings")
}

/// A runtime with a data directory of its own, which is gone when the returned folder is dropped.
pub fn runtime() -> (Runtime, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = Runtime::builder().data_dir(folder.path().join("data")).build().expect("a runtime");
    (runtime, folder)
}

/// A plugin that was granted nothing.
pub async fn plugin(runtime: &Runtime, name: &str) -> Plugin {
    runtime.load(plugin_path(name)).await.unwrap_or_else(|error| panic!("{name} does not load: {error}"))
}

/// The `belljar` binary, as the test runner built it.
///
/// # Panics
///
/// When it is not built.
pub fn belljar() -> Command {
    let mut command = Command::new(belljar_path());
    command.env_remove("BELLJAR_DATA_DIR").env_remove("BELLJAR_LOG").env_remove("RUST_LOG");
    command
}

fn belljar_path() -> PathBuf {
    let test = std::env::current_exe().expect("this test's own path");
    let folder = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    let path = folder.join("belljar");
    assert!(path.is_file(), "{} is missing: run `cargo build -p belljar-cli` first", path.display());
    path
}

/// A compute device whose kernels run in processes of the `belljar` binary, on any adapter that there is.
///
/// # Panics
///
/// When the binary is not built.
pub fn device() -> DeviceConfig {
    DeviceConfig { program: WorkerProgram::Path(belljar_path()), allow_cpu: true, ..DeviceConfig::default() }
}

/// A runtime with such a device on a data directory that outlives it; none, which is said, on a machine without one.
///
/// # Panics
///
/// When the device is there and cannot be opened.
pub async fn runtime_with_device(folder: &Path) -> Option<Runtime> {
    let runtime = Runtime::builder().data_dir(folder.join("data")).device(device()).build().expect("a runtime");
    match runtime.compute_adapter().await {
        Ok(_) => Some(runtime),
        Err(DeviceError::NoAdapter(why)) => {
            println!("SKIPPED: there is no adapter for kernels: {why}");
            None
        }
        Err(error) => panic!("the device cannot be opened: {error}"),
    }
}

/// This test binary once more, as a process of its own that runs one of its tests that are ignored otherwise.
pub fn itself(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test's own path"));
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// A call of `belljar run WORKFLOW --json` with its own data directory.
pub fn run_workflow(workflow: &str, data_dir: &Path, set: &[(&str, &Path)]) -> Command {
    let mut command = belljar();
    command.arg("run").arg(root().join("examples/workflows").join(workflow)).arg("--json");
    command.arg("--data-dir").arg(data_dir);
    for (name, value) in set {
        command.arg("--set").arg(format!("{name}={}", value.display()));
    }
    command
}

/// The report that a `--json` run printed.
///
/// # Panics
///
/// When it printed something else.
pub fn report(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        panic!("no report ({error}); it printed {out:?} and {err:?}")
    })
}

/// The entry of an item in a report.
///
/// # Panics
///
/// When it is not there.
pub fn item<'a>(report: &'a Json, name: &str) -> &'a Json {
    let items = report["items"].as_array().expect("a report has items");
    items.iter().find(|item| item["item"] == name).unwrap_or_else(|| panic!("there is no item {name} in {report}"))
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("the entry has a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}
