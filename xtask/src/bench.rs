//! `cargo xtask bench`: the benchmarks on freshly built plugins, and the simulation of checkpoint policies, which needs
//! none.

use crate::guests;
use crate::process::{self, cargo};
use crate::project::Project;
use crate::vulkan;

/// The benchmark that simulates.
const SIMULATION: &str = "checkpoint-policies";

/// Runs the benchmarks, or only the one of that name.
///
/// # Errors
///
/// The plugins or the benchmarks do not compile, or a benchmark fails.
pub fn run(project: &Project, name: Option<&str>) -> anyhow::Result<()> {
    match name {
        Some(SIMULATION) => simulate(project),
        Some(name) => measure(project, &["--bench", name]),
        None => measure(project, &["--benches"]).and_then(|()| simulate(project)),
    }
}

fn measure(project: &Project, which: &[&str]) -> anyhow::Result<()> {
    guests::build_all(project, None)?;
    // The benchmark of the main job times the program as a user runs it.
    process::run(cargo().args(["build", "--release", "--package", "belljar-cli"]).current_dir(project.root()))?;
    // The benchmarks of what the host computes for guests are beside that, as they look at it alone.
    let packages = ["bench", "--package", "belljar-benches", "--package", "belljar-compute"];
    let mut benches = cargo();
    vulkan::apply(project, &mut benches);
    process::run(benches.args(packages).args(which).current_dir(project.root()))
}

fn simulate(project: &Project) -> anyhow::Result<()> {
    let package = ["bench", "--package", "belljar-checkpoint-policies", "--bench", SIMULATION];
    process::run(cargo().args(package).current_dir(project.root()))
}
