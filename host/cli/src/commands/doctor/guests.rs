//! What building plugins takes, in Rust and in other languages. Running them takes none of it.

use std::path::{Path, PathBuf};

use super::tool::ask;
use super::{Check, State};

const TOPIC: &str = "Building plugins";
/// The targets of plugins in Rust, and what each is for.
const TARGETS: [(&str, &str); 2] =
    [("wasm32-unknown-unknown", "plugins without files and network"), ("wasm32-wasip2", "plugins that read files")];
/// The linker that makes components.
const LINKER: &str = "wasm-component-ld";
/// Where a checkout of Belljar keeps a toolchain of its own, if it needed one.
const PRIVATE_SYSROOT: &str = "target/guest-sysroot/rust/usr";
/// Other languages: the name, the program, how it tells its version, what it is for, how to get it.
const TOOLS: [(&str, &[&str], &str, &str); 4] = [
    ("python3", &["--version"], "plugins in Python", "install Python 3 from your distribution"),
    ("componentize-py", &["--version"], "plugins in Python", "`pip install componentize-py`"),
    ("node", &["--version"], "plugins in JavaScript", "install Node.js from your distribution or https://nodejs.org"),
    ("jco", &["--version"], "plugins in JavaScript", "`npm install -g @bytecodealliance/jco`"),
];

pub(super) async fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    for program in ["rustc", "cargo"] {
        checks.push(match ask(program, &["--version"]).await {
            Some(version) => Check::new(TOPIC, program, State::Ok, version),
            None => Check::new(TOPIC, program, State::Missing, "needed for plugins in Rust")
                .remedy("install Rust from https://rustup.rs"),
        });
    }
    let sysroot = ask("rustc", &["--print", "sysroot"]).await.map(PathBuf::from);
    let host = ask("rustc", &["--print", "host-tuple"]).await;
    for (target, purpose) in TARGETS {
        checks.push(standard_library(sysroot.as_deref(), Path::new(PRIVATE_SYSROOT), target, purpose));
    }
    checks.push(linker(sysroot.as_deref(), host.as_deref()));
    for (program, arguments, purpose, remedy) in TOOLS {
        checks.push(match ask(program, arguments).await {
            Some(version) => Check::new(TOPIC, program, State::Ok, version),
            None => Check::new(TOPIC, program, State::Missing, format!("needed for {purpose}")).remedy(remedy),
        });
    }
    checks
}

/// Whether some sysroot has the standard library of a target.
fn standard_library(sysroot: Option<&Path>, private: &Path, target: &str, purpose: &str) -> Check {
    let has = |sysroot: &Path| has_std(sysroot, target);
    if let Some(sysroot) = sysroot.filter(|sysroot| has(sysroot)) {
        return Check::new(TOPIC, target, State::Ok, format!("in {}", sysroot.display()));
    }
    if has(private) {
        return Check::new(TOPIC, target, State::Ok, format!("in {}, for `cargo xtask plugins`", private.display()));
    }
    Check::new(TOPIC, target, State::Missing, format!("needed for {purpose}")).remedy(format!(
        "`rustup target add {target}`; in a checkout of Belljar `cargo xtask plugins` gets it by itself"
    ))
}

fn has_std(sysroot: &Path, target: &str) -> bool {
    let Ok(files) = std::fs::read_dir(sysroot.join("lib/rustlib").join(target).join("lib")) else {
        return false;
    };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

fn linker(sysroot: Option<&Path>, host: Option<&str>) -> Check {
    let place =
        sysroot.zip(host).map(|(sysroot, host)| sysroot.join("lib/rustlib").join(host).join("bin").join(LINKER));
    match place {
        Some(place) if place.is_file() => Check::new(TOPIC, LINKER, State::Ok, place.display().to_string()),
        _ => Check::new(TOPIC, LINKER, State::Missing, "needed for plugins in Rust: it makes components")
            .remedy("it comes with every Rust that rustup installs: https://rustup.rs"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn with_std(target: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("lib/rustlib").join(target).join("lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("libstd-0123.rlib"), "").unwrap();
        folder
    }

    #[test]
    fn a_target_is_there_when_its_standard_library_is() {
        let (rustup, nothing) = (with_std("wasm32-wasip2"), Path::new("/nowhere"));
        let check = |target| standard_library(Some(rustup.path()), nothing, target, "plugins");
        assert_eq!(check("wasm32-wasip2").state, State::Ok);
        let missing = check("wasm32-unknown-unknown");
        assert_eq!(missing.state, State::Missing);
        assert!(missing.remedy.unwrap().contains("rustup target add wasm32-unknown-unknown"));
    }

    #[test]
    fn the_toolchain_of_a_checkout_counts_too() {
        let private = with_std("wasm32-wasip2");
        let check = standard_library(None, private.path(), "wasm32-wasip2", "plugins");
        assert!(check.found.contains("cargo xtask plugins"), "{}", check.found);
    }

    #[test]
    fn without_rustup_there_is_no_linker() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(linker(Some(folder.path()), Some("x86_64-unknown-linux-gnu")).state, State::Missing);
        let bin = folder.path().join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join(LINKER), "").unwrap();
        assert_eq!(linker(Some(folder.path()), Some("x86_64-unknown-linux-gnu")).state, State::Ok);
    }
}
