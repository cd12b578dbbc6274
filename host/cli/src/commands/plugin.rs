//! `belljar plugin inspect`: what a component is and what it needs, without running it.

use std::path::{Path, PathBuf};

use belljar::engine::{ImportStatus, MemoryReport};
use belljar::{Engine, EngineOptions, Inspection, Manifest, default_cache_dir};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::indented;
use crate::{human, output, terminal};

/// Looks at plugins
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    Inspect(InspectArgs),
}

const EXAMPLES: &str = "\
Examples:
  belljar plugin inspect greeter.wasm
  belljar plugin inspect greeter.wasm --json | jq -r '.methods[].signature'";

/// Shows a component's methods, imports, memories and tools, without running it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InspectArgs {
    /// The component
    #[arg(value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
}

/// Does what the subcommand says.
pub fn plugin(command: &PluginCommand) -> Result<Exit, Failure> {
    let PluginCommand::Inspect(args) = command;
    let manifest = Manifest::beside(&args.plugin)?;
    let engine = Engine::new(&EngineOptions { cache_dir: default_cache_dir() })?;
    let component = engine.load_file(&args.plugin)?;
    let (inspection, obstacles) = (component.inspect(), component.snapshot_obstacles());
    if args.json {
        output::json(&as_json(&inspection, obstacles, &manifest))?;
    } else {
        let obstacles = obstacles_text(obstacles, terminal::width().is_some());
        output::line(as_text(&args.plugin, &inspection, &obstacles, &manifest).trim_end())?;
    }
    Ok(Exit::Good)
}

/// The inspection with each method's signature in WIT, what is in the way of snapshots, and the manifest.
fn as_json(inspection: &Inspection, obstacles: &[String], manifest: &Manifest) -> Json {
    let mut json = json!(inspection);
    json["snapshotable"] = obstacles.is_empty().into();
    json["snapshot_obstacles"] = json!(obstacles);
    for (at, method) in inspection.methods.iter().enumerate() {
        json["methods"][at]["signature"] = method.signature().into();
    }
    json["manifest"] = json!(manifest);
    json
}

/// Whether an actor of the plugin keeps its memory. All that is in the way may be a long list: a terminal gets the first.
fn obstacles_text(obstacles: &[String], is_brief: bool) -> String {
    match obstacles {
        [] => "can be snapshotted: an actor of it keeps its memory".to_owned(),
        [first, others @ ..] if is_brief && !others.is_empty() => {
            format!(
                "cannot be snapshotted: {first}, and {} more (--json lists them)",
                human::count(others.len() as u64)
            )
        }
        [one] => format!("cannot be snapshotted: {one}"),
        all => format!("cannot be snapshotted:\n{}", indented(&indented(&all.join("\n"))).trim_end()),
    }
}

fn as_text(path: &Path, inspection: &Inspection, obstacles: &str, manifest: &Manifest) -> String {
    let mut text = format!("{} ({})\n", inspection.name, path.display());
    let mut fact = |name: &str, value: &str| text.push_str(&format!("  {name:<9} {value}\n"));
    fact("digest", &inspection.digest.to_string());
    fact("size", &format!("{} ({} bytes)", human::size(inspection.size_bytes), human::count(inspection.size_bytes)));
    for memory in &inspection.memories {
        fact("memory", &memory_text(memory));
    }
    fact("state", obstacles);
    for (tool, version) in &inspection.producers {
        fact("made by", format!("{tool} {version}").trim_end());
    }
    text.push_str("\nMethods\n");
    for method in &inspection.methods {
        text.push_str(&format!("  {}\n", method.signature()));
        if let Some(interface) = &method.interface {
            text.push_str(&format!("      of {interface}\n"));
        }
        if let Some(reason) = &method.unsupported {
            text.push_str(&format!("      cannot be called: {reason}\n"));
        }
    }
    if inspection.methods.is_empty() {
        text.push_str("  none: it exports no function, so there is nothing to call\n");
    }
    text.push_str("\nImports\n");
    for import in &inspection.imports {
        text.push_str(&format!("  {:<11}  {}\n", status_text(import.status), import.name));
        if let Some(remedy) = &import.remedy {
            text.push_str(&format!("               {remedy}\n"));
        }
    }
    if inspection.imports.is_empty() {
        text.push_str("  none: it can compute, and reach nothing\n");
    }
    text + &manifest_text(path, manifest)
}

