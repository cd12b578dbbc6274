//! `cargo xtask test`: the tests of both workspaces. The host's run on freshly built plugins; the
//! plugins' own unit tests run on this machine, without a sandbox, beside a stand-in for the host.

use crate::guests;
use crate::process::{self, cargo, step};
use crate::project::Project;
use crate::vulkan;
use anyhow::bail;
use clap::ValueEnum;
use std::process::Command;
use std::time::Instant;

/// Whose tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workspace {
    /// Belljar's
    Host,
    /// The plugins' and the SDK's
    Plugins,
}

/// Runs the tests of both workspaces, or of one, and closes with a summary. The second workspace runs
/// even if the first fails. The arguments go to `cargo test`.
///
/// # Errors
///
/// The plugins do not compile, or tests fail.
pub fn run(project: &Project, only: Option<Workspace>, arguments: &[String]) -> anyhow::Result<()> {
    let wanted = |workspace| only.is_none_or(|only| only == workspace);
    let mut outcomes = Vec::new();
    if wanted(Workspace::Host) {
        guests::build_all(project, None)?;
        // Whole-system tests call the `belljar` program, which `cargo test` alone would not build.
        step("Building", "belljar and its tests (some minutes the first time)");
        process::run(cargo().args(["build", "--workspace", "--bins", "--tests"]).current_dir(project.root()))?;
        let mut tests = cargo();
        tests.args(["test", "--workspace"]);
        vulkan::apply(project, &mut tests);
        outcomes.push(outcome("host", tests, project, arguments));
    }
    if wanted(Workspace::Plugins) {
        let mut tests = cargo();
        tests.args(["test", "--workspace", "--manifest-path"]);
        tests.arg(project.plugins().join("Cargo.toml"));
        tests.arg("--target-dir").arg(project.guest_target());
        outcomes.push(outcome("plugins", tests, project, arguments));
    }

    eprintln!();
    for outcome in &outcomes {
        let verb = if outcome.passed { "Passed" } else { "Failed" };
        step(verb, format_args!("{} tests in {:.0} s", outcome.name, outcome.duration_s));
    }
    if outcomes.iter().any(|outcome| !outcome.passed) {
        bail!("not all tests passed");
    }
    Ok(())
}

/// How one workspace's tests ended.
struct Outcome {
    name: &'static str,
    passed: bool,
    duration_s: f64,
}

fn outcome(name: &'static str, mut tests: Command, project: &Project, arguments: &[String]) -> Outcome {
    step("Testing", format_args!("the {name} workspace"));
    let start = Instant::now();
    let result = process::run(tests.arg("--no-fail-fast").args(arguments).current_dir(project.root()));
    if let Err(error) = &result {
        eprintln!("{error:#}");
    }
    Outcome { name, passed: result.is_ok(), duration_s: start.elapsed().as_secs_f64() }
}
