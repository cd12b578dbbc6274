//! What becomes of an actor: stopped, started, killed, hibernated, forked, migrated, removed.

use std::path::PathBuf;

use belljar::actor::ActorStatus;
use belljar::{Actor, ActorInfo, Error, Runtime};
use clap::Args;
use serde_json::json;

use super::{Place, at_the_end};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Lets an actor take no more calls
///
/// Its state goes into a checkpoint. `belljar actor start` lets it take calls again.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar actor stop visits")]
pub struct StopArgs {
    /// The actor's name
    name: String,
}

/// Lets an actor take calls again that was stopped, killed or given up
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar actor start visits")]
pub struct StartArgs {
    /// The actor's name
    name: String,
}

/// Stops an actor without a checkpoint
///
/// What a `journal` actor has answered is kept all the same; a `checkpoint` actor goes back to its last checkpoint.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar actor kill visits")]
pub struct KillArgs {
    /// The actor's name
    name: String,
}

/// Takes what a recovery would have to repeat into a checkpoint
///
/// Commands leave every actor hibernated. After a process that was killed, this does what the next call would have to.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar actor hibernate visits")]
pub struct HibernateArgs {
    /// The actor's name
    name: String,
}

/// Begins another actor that goes on from where this one is, or was
///
/// It is a new incarnation: it draws other random numbers, sees the current time, and has no timers.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  belljar actor fork visits experiment
  belljar actor fork visits as-of-yesterday --generation 41")]
pub struct ForkArgs {
    /// The actor's name
    name: String,
    /// The name of the new one
    new: String,
    /// The checkpoint to go on from [default: one that is taken now]
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
}

/// Goes over to another version of an actor's plugin
///
/// Both versions have to export `belljar:plugin/durable`: the new one takes over what the present one saves. The
/// manifest beside the new one applies.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar actor migrate notes --plugin notebook-v2.wasm")]
pub struct MigrateArgs {
    /// The actor's name
    name: String,
    /// The new version
    #[arg(long, value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
}

/// Removes an actor and all that is kept of it
///
/// `belljar checkpoint gc` gives back the room that it took.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar actor rm visits")]
pub struct RmArgs {
    /// The actor's name
    name: String,
}

/// Opens the data directory, does something to an actor, and returns what it is then.
async fn change(
    at: Place<'_>,
    name: &str,
    work: impl AsyncFnOnce(&Runtime, &Actor) -> Result<ActorInfo, Error>,
) -> Result<ActorInfo, Failure> {
    let runtime = at.runtime()?;
    let outcome = async {
        let actor = runtime.actors().get(name).await?;
        work(&runtime, &actor).await
    };
    let outcome = outcome.await.map_err(Failure::from);
    at_the_end(&runtime, outcome).await
}

/// Ends an actor's work, unless it takes no calls anyway.
async fn end(actor: &Actor, order: impl AsyncFnOnce(&Actor) -> Result<(), Error>) -> Result<ActorInfo, Error> {
    if actor.info().await?.status == ActorStatus::Running {
        order(actor).await?;
    }
    actor.info().await
}

/// Stops it.
pub async fn stop(args: &StopArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let info = change(at, &args.name, async |_, actor| end(actor, Actor::stop).await).await?;
    at.tell(&info, format!("{} is {}; `belljar actor start {0}` lets it take calls again", info.name, info.status))
}

/// Kills it.
pub async fn kill(args: &KillArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let info = change(at, &args.name, async |_, actor| end(actor, Actor::kill).await).await?;
    at.tell(&info, format!("{} is {}; `belljar actor start {0}` lets it take calls again", info.name, info.status))
}

/// Starts it.
pub async fn start(args: &StartArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let start = async |_: &Runtime, actor: &Actor| {
        actor.start().await?;
        actor.info().await
    };
    let info = change(at, &args.name, start).await?;
    at.tell(&info, format!("{} takes calls", info.name))
}

/// Hibernates it.
pub async fn hibernate(args: &HibernateArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let mut has_repeated = false;
    let settle = async |_: &Runtime, actor: &Actor| {
        has_repeated = actor.settle().await?;
        actor.info().await
    };
    let info = change(at, &args.name, settle).await?;
    match has_repeated {
        true => at.tell(&info, format!("{} is hibernated, as of its last message", info.name)),
        false => at.tell(&info, format!("{} is hibernated, and was: nothing had to be repeated", info.name)),
    }
}

/// Forks it.
pub async fn fork(args: &ForkArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let fork = async |_: &Runtime, actor: &Actor| {
        let fork = match args.generation {
            Some(generation) => actor.fork_from(generation, &args.new).await?,
            None => actor.fork(&args.new).await?,
        };
        fork.info().await
    };
    let info = change(at, &args.name, fork).await?;
    at.tell(&info, format!("{} goes on from {}, as incarnation {}", info.name, args.name, info.incarnation))
}

/// Migrates it.
pub async fn migrate(args: &MigrateArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let migrate = async |runtime: &Runtime, actor: &Actor| {
        let plugin = runtime.load(&args.plugin).await?;
        actor.migrate(&plugin).await?;
        actor.info().await
    };
    let info = change(at, &args.name, migrate).await?;
    at.tell(&info, format!("{} runs {} now", info.name, info.plugin))
}

/// Removes it.
pub async fn rm(args: &RmArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let remove = async |_: &Runtime, actor: &Actor| {
        let info = actor.info().await?;
        actor.remove().await?;
        Ok(info)
    };
    change(at, &args.name, remove).await?;
    if at.json {
        output::json(&json!({ "removed": args.name }))?;
    } else {
        output::line(format!("removed {}", args.name))?;
    }
    Ok(Exit::Good)
}
