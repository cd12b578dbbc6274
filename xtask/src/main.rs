//! `cargo xtask`: everything that a checkout of Belljar needs beyond plain cargo. It builds the
//! plugins as WebAssembly components, getting a guest toolchain first where there is none, and runs
//! the demo, the tests and the benchmarks on them.
//!
//! It says what it does, one line a step, and does nothing twice: when nothing has changed, building
//! the plugins takes about a second.

mod apt;
mod bench;
mod debian;
mod demo;
mod files;
mod guests;
mod languages;
mod process;
mod project;
mod test;
mod toolchain;
mod vulkan;

use clap::{Parser, Subcommand};
use project::Project;
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds the plugins, and runs the demo, the tests and the benchmarks.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the plugins that ship with Belljar, into target/plugins
    Plugins {
        /// Builds this one only
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
        /// Builds those in C, Python and JavaScript, too; their compilers come from PyPI and npm
        #[arg(long)]
        languages: bool,
    },
    /// Builds a plugin crate anywhere on this machine
    Plugin {
        /// The folder of the crate
        path: PathBuf,
        /// Where the component goes [default: target/plugins/NAME.wasm in this project]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Builds everything and runs the workflow of the filings
    Demo {
        /// Filings to process instead of the samples: DIR/TICKER/10-Q/ACCESSION/…
        #[arg(long, value_name = "DIR")]
        filings: Option<PathBuf>,
    },
    /// Builds the plugins and runs all tests
    Test {
        /// Runs the tests of one workspace only
        #[arg(long, value_enum)]
        only: Option<test::Workspace>,
        /// Passed on to `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Builds the plugins and runs the benchmarks
    Bench {
        /// Runs this benchmark only
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let project = Project::of_this_xtask()?;
    match task {
        Task::Plugins { only: Some(name), .. } if languages::has(&project, &name) => {
            languages::build_all(&project, Some(&name))
        }
        Task::Plugins { only, languages } => {
            guests::build_all(&project, only.as_deref())?;
            if languages && only.is_none() { languages::build_all(&project, None) } else { Ok(()) }
        }
        Task::Plugin { path, out } => guests::build_one(&project, &path, out),
        Task::Demo { filings } => demo::run(&project, filings.as_deref()),
        Task::Test { only, arguments } => test::run(&project, only, &arguments),
        Task::Bench { name } => bench::run(&project, name.as_deref()),
    }
}
