//! Plugins in Python, with componentize-py, which is a package of PyPI and puts the whole of CPython into the
//! component. WASI is stubbed, so that the component can be an actor.

use super::{Sources, Tools, tools};
use crate::process::run;
use crate::project::Project;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes components of Python.
pub struct Componentizer {
    program: PathBuf,
}

impl Componentizer {
    /// Gets the tool, if it is not there yet.
    ///
    /// # Errors
    ///
    /// There is no Python, or a package of PyPI cannot be had.
    pub fn ensure(project: &Project, sdk: &Path) -> anyhow::Result<Self> {
        let environment = tools::python_environment(project, "python-tools", &sdk.join("requirements.txt"))?;
        Ok(Self { program: tools::program(&environment, "componentize-py") })
    }
}

impl Tools for Componentizer {
    fn build(&self, sources: &Sources, component: &Path) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("--quiet").arg("--wit-path").arg(&sources.wit);
        command.args(["componentize", "--stub-wasi", "--python-path"]).arg(&sources.code);
        run(command.arg("--output").arg(component).arg("app"))
    }
}
