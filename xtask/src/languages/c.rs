//! Plugins in C, with the compiler of Zig, which brings a C library for WebAssembly along and comes as a package of
//! PyPI. What the C library would ask of WASI is refused when the component is made.
//!
//! The bindings and the component are made by `guest-sdk/c/componentize`, a program of its own: its libraries take
//! a minute or more to compile, which nobody pays who builds no plugin in C.

use super::{Sources, Tools, tools};
use crate::process::{guest_cargo, run, step};
use crate::project::Project;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The stack, in bytes. It lies below the data, so that running out of it is a trap and destroys nothing.
const STACK: &str = "-Wl,-z,stack-size=65536";

/// What makes bindings and components, and what compiles.
pub struct Compiler {
    componentizer: PathBuf,
    python: PathBuf,
    cache: PathBuf,
}

impl Compiler {
    /// Gets the tools, if they are not there yet.
    ///
    /// # Errors
    ///
    /// There is no Python, or a package of PyPI or crates.io cannot be had.
    pub fn ensure(project: &Project, sdk: &Path) -> anyhow::Result<Self> {
        let environment = tools::python_environment(project, "c-tools", &sdk.join("requirements.txt"))?;
        let target = project.languages().join("componentize-c");
        let componentizer = target.join("debug/belljar-componentize-c");
        if !componentizer.is_file() {
            step("Building", "the componentizer for C (a minute or more the first time)");
        }
        let mut cargo = guest_cargo();
        cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(sdk.join("componentize/Cargo.toml"));
        run(cargo.arg("--target-dir").arg(&target))?;
        let python = tools::program(&environment, "python");
        Ok(Self { componentizer, python, cache: project.languages().join("zig-cache") })
    }
}

impl Tools for Compiler {
    fn build(&self, sources: &Sources, component: &Path) -> anyhow::Result<()> {
        let bindings = sources.work.join("bindings");
        crate::files::create_folder(&bindings)?;
        run(Command::new(&self.componentizer).arg("bindings").arg(&sources.wit).arg(&bindings))?;

        let core = sources.work.join("core.wasm");
        let mut compiler = Command::new(&self.python);
        compiler.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-std=c17", "-O2"]);
        compiler.args(["-Wall", "-Wextra", "-Werror", STACK, "-Wl,--strip-debug", "-I"]).arg(&bindings);
        compiler.args(tools::files_with_extension(&sources.code, "c")?);
        compiler.args([bindings.join("plugin.c"), bindings.join("plugin_component_type.o")]);
        compiler.arg("-o").arg(&core);
        run(compiler.env("ZIG_GLOBAL_CACHE_DIR", &self.cache).env("ZIG_LOCAL_CACHE_DIR", &self.cache))?;

        run(Command::new(&self.componentizer).arg("component").arg(&core).arg(component))
    }
}
