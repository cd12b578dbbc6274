//! Plugins in JavaScript, with componentize-js, which is a package of npm and puts the engine StarlingMonkey into the
//! component. The SDK's `build.mjs` leaves out what needs WASI, so that the component can be an actor.

use super::{Sources, Tools, tools};
use crate::process::run;
use crate::project::Project;
use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes components of JavaScript.
pub struct Componentizer {
    /// Where the packages are, and the script that uses them.
    folder: PathBuf,
}

impl Componentizer {
    /// Gets the tool, if it is not there yet.
    ///
    /// # Errors
    ///
    /// There is no Node, or a package of npm cannot be had.
    pub fn ensure(project: &Project, sdk: &Path) -> anyhow::Result<Self> {
        let folder = tools::node_modules(project, "javascript-tools", &sdk.join("package.json"))?;
        // Node looks for packages beside the script.
        fs::copy(sdk.join("build.mjs"), folder.join("build.mjs")).context("cannot copy the SDK's build.mjs")?;
        Ok(Self { folder })
    }
}

impl Tools for Componentizer {
    fn build(&self, sources: &Sources, component: &Path) -> anyhow::Result<()> {
        let mut node = Command::new("node");
        node.arg(self.folder.join("build.mjs")).arg(sources.code.join("app.js"));
        run(node.arg(&sources.wit).arg(component))
    }
}
