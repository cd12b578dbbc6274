//! `cargo xtask demo`: the workflow of the filings, on the samples that ship with Belljar or on
//! filings of one's own. It is what a newcomer runs first, so it builds all that it needs and ends
//! with what to try next.

use crate::guests;
use crate::process::{self, cargo, step};
use crate::project::Project;
use anyhow::Context;
use std::path::Path;
use std::process::Command;

/// The workflow, in the project's folder.
const WORKFLOW: &str = "examples/workflows/filings.toml";

/// The filings that ship with Belljar.
const SAMPLES: &str = "examples/filings";

/// Where the results go.
const OUT: &str = "demo-out";

/// Where the state of the workflow goes. It is inside [`OUT`], so that deleting that starts afresh.
const DATA: &str = "demo-out/.belljar";

/// What to try next, in the project's folder. `belljar` stands for the program's path.
const NEXT: &str = "
What to try next:
  cargo xtask demo                          the same again: every step is done, so nothing runs
  rm -r demo-out                            start afresh
  cargo xtask demo --filings DIR            filings of your own: DIR/TICKER/10-Q/ACCESSION/…
  belljar status --data-dir demo-out/.belljar
  belljar plugin inspect target/plugins/filings-extract.wasm
  belljar call target/plugins/greeter.wasm 'hello(\"you\")'
where `belljar` is ";

/// Builds the plugins and `belljar`, runs the workflow, and says what to try next.
///
/// # Errors
///
/// Something does not compile, or the workflow does not complete for every item.
pub fn run(project: &Project, filings: Option<&Path>) -> anyhow::Result<()> {
    // The folder is given as seen from where the user stands, and the workflow runs in the project's.
    let filings = match filings {
        Some(folder) => folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?,
        None => SAMPLES.into(),
    };
    guests::build_all(project, None)?;
    step("Building", "belljar (some minutes the first time)");
    // The whole workspace, so that the tests find the dependencies compiled with the same features.
    process::run(cargo().args(["build", "--workspace", "--all-targets"]).current_dir(project.root()))?;
    step("Running", format_args!("{WORKFLOW} on {}", filings.display()));
    process::run(
        Command::new(project.root().join(belljar()))
            .args(["run", WORKFLOW, "--data-dir", DATA])
            .args(["--set", &format!("filings={}", filings.display())])
            .args(["--set", &format!("out={OUT}")])
            .current_dir(project.root()),
    )?;
    println!("{NEXT}{}", belljar());
    Ok(())
}

/// The program, in the folder that cargo builds into.
fn belljar() -> String {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    format!("{target}/debug/belljar")
}
