//! A private Rust for guests, from Debian's packages. It is for machines where rustup must not
//! install anything: Debian ships the compiler and the sources of its standard library, from which
//! the standard library of a WebAssembly target is built here.
//!
//! Nothing is installed outside `target/guest-sysroot/`, and root is not needed. Each part is made
//! under another name and then renamed, so a part that is there is whole; whoever interrupts the work
//! loses the part at hand at most, and neither its downloads nor what cargo had compiled.
//!
//! ```text
//! target/guest-sysroot/
//!   lock                       held while anything below changes
//!   downloads/                 packages, until they are unpacked
//!   rust/bin/rustc             the compiler, with its libraries found
//!   rust/usr/lib/rustlib/…     its sysroot, with a folder for each target that was built
//!   std-build/                 cargo's work on a standard library, until it is done
//! ```

use crate::process::{guest_cargo, output, run, step};
use crate::project::Project;
use crate::toolchain::{ActiveRust, Target};
use crate::{apt, files};
use anyhow::Context;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package with the compiler.
const COMPILER_PACKAGE: &str = "rustc-web";

/// The oldest compiler that builds guests: the version that the manifests ask for.
const COMPILER_VERSION_MIN: &str = env!("CARGO_PKG_RUST_VERSION");

/// The package with the sources of the standard library.
const SOURCE_PACKAGE: &str = "rust-web-src";

/// The package with the standard library of the machine itself, for build scripts and macros.
const STD_PACKAGE: &str = "libstd-rust-web-dev";

/// The package with the C library for WASI, on which the standard library of `wasm32-wasip2` stands.
const WASI_LIBC_PACKAGE: &str = "wasi-libc";

/// Where that package has its libraries.
const WASI_LIBC_FOLDER: &str = "usr/lib/wasm32-wasi";

/// How the packages are called that carry a version in their name: what the compiler runs on.
const STD_LIBRARY_PREFIX: &str = "libstd-rust-web-";
const LLVM_PREFIX: &str = "libllvm";

/// What is needed of the sources, which are large.
const SOURCE_PATTERNS: [&str; 2] = ["./usr/src/rustc-*/library", "./usr/lib/rustlib/src*"];

/// Starts the compiler with the libraries that were unpacked beside it.
const COMPILER_SCRIPT: &str = r#"#!/bin/sh
rust=$(cd "$(dirname "$0")/.." && pwd) || exit 1
LD_LIBRARY_PATH="$rust/usr/lib/MULTIARCH${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
    exec "$rust/usr/bin/rustc" "$@"
"#;

/// A crate without content. Building it builds the standard library under it.
const STD_BUILD_MANIFEST: &str = r#"[package]
name = "std-build"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.release]
opt-level = 3
debug = 0
codegen-units = 1
"#;

/// Makes sure that there is a private Rust with the target's standard library, and returns its
/// compiler.
///
/// # Errors
///
/// The machine is not a Debian, its package lists are missing, or a step fails. The error says which
/// command helps.
pub fn ensure(project: &Project, active: &ActiveRust, target: Target) -> anyhow::Result<PathBuf> {
    let folder = project.guest_sysroot();
    files::create_folder(&folder)?;
    // Whoever comes second waits here and then finds the work done.
    let lock = File::create(folder.join("lock"))
        .and_then(|lock| lock.lock().map(|()| lock))
        .with_context(|| format!("cannot lock {}", folder.display()))?;

    let rust = PrivateRust { folder, active };
    rust.ensure_compiler()?;
    rust.link_linkers()?;
    rust.ensure_library(target)?;
    drop(lock);
    Ok(rust.compiler())
}

/// The private Rust in its folder.
struct PrivateRust<'a> {
    folder: PathBuf,
    /// The Rust whose linkers it borrows.
    active: &'a ActiveRust,
}

