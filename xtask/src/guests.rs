//! Building plugins: each a crate whose library is a `cdylib`, which becomes one component. What it
//! is compiled for stands in its manifest:
//!
//! ```toml
//! [package.metadata.belljar]
//! target = "wasm32-wasip2"    # without it: wasm32-unknown-unknown
//! ```
//!
//! `greeter.toml` in the crate `greeter` says what the plugin may reach, and is put beside the component.

use crate::files;
use crate::process::{guest_cargo, output, run, step};
use crate::project::Project;
use crate::toolchain::{Target, Toolchain};
use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The profile of guests, given on cargo's command line so that a plugin anywhere gets it. Panics
/// abort, as WebAssembly has nothing to unwind with. The section with the functions' names stays, for
/// the backtrace of a trap; the far larger debugging information goes. The level of optimisation is
/// the one of the crate's own release profile.
const PROFILE: [&str; 5] = [
    "profile.guest.inherits='release'",
    "profile.guest.panic='abort'",
    "profile.guest.lto=true",
    "profile.guest.codegen-units=1",
    "profile.guest.strip='debuginfo'",
];

/// Builds the plugins that ship with Belljar, or only the one of that name.
///
/// # Errors
///
/// There is no plugin of that name, there is no toolchain, or one does not compile.
pub fn build_all(project: &Project, only: Option<&str>) -> anyhow::Result<()> {
    let manifest = project.plugins().join("Cargo.toml");
    let mut plugins = plugins_in(&manifest)?;
    if let Some(only) = only {
        let names: Vec<_> = plugins.iter().map(|plugin| plugin.name.clone()).collect();
        plugins.retain(|plugin| plugin.name == only);
        if plugins.is_empty() {
            bail!("there is no plugin {only}; there are {}", names.join(", "));
        }
    }
    build(project, &manifest, &plugins)?;
    let components = project.components();
    for plugin in &plugins {
        plugin.publish(project, &components.join(format!("{}.wasm", plugin.name)))?;
    }
    Ok(())
}

/// Builds the plugin crate in a folder.
///
/// # Errors
///
/// The folder has no crate, or its library is no `cdylib`; or as for [`build_all`].
pub fn build_one(project: &Project, folder: &Path, out: Option<PathBuf>) -> anyhow::Result<()> {
    let manifest = folder
        .join("Cargo.toml")
        .canonicalize()
        .with_context(|| format!("there is no crate (no Cargo.toml) in {}", folder.display()))?;
    let plugins: Vec<_> = plugins_in(&manifest)?.into_iter().filter(|plugin| plugin.manifest == manifest).collect();
    let [plugin] = plugins.as_slice() else {
        bail!("{} is no plugin: add `[lib]` and `crate-type = [\"cdylib\"]` to it", manifest.display());
    };
    build(project, &manifest, &plugins)?;
    let component = match out {
        Some(file) => std::path::absolute(file).context("cannot place the component")?,
        None => project.components().join(format!("{}.wasm", plugin.name)),
    };
    plugin.publish(project, &component)
}

/// Puts the manifest of what a plugin may reach beside its component, if it has one.
///
/// # Errors
///
/// It cannot be read or written.
pub fn publish_grants(manifest: &Path, component: &Path) -> anyhow::Result<()> {
    if manifest.is_file() {
        files::publish(manifest, &component.with_extension("toml"))?;
    }
    Ok(())
}

/// A crate that becomes a component.
#[derive(Debug)]
struct Plugin {
    name: String,
    manifest: PathBuf,
    target: Target,
    /// The file that cargo makes.
    compiled: String,
}

impl Plugin {
    /// Puts the component that cargo made where it is looked for, with what it may reach beside it.
    fn publish(&self, project: &Project, component: &Path) -> anyhow::Result<()> {
        let compiled = project.guest_target().join(self.target.triple()).join("guest").join(&self.compiled);
        let changed = files::publish(&compiled, component)?;
        publish_grants(&self.manifest.with_file_name(format!("{}.toml", self.name)), component)?;
        let verb = if changed { "Built" } else { "Unchanged" };
        step(verb, project.short(component));
        Ok(())
    }
}

