//! `belljar actor spawn`: begins an actor.

use std::path::PathBuf;

use belljar::policy::CheckpointPolicy;
use belljar::{Durability, Runtime, SpawnOptions};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde_json::Value as Json;

use super::{Place, at_the_end};
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "\
The manifest beside the plugin (counter.toml for counter.wasm) says what the actor may reach and use. The plugin is
copied into the data directory, so the file may change or go.

Examples:
  belljar actor spawn visits --plugin counter.wasm
  belljar actor spawn visits --plugin counter.wasm --config '{\"start\": 100}'
  belljar actor spawn model --plugin training.wasm --durability checkpoint --checkpoint interval=30s";

/// Begins an actor: an instance of a plugin with a name and a state
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SpawnArgs {
    /// The actor's name: letters, digits and `-_.:/@+`
    name: String,
    /// The component that it runs
    #[arg(long, value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// What survives: every answered call, the last checkpoint, or nothing
    #[arg(long, default_value = "journal", value_parser = PossibleValuesParser::new(["journal", "checkpoint", "volatile"])
        .try_map(|text| text.parse::<Durability>()))]
    durability: Durability,
    /// When checkpoints are taken: never, every=N, interval=DURATION, adaptive or optimal
    #[arg(long, default_value = "optimal", value_name = "POLICY")]
    checkpoint: CheckpointPolicy,
    /// What the plugin's `init` is called with
    #[arg(long, value_name = "JSON", value_parser = parse_config)]
    config: Option<String>,
}

/// The configuration reaches `init` as it was written, so only whether it is JSON matters here.
fn parse_config(text: &str) -> Result<String, String> {
    match serde_json::from_str::<Json>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; write JSON such as {{\"start\": 100}}")),
    }
}

/// Spawns it.
pub async fn spawn(args: &SpawnArgs, at: Place<'_>) -> Result<Exit, Failure> {
    if args.durability == Durability::Volatile {
        let message = "a volatile actor ends with the process that spawned it, which is this command";
        return Err(Failure::bad_input(message).help(
            "spawn it with --durability journal or checkpoint; volatile actors are for programs with the library",
        ));
    }
    // Before the data directory is made: a slip in the file's name should leave nothing behind.
    if !args.plugin.is_file() {
        return Err(Failure::bad_input(format!("there is no plugin {}", args.plugin.display())));
    }
    let options = SpawnOptions::default().durability(args.durability).checkpoint(args.checkpoint);
    let options = options.config(args.config.clone().unwrap_or_default());
    let runtime = Runtime::builder().data_dir(at.path()).build()?;
    let outcome = async {
        let plugin = runtime.load(&args.plugin).await?;
        Ok(runtime.actors().spawn(&args.name, &plugin, options).await?.info().await?)
    };
    let info = at_the_end(&runtime, outcome.await).await?;
    at.tell(&info, format!("{} is an actor of {} ({})", info.name, info.plugin, info.durability))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Cli;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["belljar", "actor", "spawn", "a", "--plugin", "a.wasm"], arguments].concat())
    }

    #[test]
    fn policies_and_durabilities_are_checked_as_they_are_read() {
        for good in ["never", "every=10", "interval=30s", "adaptive", "optimal", "optimal:failure-interval=2h"] {
            assert!(parse(&["--checkpoint", good]).is_ok(), "{good}");
        }
        for bad in ["often", "every=0", "interval=30"] {
            assert!(parse(&["--checkpoint", bad]).is_err(), "{bad}");
        }
        assert!(parse(&["--durability", "checkpoint"]).is_ok());
        let error = parse(&["--durability", "some"]).unwrap_err().to_string();
        assert!(error.contains("journal, checkpoint, volatile"), "{error}");
    }

    #[test]
    fn a_configuration_is_json() {
        assert!(parse(&["--config", r#"{"start": 1}"#]).is_ok());
        assert!(parse(&["--config", "start = 1"]).is_err());
    }
}