impl PrivateRust<'_> {
    fn compiler(&self) -> PathBuf {
        self.folder.join("rust/bin/rustc")
    }

    fn sysroot(&self) -> PathBuf {
        self.folder.join("rust/usr")
    }

    fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    fn ensure_compiler(&self) -> anyhow::Result<()> {
        if self.compiler().is_file() {
            return Ok(());
        }
        apt::ensure_offered(COMPILER_PACKAGE, Some(COMPILER_VERSION_MIN)).context(
            "RUSTUP_AUTO_INSTALL=0 keeps rustup from adding the target, and Debian's packages are the \
             only other source of one. Unset the variable, or run `rustup target add` yourself",
        )?;
        let std = apt::dependency(STD_PACKAGE, STD_LIBRARY_PREFIX)?;
        let llvm = apt::dependency(&std, LLVM_PREFIX)?;
        let binaries = [COMPILER_PACKAGE, STD_PACKAGE, &std, &llvm];
        let downloads = self.downloads();
        step(
            "Downloading",
            "Rust from Debian (140 MB), because RUSTUP_AUTO_INSTALL=0 keeps rustup from adding targets",
        );
        apt::download(&[binaries.as_slice(), &[SOURCE_PACKAGE]].concat(), &downloads)?;

        step("Unpacking", "it into target/guest-sysroot (550 MB)");
        let partial = self.folder.join("rust.partial");
        files::remove_folder(&partial)?;
        files::create_folder(&partial.join("bin"))?;
        for package in binaries {
            apt::unpack(package, &downloads, &[], &partial)?;
        }
        apt::unpack(SOURCE_PACKAGE, &downloads, &SOURCE_PATTERNS, &partial)?;
        self.write_compiler_script(&partial.join("bin/rustc"))?;
        files::rename(&partial, &self.folder.join("rust"))?;
        files::remove_folder(&downloads)
    }

    fn write_compiler_script(&self, script: &Path) -> anyhow::Result<()> {
        // Debian names the folder for libraries after the machine's target, without the vendor.
        let multiarch = self.active.host.replace("-unknown-", "-");
        files::write(script, &COMPILER_SCRIPT.replace("MULTIARCH", &multiarch))?;
        run(Command::new("chmod").arg("+x").arg(script))?;
        let version = output(Command::new(script).arg("--version"))
            .context("the Rust of Debian's packages does not start on this machine")?;
        step("Unpacked", version.trim_end());
        Ok(())
    }

    /// Points to the active Rust's linkers, as Debian packages none that makes components. It is done
    /// every time: the active Rust may be another one than last time.
    fn link_linkers(&self) -> anyhow::Result<()> {
        let theirs = self.active.linkers();
        let ours = self.sysroot().join("lib/rustlib").join(&self.active.host).join("bin");
        files::create_folder(&ours.join("gcc-ld"))?;
        for linker in ["rust-lld", "wasm-component-ld", "gcc-ld/wasm-ld"] {
            run(Command::new("ln").arg("-sfn").arg(theirs.join(linker)).arg(ours.join(linker)))?;
        }
        Ok(())
    }

    fn ensure_library(&self, target: Target) -> anyhow::Result<()> {
        if target.is_in(&self.sysroot()) {
            return Ok(());
        }
        let triple = target.triple();
        step("Building", format_args!("the standard library for {triple} from Debian's sources"));
        let partial = self.folder.join(format!("{triple}.partial"));
        files::remove_folder(&partial)?;
        if target == Target::Wasip2 {
            self.add_wasi_libc(&partial.join("self-contained"))?;
        }
        let build = self.folder.join("std-build");
        let compiled = self.build_library(&build, triple)?;
        files::copy_with_extension(&compiled, &["rlib"], &partial)?;
        // A folder that is there has no whole library, or this would not be reached.
        let library = target.library_in(&self.sysroot());
        files::remove_folder(&library)?;
        files::create_folder(&library)?;
        files::rename(&partial, &library)?;
        files::remove_folder(&build)
    }

    /// Has cargo build the standard library, in the unstable way that a released cargo allows with
    /// `RUSTC_BOOTSTRAP` only. Returns the folder with the compiled crates.
    fn build_library(&self, folder: &Path, triple: &str) -> anyhow::Result<PathBuf> {
        files::create_folder(&folder.join("src"))?;
        files::write(&folder.join("Cargo.toml"), STD_BUILD_MANIFEST)?;
        files::write(&folder.join("src/lib.rs"), "#![no_std]\n")?;
        run(guest_cargo()
            .args(["build", "--release", "-Zbuild-std=std,panic_abort"])
            .args(["--target", triple, "--target-dir", "target"])
            .current_dir(folder)
            .env("RUSTC", self.compiler())
            .env("RUSTC_BOOTSTRAP", "1")
            // Link-time optimisation of a guest goes through its standard library, too.
            .env("RUSTFLAGS", "-Cembed-bitcode=yes"))
        .with_context(|| format!("cannot build the standard library for {triple}"))?;
        Ok(folder.join("target").join(triple).join("release/deps"))
    }

    /// Puts the C library where rustc looks for what it links by itself.
    fn add_wasi_libc(&self, destination: &Path) -> anyhow::Result<()> {
        let downloads = self.downloads();
        let unpacked = downloads.join("unpacked");
        files::create_folder(&unpacked)?;
        apt::download(&[WASI_LIBC_PACKAGE], &downloads)?;
        apt::unpack(WASI_LIBC_PACKAGE, &downloads, &[], &unpacked)?;
        files::copy_with_extension(&unpacked.join(WASI_LIBC_FOLDER), &["o", "a"], destination)?;
        files::remove_folder(&downloads)
    }
}