fn memory_text(memory: &MemoryReport) -> String {
    let initial = human::size(memory.initial_bytes);
    match memory.maximum_bytes {
        Some(maximum) => format!("{initial} at the start, at most {}", human::size(maximum)),
        None => format!("{initial} at the start, no maximum of its own"),
    }
}

fn status_text(status: ImportStatus) -> &'static str {
    match status {
        ImportStatus::Provided => "provided",
        ImportStatus::Powerless => "powerless",
        ImportStatus::NeedsGrant => "needs grant",
        ImportStatus::Missing => "missing",
    }
}

fn manifest_text(path: &Path, manifest: &Manifest) -> String {
    let grants = &manifest.grants;
    let mut lines = Vec::new();
    for directory in &grants.directories {
        let access = format!("{:?}", directory.access).to_lowercase();
        lines.push(format!("{access} {} as {}", directory.host.display(), directory.guest));
    }
    lines.extend(grants.http.iter().map(|origin| format!("http {origin}")));
    lines.extend(grants.env.iter().map(|name| format!("env {name}")));
    lines.extend(grants.actors.iter().map(|name| format!("call the actor {name}")));
    lines.extend(grants.compute.then(|| "have the host compute".to_owned()));
    if lines.is_empty() {
        return String::new();
    }
    format!("\nGranted by {}\n  {}\n", path.with_extension("toml").display(), lines.join("\n  "))
}

#[cfg(test)]
mod tests {
    use belljar::Grants;

    use super::*;

    fn inspect(wat: &str) -> Inspection {
        let engine = Engine::new(&EngineOptions::default()).unwrap();
        engine.load_bytes("sample", &wat::parse_str(wat).unwrap()).unwrap().inspect()
    }

    const ADDER: &str = r#"(component
        (core module $m
            (memory 2)
            (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
        (core instance $i (instantiate $m))
        (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))"#;

    #[test]
    fn the_text_has_signatures_memories_and_grants() {
        let manifest = Manifest { grants: Grants::default().read("data", "/data"), ..Manifest::default() };
        let text = as_text(Path::new("dir/sample.wasm"), &inspect(ADDER), "can be snapshotted", &manifest);
        for expected in [
            "add: func(a: u32, b: u32) -> u32",
            "131.1 KB at the start, no maximum of its own",
            "none: it can compute, and reach nothing",
            "Granted by dir/sample.toml\n  read data as /data",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }

    #[test]
    fn json_has_the_signature_beside_the_types() {
        let json = as_json(&inspect(ADDER), &["a table".to_owned()], &Manifest::default());
        assert_eq!(json["methods"][0]["signature"], "add: func(a: u32, b: u32) -> u32");
        assert_eq!(json["methods"][0]["params"][0]["name"], "a");
        assert_eq!(json["snapshotable"], false);
        assert_eq!(json["snapshot_obstacles"][0], "a table");
        assert_eq!(json["digest"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn a_terminal_gets_the_first_thing_that_is_in_the_way_and_a_file_all() {
        let obstacles: Vec<String> = (1..=25).map(|at| format!("table {at}")).collect();
        let brief = obstacles_text(&obstacles, true);
        assert_eq!(brief, "cannot be snapshotted: table 1, and 24 more (--json lists them)");
        assert!(obstacles_text(&obstacles, false).ends_with("\n    table 24\n    table 25"));
        assert_eq!(obstacles_text(&obstacles[..1], true), "cannot be snapshotted: table 1");
        assert!(obstacles_text(&[], true).starts_with("can be"));
    }
}
