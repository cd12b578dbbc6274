//! The two steps of a C plugin that no C compiler does: `bindings` makes C code of the plugin's WIT, and `component`
//! makes a component of the core module that the compiler made of both.
//!
//! It is a program apart because the libraries that do the work take a minute or more to compile, and because only
//! who builds plugins in C needs them.

use anyhow::{Context, bail};
use std::path::Path;
use std::process::ExitCode;
use wit_bindgen_core::{Files, wit_parser::Resolve};

/// What the generated files and their names start with, whatever the author's world is called, so that the SDK's
/// header can name them.
const PREFIX: &str = "plugin";

const USAGE: &str = "usage: belljar-componentize-c bindings WIT-FOLDER OUT-FOLDER
       belljar-componentize-c component CORE.wasm OUT.wasm";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["bindings", wit, out] => write_bindings(Path::new(wit), Path::new(out)),
        ["component", core, out] => write_component(Path::new(core), Path::new(out)),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes `plugin.h`, `plugin.c` and `plugin_component_type.o`. The last one carries the WIT into the core module,
/// where [`write_component`] finds it.
fn write_bindings(wit: &Path, out: &Path) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).with_context(|| format!("the WIT in {} is not valid", wit.display()))?;
    let world = resolve
        .select_world(&[package], None)
        .with_context(|| format!("{} must declare exactly one world", wit.display()))?;
    let options = wit_bindgen_c::Opts { rename_world: Some(PREFIX.to_owned()), ..Default::default() };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).context("the world has no form in C")?;
    for (name, content) in files.iter() {
        let file = out.join(name);
        std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Makes a component of a core module. Nothing stands in for WASI here, so that a module which needs it is refused
/// instead of becoming a component that cannot be an actor.
fn write_component(core: &Path, out: &Path) -> anyhow::Result<()> {
    let module = std::fs::read(core).with_context(|| format!("cannot read {}", core.display()))?;
    let mut encoder = wit_component::ComponentEncoder::default();
    let component = match encoder.validate(true).module(&module).and_then(|encoder| encoder.encode()) {
        Ok(component) => component,
        Err(error) if format!("{error:#}").contains("wasi_snapshot_preview1") => bail!(
            "the plugin uses a function of the C library that needs WASI (files, standard output, the clock, \
             `exit` …), which an actor cannot have; use the SDK's in its place: {error:#}"
        ),
        Err(error) => return Err(error).with_context(|| format!("{} makes no component", core.display())),
    };
    std::fs::write(out, component).with_context(|| format!("cannot write {}", out.display()))
}
