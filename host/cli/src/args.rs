//! The command line as a whole. Each command has its own arguments beside its code.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{actor, call, checkpoint, clean, completions, doctor, objects, plugin, run, status};
use crate::exit::EXIT_CODES_HELP;

/// Runs every processing step as an isolated WebAssembly component
///
/// A plugin is a component; its exported functions are its methods. It reaches nothing that it was not granted. A
/// workflow is a TOML file of steps, and a run of it goes on where it was stopped. An actor is a plugin with a name and a
/// state that survives.
#[derive(Debug, Parser)]
#[command(name = "belljar", version, arg_required_else_help = true, after_help = after_help())]
pub struct Cli {
    #[command(flatten)]
    pub log: LogArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::RunArgs),
    Call(call::CallArgs),
    Actor(actor::ActorArgs),
    Checkpoint(checkpoint::CheckpointArgs),
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    Status(status::StatusArgs),
    Objects(objects::ObjectsArgs),
    Clean(clean::CleanArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Whether a script reads the standard output, so that a failure has to be told there too.
    pub fn is_json(&self) -> bool {
        match self {
            Command::Run(args) => args.json,
            Command::Call(args) => args.json,
            Command::Actor(args) => args.json,
            Command::Checkpoint(args) => args.json,
            Command::Plugin(plugin::PluginCommand::Inspect(args)) => args.json,
            Command::Status(args) => args.json,
            Command::Objects(args) => args.json,
            Command::Clean(args) => args.json,
            Command::Doctor(args) => args.json,
            Command::Completions(_) => false,
        }
    }
}

/// How much is told on the standard error.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct LogArgs {
    /// Tells more on the standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Tells only errors on the standard error, and no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// Where Belljar keeps its state.
#[derive(Debug, Clone, Args)]
pub struct DataDirArgs {
    /// Where runs, their objects and actors are kept
    #[arg(long, global = true, env = "BELLJAR_DATA_DIR", default_value = ".belljar", value_name = "DIR")]
    pub data_dir: PathBuf,
}

impl DataDirArgs {
    /// What to add to a further command so that it uses the same folder: nothing for the usual one.
    pub fn option(&self) -> String {
        let usual = std::env::var_os("BELLJAR_DATA_DIR").map_or_else(|| PathBuf::from(".belljar"), PathBuf::from);
        if self.data_dir == usual { String::new() } else { format!(" --data-dir {}", self.data_dir.display()) }
    }
}

fn after_help() -> String {
    format!(
        "\
Examples:
  belljar call greeter.wasm 'hello(\"world\")'
  belljar run filings.toml --set filings=DIR --set out=DIR
  belljar actor spawn visits --plugin counter.wasm
  belljar status

{EXIT_CODES_HELP}

Environment:
  BELLJAR_DATA_DIR   the data directory, unless --data-dir names one
  BELLJAR_CACHE_DIR  where compiled code is kept [default: ~/.cache/belljar]
  BELLJAR_LOG        what is logged, such as `debug` or `belljar=debug,belljar::plugin=trace`
  NO_COLOR           no colours, unless it is empty"
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_with_an_example() {
        fn check(command: &clap::Command) {
            for command in command.get_subcommands() {
                let name = command.get_name();
                if command.has_subcommands() {
                    check(command);
                } else {
                    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(help.contains("belljar "), "`{name} --help` has no example");
                }
                assert!(command.get_about().is_some(), "`{name}` says nothing about itself");
            }
        }
        check(&Cli::command());
    }

    #[test]
    fn the_data_directory_has_a_default() {
        let Command::Status(status) = Cli::try_parse_from(["belljar", "status"]).unwrap().command else {
            panic!("not the status command");
        };
        if std::env::var_os("BELLJAR_DATA_DIR").is_none() {
            assert_eq!(status.data_dir.data_dir, PathBuf::from(".belljar"));
        }
    }

    #[test]
    fn wrong_arguments_have_the_exit_code_of_bad_input() {
        let error = Cli::try_parse_from(["belljar", "run"]).unwrap_err();
        assert_eq!(error.exit_code(), crate::exit::Exit::BadInput as i32);
        assert!(Cli::try_parse_from(["belljar", "-v", "-q", "status"]).is_err());
    }
}
