//! A Vulkan driver for the tests of the compute device. A machine that has one uses its own. For others there is
//! lavapipe, Mesa's driver that computes on the CPU, from Debian's packages: they are unpacked under
//! `target/vulkan/` with whatever they need that is not installed. Nothing is installed, and root is not needed.
//!
//! Everything else works without a driver. So a machine that cannot have one is told which tests will be skipped
//! and why, and that is no error.
//!
//! ```text
//! target/vulkan/
//!   lock                       held while anything below changes
//!   downloads/                 packages, until they are unpacked
//!   driver/usr/lib/…           the loader, the driver, and their libraries
//!   lavapipe.json              tells the loader where the driver is
//! ```

use crate::process::step;
use crate::project::Project;
use crate::{apt, files};
use anyhow::Context;
use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package with the driver. It has those for GPUs as well, which find no GPU and say so.
const DRIVER_PACKAGE: &str = "mesa-vulkan-drivers";

/// The package with the loader, through which programs use drivers.
const LOADER_PACKAGE: &str = "libvulkan1";

/// Where installed drivers are declared.
const DECLARATION_FOLDERS: [&str; 3] =
    ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];

/// The same in the unpacked packages.
const DECLARATIONS: &str = "usr/share/vulkan/icd.d";

/// How the declaration of lavapipe begins; some versions go on with the architecture.
const DECLARATION_PREFIX: &str = "lvp_icd";

/// The variable in which the loader is told of a driver.
const DRIVER_VARIABLE: &str = "VK_DRIVER_FILES";

/// The variable in which the machine's own loader is told of libraries.
const LIBRARY_VARIABLE: &str = "LD_LIBRARY_PATH";

/// Has what the command starts find a Vulkan driver, which is fetched if need be. Where there can be none, it says
/// so and leaves the command alone.
pub fn apply(project: &Project, command: &mut Command) {
    if has_own_driver() {
        return;
    }
    match ensure(&project.vulkan()).and_then(|driver| driver.environment()) {
        Ok(variables) => {
            command.envs(variables);
        }
        Err(error) => step(
            "Skipping",
            format_args!("the compute device's tests; install a Vulkan driver, such as Mesa's lavapipe: {error:#}"),
        ),
    }
}

/// Whether a driver is installed, or the user has named one.
fn has_own_driver() -> bool {
    let declares_one = |folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    env::var_os(DRIVER_VARIABLE).is_some() || DECLARATION_FOLDERS.into_iter().any(declares_one)
}

/// Makes sure that the driver is unpacked in the folder.
fn ensure(folder: &Path) -> anyhow::Result<Driver> {
    files::create_folder(folder)?;
    // Whoever comes second waits here and then finds the work done.
    let lock = File::create(folder.join("lock"))
        .and_then(|lock| lock.lock().map(|()| lock))
        .with_context(|| format!("cannot lock {}", folder.display()))?;

    let driver = Driver { folder: folder.to_owned() };
    if !driver.root().is_dir() {
        driver.fetch()?;
    }
    // Every time, because it holds the path of the project, which may have been moved.
    driver.declare()?;
    drop(lock);
    Ok(driver)
}

/// The driver in its folder.
struct Driver {
    folder: PathBuf,
}

impl Driver {
    fn root(&self) -> PathBuf {
        self.folder.join("driver")
    }

    fn declaration(&self) -> PathBuf {
        self.folder.join("lavapipe.json")
    }

    fn fetch(&self) -> anyhow::Result<()> {
        apt::ensure_offered(DRIVER_PACKAGE, None)?;
        let missing = apt::missing(&[DRIVER_PACKAGE, LOADER_PACKAGE])?;
        let wanted: Vec<_> = missing.iter().map(String::as_str).filter(|package| is_needed(package)).collect();
        let downloads = self.folder.join("downloads");
        step("Downloading", "lavapipe, a Vulkan driver that computes on the CPU, from Debian (up to 60 MB)");
        apt::download(&wanted, &downloads)?;

        step("Unpacking", "it into target/vulkan (up to 250 MB)");
        let partial = self.folder.join("driver.partial");
        files::remove_folder(&partial)?;
        files::create_folder(&partial)?;
        for package in wanted {
            apt::unpack(package, &downloads, &[], &partial)?;
        }
        files::rename(&partial, &self.root())?;
        files::remove_folder(&downloads)
    }

