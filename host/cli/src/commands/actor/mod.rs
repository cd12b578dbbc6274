//! `belljar actor`: actors from the command line. Every command opens the data directory, wakes the actor from its
//! durable state, does its work as durably as the actor promises, puts to sleep what is awake, and ends: calls in many
//! processes continue one state. Commands that only look work beside the process that has the directory open.

mod call;
mod life;
mod ls;
mod spawn;

use std::path::Path;

use belljar::{ActorInfo, Runtime};
use clap::{Args, Subcommand};

pub use ls::open_kept;

use crate::args::DataDirArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{human, output};

const EXAMPLES: &str = "\
Examples:
  belljar actor spawn visits --plugin counter.wasm
  belljar actor call visits 'add(5)'
  belljar actor ls
  belljar actor fork visits experiment

`belljar checkpoint` looks at what is kept of an actor, goes back to it, and takes it to another machine.";

/// Spawns, calls and manages actors: plugins with a name and a state that survives
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct ActorArgs {
    #[command(subcommand)]
    command: ActorCommand,
    /// Prints JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

#[derive(Debug, Subcommand)]
enum ActorCommand {
    Spawn(spawn::SpawnArgs),
    Call(call::ActorCallArgs),
    Ls(ls::LsArgs),
    DeadLetters(ls::DeadLettersArgs),
    Stop(life::StopArgs),
    Start(life::StartArgs),
    Kill(life::KillArgs),
    Hibernate(life::HibernateArgs),
    Fork(life::ForkArgs),
    Migrate(life::MigrateArgs),
    Rm(life::RmArgs),
}

/// Does what the subcommand says.
pub async fn actor(args: &ActorArgs) -> Result<Exit, Failure> {
    let at = Place { data_dir: &args.data_dir, json: args.json };
    match &args.command {
        ActorCommand::Spawn(args) => spawn::spawn(args, at).await,
        ActorCommand::Call(args) => call::call(args, at).await,
        ActorCommand::Ls(args) => ls::ls(args, at),
        ActorCommand::DeadLetters(args) => ls::dead_letters(args, at),
        ActorCommand::Stop(args) => life::stop(args, at).await,
        ActorCommand::Start(args) => life::start(args, at).await,
        ActorCommand::Kill(args) => life::kill(args, at).await,
        ActorCommand::Hibernate(args) => life::hibernate(args, at).await,
        ActorCommand::Fork(args) => life::fork(args, at).await,
        ActorCommand::Migrate(args) => life::migrate(args, at).await,
        ActorCommand::Rm(args) => life::rm(args, at).await,
    }
}

/// Where a command finds actors, and how it shows them.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub data_dir: &'a DataDirArgs,
    pub json: bool,
}

impl Place<'_> {
    pub fn path(&self) -> &Path {
        &self.data_dir.data_dir
    }

    /// Opens a data directory that is there, to work with its actors.
    pub fn runtime(&self) -> Result<Runtime, Failure> {
        super::open_to_read(self.path())?;
        Ok(Runtime::builder().data_dir(self.path()).build()?)
    }

    /// Shows what has become of an actor: a line for a person, all that is known of it for a script.
    pub fn tell(&self, actor: &ActorInfo, line: impl std::fmt::Display) -> Result<Exit, Failure> {
        if self.json {
            output::json(&ActorInfo { awake: None, ..actor.clone() })?;
        } else {
            output::line(line)?;
        }
        Ok(Exit::Good)
    }
}

/// Ends the work with a runtime: what is awake goes to sleep, so that the next process has nothing to repeat. What the
/// actors have promised is durable already, so the command has succeeded, or failed, whatever comes of this.
pub async fn at_the_end<T>(runtime: &Runtime, outcome: Result<T, Failure>) -> Result<T, Failure> {
    runtime.actors().hibernate_all().await;
    if let Err(error) = runtime.actors().tidy().await {
        tracing::warn!(%error, "the log of actors could not be compacted");
    }
    outcome
}

/// A time in nanoseconds since 1970, for a table.
pub fn time(since_1970_ns: u64) -> String {
    human::time(i64::try_from(since_1970_ns / 1_000_000).unwrap_or(i64::MAX))
}
