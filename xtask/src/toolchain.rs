//! The compiler for guests. A guest needs the standard library of its target, and the linker
//! `wasm-component-ld`, which makes a component of a core module and comes with every Rust that
//! rustup installs.
//!
//! The standard library is taken from the first of these that applies:
//! 1. the active Rust has it;
//! 2. rustup was told not to install anything (`RUSTUP_AUTO_INSTALL=0`): it is built from Debian's
//!    packages into a private sysroot, see [`debian`];
//! 3. rustup adds it to the active Rust.

use crate::debian;
use crate::process::{output, run, step};
use crate::project::Project;
use anyhow::{Context, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a plugin is compiled for. Its manifest says which, under `[package.metadata.belljar]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Target {
    /// Imports nothing but what the plugin names. Such a plugin can be an actor.
    #[default]
    #[serde(rename = "wasm32-unknown-unknown")]
    Unknown,
    /// Imports WASI 0.2, as the standard library's files, environment and clock need it.
    #[serde(rename = "wasm32-wasip2")]
    Wasip2,
}

impl Target {
    /// The target's name in Rust.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Unknown => "wasm32-unknown-unknown",
            Self::Wasip2 => "wasm32-wasip2",
        }
    }

    /// Where a sysroot has the target's standard library.
    pub fn library_in(self, sysroot: &Path) -> PathBuf {
        sysroot.join("lib/rustlib").join(self.triple()).join("lib")
    }

    /// Whether a sysroot has the target's standard library.
    pub fn is_in(self, sysroot: &Path) -> bool {
        let Ok(files) = std::fs::read_dir(self.library_in(sysroot)) else {
            return false;
        };
        files.flatten().any(|file| {
            let name = file.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    }
}

/// A compiler that can build guests for a target.
pub struct Toolchain {
    /// The compiler, if it is another one than cargo would take.
    rustc: Option<PathBuf>,
    /// The linker that makes components.
    linker: PathBuf,
}

impl Toolchain {
    /// Finds the toolchain for a target, or gets it.
    ///
    /// # Errors
    ///
    /// Rust was not installed with rustup, or the target's standard library can be had in none of
    /// the three ways. The error says what to install.
    pub fn ensure(project: &Project, target: Target) -> anyhow::Result<Self> {
        let rust = ActiveRust::find(project)?;
        let triple = target.triple();
        if target.is_in(&rust.sysroot) {
            return Ok(Self { rustc: None, linker: rust.component_linker()? });
        }
        // Without the linker nothing below is worth its time.
        let linker = rust.component_linker()?;
        if std::env::var_os("RUSTUP_AUTO_INSTALL").is_some_and(|value| value == "0") {
            let rustc = debian::ensure(project, &rust, target)?;
            return Ok(Self { rustc: Some(rustc), linker });
        }
        step("Installing", format_args!("the standard library for {triple} with rustup: the active Rust lacks it"));
        run(Command::new("rustup").args(["target", "add", triple]).current_dir(project.root())).with_context(|| {
            format!(
                "the active Rust ({}) has no standard library for {triple}, and rustup could \
                     not add it. Run `rustup target add {triple}` where there is a network, or set \
                     RUSTUP_AUTO_INSTALL=0 on Debian to have it built from Debian's packages",
                rust.sysroot.display()
            )
        })?;
        if !target.is_in(&rust.sysroot) {
            bail!(
                "rustup added {triple} to another Rust than the active one, which is at {}. \
                 Set RUSTUP_TOOLCHAIN to the toolchain to use, and try again",
                rust.sysroot.display()
            );
        }
        Ok(Self { rustc: None, linker })
    }

    /// Has cargo use this toolchain for guests.
    pub fn apply(&self, cargo: &mut Command) {
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
        // For wasm32-wasip2 it is the default; here it makes a component of the other target, too.
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &self.linker);
    }
}

/// The Rust that cargo uses in the project's folder.
pub struct ActiveRust {
    /// Where it is installed.
    pub sysroot: PathBuf,
    /// The machine's own target, such as `x86_64-unknown-linux-gnu`.
    pub host: String,
}

impl ActiveRust {
    fn find(project: &Project) -> anyhow::Result<Self> {
        let rustc = |arguments: &[&str]| {
            output(Command::new("rustc").args(arguments).current_dir(project.root()))
                .context("Rust is needed: install it from https://rustup.rs")
        };
        let sysroot = rustc(&["--print", "sysroot"])?;
        let host = rustc(&["--print", "host-tuple"])?;
        Ok(Self { sysroot: PathBuf::from(sysroot.trim_end()), host: host.trim_end().to_owned() })
    }

    /// The folder with the linkers that rustup installs.
    pub fn linkers(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(&self.host).join("bin")
    }

    fn component_linker(&self) -> anyhow::Result<PathBuf> {
        let linker = self.linkers().join("wasm-component-ld");
        if !linker.is_file() {
            bail!(
                "there is no linker for components at {}. It comes with every Rust that rustup \
                 installs, so the active Rust is another one (a distribution's, perhaps): install \
                 Rust from https://rustup.rs, put ~/.cargo/bin first in PATH, and try again",
                linker.display()
            );
        }
        Ok(linker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysroot_has_a_target_once_its_standard_library_is_there() {
        let sysroot = tempfile::tempdir().unwrap();
        let library = Target::Wasip2.library_in(sysroot.path());
        std::fs::create_dir_all(&library).unwrap();

        assert!(!Target::Wasip2.is_in(sysroot.path()));

        std::fs::write(library.join("libstd-0123.rlib"), "").unwrap();
        assert!(Target::Wasip2.is_in(sysroot.path()));
        assert!(!Target::Unknown.is_in(sysroot.path()));
    }

    #[test]
    fn a_rust_without_the_linker_is_told_to_come_from_rustup() {
        let sysroot = tempfile::tempdir().unwrap();
        let rust = ActiveRust { sysroot: sysroot.path().to_owned(), host: "x86_64-unknown-linux-gnu".to_owned() };

        let error = rust.component_linker().unwrap_err().to_string();

        assert!(error.contains("rustup.rs"), "{error}");
        assert!(error.contains("wasm-component-ld"), "{error}");
    }
}