    /// Declares the driver as its package does, with the library where it is now.
    fn declare(&self) -> anyhow::Result<()> {
        let theirs = find(&self.root().join(DECLARATIONS), |name| name.starts_with(DECLARATION_PREFIX))?;
        let text = fs::read_to_string(&theirs).with_context(|| format!("cannot read {}", theirs.display()))?;
        let ours = rebase(&text, &self.root()).with_context(|| format!("cannot make sense of {}", theirs.display()))?;
        files::write(&self.declaration(), &ours)
    }

    /// The variables by which programs find the driver, and the loader before that.
    fn environment(&self) -> anyhow::Result<[(&'static str, OsString); 2]> {
        // Debian names the folder after the machine, such as `x86_64-linux-gnu`. Not every version uses both.
        let folder = |parent| find(&self.root().join(parent), |name| name.contains("-linux-gnu")).ok();
        let mut libraries: Vec<_> = ["usr/lib", "lib"].into_iter().filter_map(folder).collect();
        libraries.extend(env::var_os(LIBRARY_VARIABLE).iter().flat_map(env::split_paths));
        let libraries = env::join_paths(libraries).context("a colon in the project's path")?;
        Ok([(DRIVER_VARIABLE, self.declaration().into()), (LIBRARY_VARIABLE, libraries)])
    }
}

/// Whether a missing package is one for the driver: a library. Python is among what the driver's package depends
/// on, for a script that nothing here calls.
fn is_needed(package: &str) -> bool {
    package == DRIVER_PACKAGE || (package.starts_with("lib") && !package.starts_with("libpython"))
}

/// What is in a folder under a name of that kind.
fn find(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<PathBuf> {
    let is_wanted = |path: &PathBuf| path.file_name().is_some_and(|name| is_wanted(&name.to_string_lossy()));
    let found = files::entries(folder)?.into_iter().find(is_wanted);
    found.with_context(|| format!("what is wanted is not in {}", folder.display()))
}

/// A driver's declaration with the absolute path of its library under another root. A library without a path is
/// left to be found as all libraries are.
fn rebase(declaration: &str, root: &Path) -> anyhow::Result<String> {
    let mut declaration: Value = serde_json::from_str(declaration)?;
    let path = declaration.pointer_mut("/ICD/library_path").context("it names no library")?;
    let library = path.as_str().context("its library is no text")?;
    if let Some(relative) = library.strip_prefix('/') {
        let library = root.join(relative);
        *path = library.to_str().context("the project's path is not Unicode")?.into();
    }
    Ok(serde_json::to_string_pretty(&declaration)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_library_is_found_where_it_was_unpacked() {
        let declared = r#"{"ICD": {"api_version": "1.1", "library_path": "/usr/lib/libvulkan_lvp.so"}}"#;
        let rebased: Value = serde_json::from_str(&rebase(declared, Path::new("/project")).unwrap()).unwrap();

        assert_eq!(rebased["ICD"]["library_path"], "/project/usr/lib/libvulkan_lvp.so");
        assert_eq!(rebased["ICD"]["api_version"], "1.1");
    }

    #[test]
    fn a_declared_library_without_a_path_stays_as_it_is() {
        let declared = r#"{"ICD": {"library_path": "libvulkan_lvp.so"}}"#;
        let rebased: Value = serde_json::from_str(&rebase(declared, Path::new("/project")).unwrap()).unwrap();

        assert_eq!(rebased["ICD"]["library_path"], "libvulkan_lvp.so");
        assert!(rebase("{}", Path::new("/project")).is_err());
    }

    #[test]
    fn of_what_is_missing_only_the_libraries_are_fetched() {
        let missing = ["libllvm15", "libpython3.11-stdlib", "mailcap", "mesa-vulkan-drivers", "python3", "libvulkan1"];

        assert_eq!(missing.map(is_needed), [true, false, false, true, false, true]);
    }

    #[test]
    fn programs_find_the_driver_and_its_libraries() {
        let folder = tempfile::tempdir().unwrap();
        let driver = Driver { folder: folder.path().to_owned() };
        let libraries = driver.root().join("usr/lib/x86_64-linux-gnu");
        files::create_folder(&libraries).unwrap();
        files::create_folder(&driver.root().join(DECLARATIONS)).unwrap();
        let theirs = driver.root().join(DECLARATIONS).join("lvp_icd.x86_64.json");
        files::write(&theirs, r#"{"ICD": {"library_path": "/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so"}}"#).unwrap();

        let driver = ensure(folder.path()).unwrap();

        let [(_, declaration), (_, path)] = driver.environment().unwrap();
        assert!(fs::read_to_string(declaration).unwrap().contains(libraries.to_str().unwrap()));
        assert_eq!(env::split_paths(&path).next(), Some(libraries));
    }
}
