//! Where the parts of the project are. The places under `target/` are fixed, whatever
//! `CARGO_TARGET_DIR` says: workflows and tests refer to `target/plugins/` by a path in the project.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// The checkout that this xtask belongs to.
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the checkout from the place where xtask was compiled.
    ///
    /// # Errors
    ///
    /// The checkout has been moved or removed since.
    pub fn of_this_xtask() -> anyhow::Result<Self> {
        let own_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root =
            own_folder.parent().expect("xtask is a folder of the project").canonicalize().with_context(|| {
                format!("the project is no longer at {}; build xtask again there", own_folder.display())
            })?;
        Ok(Self { root })
    }

    /// The project's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The workspace of the guests.
    pub fn plugins(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// Where the finished components go.
    pub fn components(&self) -> PathBuf {
        self.root.join("target/plugins")
    }

    /// Cargo's target folder for guests. It is apart from the host's, so that neither waits for the
    /// other's lock.
    pub fn guest_target(&self) -> PathBuf {
        self.root.join("target/guests")
    }

    /// Where a private guest toolchain lives, if one is needed.
    pub fn guest_sysroot(&self) -> PathBuf {
        self.root.join("target/guest-sysroot")
    }

    /// Where a Vulkan driver lives, if the machine has none.
    pub fn vulkan(&self) -> PathBuf {
        self.root.join("target/vulkan")
    }

    /// Where plugins in other languages than Rust are built, and the tools for that are.
    pub fn languages(&self) -> PathBuf {
        self.root.join("target/languages")
    }

    /// A path as a person would write it who stands in the project's folder.
    pub fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