/// Has cargo compile the plugins, all of one target at a time.
fn build(project: &Project, manifest: &Path, plugins: &[Plugin]) -> anyhow::Result<()> {
    let mut by_target: BTreeMap<Target, Vec<&str>> = BTreeMap::new();
    for plugin in plugins {
        by_target.entry(plugin.target).or_default().push(&plugin.name);
    }
    for (target, names) in by_target {
        let toolchain = Toolchain::ensure(project, target)?;
        step("Plugins", format_args!("for {}: {}", target.triple(), names.join(", ")));
        let mut cargo = guest_cargo();
        toolchain.apply(&mut cargo);
        cargo.arg("build").arg("--manifest-path").arg(manifest);
        cargo.arg("--target-dir").arg(project.guest_target());
        cargo.args(["--target", target.triple(), "--profile", "guest"]);
        for setting in PROFILE {
            cargo.args(["--config", setting]);
        }
        for name in names {
            cargo.args(["--package", name]);
        }
        run(&mut cargo)?;
    }
    Ok(())
}

/// The plugins among the crates of a manifest's workspace.
fn plugins_in(manifest: &Path) -> anyhow::Result<Vec<Plugin>> {
    let metadata = output(
        guest_cargo().args(["metadata", "--no-deps", "--format-version", "1"]).arg("--manifest-path").arg(manifest),
    )?;
    let metadata: Metadata = serde_json::from_str(&metadata)
        .with_context(|| format!("cannot read cargo's description of {}", manifest.display()))?;
    metadata.packages.into_iter().filter_map(plugin).collect()
}

/// The plugin that a crate is; none for a crate without a `cdylib`, which is a library for plugins.
fn plugin(package: Package) -> Option<anyhow::Result<Plugin>> {
    let library = package.targets.iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))?;
    let compiled = format!("{}.wasm", library.name.replace('-', "_"));
    let target = belljar_settings(&package.metadata)
        .with_context(|| format!("[package.metadata.belljar] of {} is not valid", package.manifest_path.display()));
    Some(target.map(|settings| Plugin {
        name: package.name,
        manifest: package.manifest_path,
        target: settings.target,
        compiled,
    }))
}

fn belljar_settings(metadata: &serde_json::Value) -> serde_json::Result<Settings> {
    match metadata.get("belljar") {
        Some(settings) => Settings::deserialize(settings),
        None => Ok(Settings::default()),
    }
}

/// The part of `cargo metadata` that is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<CrateTarget>,
    /// The manifest's `[package.metadata]`; null if there is none.
    #[serde(default)]
    metadata: serde_json::Value,
}

#[derive(Deserialize)]
struct CrateTarget {
    name: String,
    crate_types: Vec<String>,
}

/// The manifest's `[package.metadata.belljar]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    target: Target,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(kind: &str, metadata: serde_json::Value) -> Package {
        let description = json!({
            "name": "my-plugin",
            "manifest_path": "/plugins/my-plugin/Cargo.toml",
            "targets": [{ "name": "my-plugin", "crate_types": [kind] }],
            "metadata": metadata,
        });
        serde_json::from_value(description).unwrap()
    }

    #[test]
    fn a_plugin_is_compiled_without_wasi_unless_it_says_so() {
        let plain = plugin(package("cdylib", json!(null))).unwrap().unwrap();
        let wasi = json!({ "belljar": { "target": "wasm32-wasip2" } });
        let wasi = plugin(package("cdylib", wasi)).unwrap().unwrap();

        assert_eq!(plain.target, Target::Unknown);
        assert_eq!(plain.compiled, "my_plugin.wasm");
        assert_eq!(wasi.target, Target::Wasip2);
    }

    #[test]
    fn a_library_for_plugins_is_no_plugin() {
        assert!(plugin(package("lib", json!(null))).is_none());
    }

    #[test]
    fn an_unknown_target_is_refused_with_the_known_ones() {
        let metadata = json!({ "belljar": { "target": "wasm32-wasip1" } });

        let error = plugin(package("cdylib", metadata)).unwrap().unwrap_err();

        let text = format!("{error:#}");
        assert!(text.contains("/plugins/my-plugin/Cargo.toml"), "{text}");
        assert!(text.contains("wasm32-wasip2"), "{text}");
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let metadata = json!({ "belljar": { "tarket": "wasm32-wasip2" } });

        let error = plugin(package("cdylib", metadata)).unwrap().unwrap_err();

        assert!(format!("{error:#}").contains("tarket"), "{error:#}");
    }
}
