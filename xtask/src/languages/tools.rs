//! Tools that are installed under `target/languages/`, by the package managers of their languages.

use crate::files;
use crate::process::{output, run, step};
use crate::project::Project;
use anyhow::Context;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file beside the tools that tells in which versions they were installed. It is written last, so an installation
/// that was interrupted is done again.
const INSTALLED: &str = "installed";

/// Installs what a `requirements.txt` names into a Python environment of its own, unless it is there, and returns the
/// environment's folder.
///
/// # Errors
///
/// There is no Python 3 with `venv`, or a package cannot be had.
pub fn python_environment(project: &Project, name: &str, requirements: &Path) -> anyhow::Result<PathBuf> {
    let folder = project.languages().join(name);
    ensure(&folder, requirements, || {
        let version = output(Command::new("python3").arg("--version")).context("Python 3 is needed")?;
        step("Installing", format_args!("{} for {}", project.short(requirements), version.trim_end()));
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("Python's venv is needed (on Debian: `apt-get install python3-venv`)")?;
        let mut pip = Command::new(program(&folder, "python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(requirements)).context("PyPI's packages cannot be had")
    })?;
    Ok(folder)
}

/// A program of a Python environment.
pub fn program(environment: &Path, name: &str) -> PathBuf {
    environment.join("bin").join(name)
}

/// Installs what a `package.json` names, unless it is there, and returns the folder with `node_modules`.
///
/// # Errors
///
/// There is no Node with npm, or a package cannot be had.
pub fn node_modules(project: &Project, name: &str, package: &Path) -> anyhow::Result<PathBuf> {
    let folder = project.languages().join(name);
    ensure(&folder, package, || {
        let version = output(Command::new("node").arg("--version"))
            .context("Node 20 or later is needed (on Debian: `apt-get install nodejs npm`)")?;
        step("Installing", format_args!("{} for Node {}", project.short(package), version.trim_end()));
        fs::copy(package, folder.join("package.json"))
            .with_context(|| format!("cannot copy {}", project.short(package)))?;
        run(Command::new("npm")
            .args([
                "install",
                "--no-package-lock",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel",
                "error",
            ])
            .current_dir(&folder))
        .context("npm's packages cannot be had")
    })?;
    Ok(folder)
}

/// Installs into a folder unless the versions in `wanted` were installed there before.
fn ensure(folder: &Path, wanted: &Path, install: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let wanted = fs::read_to_string(wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let installed = folder.join(INSTALLED);
    if fs::read_to_string(&installed).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    files::remove_folder(folder)?;
    files::create_folder(folder)?;
    install()?;
    files::write(&installed, &wanted)
}

/// The paths of the files in a folder that have an extension, sorted.
pub fn files_with_extension(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = files::entries(folder)?;
    files.retain(|file| file.extension() == Some(OsStr::new(extension)));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_installed_once_for_each_version() {
        let folder = tempfile::tempdir().unwrap();
        let (tools, wanted) = (folder.path().join("tools"), folder.path().join("requirements.txt"));
        let mut installations = 0;

        for version in ["tool==1", "tool==1", "tool==2"] {
            files::write(&wanted, version).unwrap();
            ensure(&tools, &wanted, || {
                installations += 1;
                Ok(())
            })
            .unwrap();
        }

        assert_eq!(installations, 2);
    }

    #[test]
    fn an_installation_that_failed_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let (tools, wanted) = (folder.path().join("tools"), folder.path().join("requirements.txt"));
        files::write(&wanted, "tool==1").unwrap();

        ensure(&tools, &wanted, || anyhow::bail!("there is no network")).unwrap_err();
        let mut tried_again = false;
        ensure(&tools, &wanted, || {
            tried_again = true;
            Ok(())
        })
        .unwrap();

        assert!(tried_again);
    }
}
