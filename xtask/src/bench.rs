//! `cargo xtask bench`: the benchmarks, on freshly built plugins.

use crate::guests;
use crate::process::{self, cargo};
use crate::project::Project;

/// Runs the benchmarks, or only the one of that name.
///
/// # Errors
///
/// The plugins or the benchmarks do not compile, or a benchmark fails.
pub fn run(project: &Project, name: Option<&str>) -> anyhow::Result<()> {
    guests::build_all(project, None)?;
    // The benchmark of the main job times the program as a user runs it.
    process::run(cargo().args(["build", "--release", "--package", "belljar-cli"]).current_dir(project.root()))?;
    let mut bench = cargo();
    bench.args(["bench", "--package", "belljar-benches"]).current_dir(project.root());
    match name {
        Some(name) => bench.args(["--bench", name]),
        None => bench.arg("--benches"),
    };
    process::run(&mut bench)
}
