//! Going back to a checkpoint, and taking an actor to another machine in one file.

use std::path::{Path, PathBuf};

use belljar::actor::ImportOptions;
use belljar::store::StoreError;
use belljar::{ActorError, CheckpointInfo, Error};
use clap::Args;
use serde_json::json;

use crate::commands::actor::{Place, at_the_end, open_kept};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{human, output};

/// Lets an actor go back to a checkpoint
///
/// What came after it is given up. The actor is a new incarnation: it draws other random numbers, sees the current time,
/// and has no timers.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar checkpoint restore visits 3")]
pub struct RestoreArgs {
    /// The actor's name
    name: String,
    /// The checkpoint
    generation: u64,
}

/// Writes an actor to one file: its plugin, a checkpoint, how it is to be run
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  belljar checkpoint export visits visits.bundle
  belljar checkpoint export visits visits.bundle --generation 3")]
pub struct ExportArgs {
    /// The actor's name
    name: String,
    /// The file, which is replaced if it is there
    file: PathBuf,
    /// The checkpoint [default: one that is taken now]
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
}

/// Begins an actor that goes on from an exported one
///
/// It is a new incarnation, as with a fork: the exported one may go on where it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  belljar checkpoint import visits.bundle
  belljar checkpoint import visits.bundle --name visits-2 --data-dir /var/lib/belljar")]
pub struct ImportArgs {
    /// The file
    file: PathBuf,
    /// The actor's name here [default: the one that it had]
    #[arg(long, value_name = "NEW")]
    name: Option<String>,
    /// Gives it the grants that it had where it comes from
    #[arg(long)]
    grants: bool,
}

/// Goes back.
pub async fn restore(args: &RestoreArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let runtime = at.runtime()?;
    let outcome = async {
        let actor = runtime.actors().get(&args.name).await?;
        actor.restore(args.generation).await?;
        Ok(actor.info().await?)
    };
    let info = at_the_end(&runtime, outcome.await).await?;
    at.tell(
        &info,
        format!("{} goes on from checkpoint {}, as incarnation {}", info.name, args.generation, info.incarnation),
    )
}

/// Exports it.
pub async fn export(args: &ExportArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let checkpoint = match args.generation {
        Some(_) => open_kept(at)?.export(&args.name, args.generation, &args.file)?,
        None => export_as_it_is(args, at).await?,
    };
    let size_bytes = std::fs::metadata(&args.file).map_or(0, |file| file.len());
    if at.json {
        output::json(&json!({ "path": args.file, "size_bytes": size_bytes, "checkpoint": checkpoint }))?;
    } else {
        let (message, size) = (human::count(checkpoint.message), human::size(size_bytes));
        let (name, file) = (&args.name, args.file.display());
        output::line(format!("{name} as of message {message} is in {file} ({size})"))?;
    }
    Ok(Exit::Good)
}

/// Takes a checkpoint, so that the file has every message, and exports that.
async fn export_as_it_is(args: &ExportArgs, at: Place<'_>) -> Result<CheckpointInfo, Failure> {
    let runtime = at.runtime().map_err(|failure| match failure.exit() {
        Exit::CannotGoOn => failure.help("--generation N exports a checkpoint that is there, also beside that process"),
        _ => failure,
    })?;
    let outcome = async {
        let actor = runtime.actors().get(&args.name).await?;
        let taken = actor.checkpoint().await?;
        let (kept, name, file) = (runtime.actors().kept()?, args.name.clone(), args.file.clone());
        let export = move || kept.export(&name, Some(taken.generation), &file);
        tokio::task::spawn_blocking(export).await.unwrap_or(Err(Error::ShutDown))
    };
    let outcome = outcome.await.map_err(|error| match &error {
        Error::Actor(ActorError::NotRunning { .. }) => Failure::from(error)
            .help("start it, so that all its messages can be exported, or name a checkpoint with --generation N"),
        _ => error.into(),
    });
    at_the_end(&runtime, outcome).await
}

/// Imports it.
pub async fn import(args: &ImportArgs, at: Place<'_>) -> Result<Exit, Failure> {
    // Before the data directory is made: a slip in the file's name should leave nothing behind.
    if !args.file.is_file() {
        return Err(Failure::bad_input(format!("there is no file {}", args.file.display())));
    }
    let runtime = belljar::Runtime::builder().data_dir(at.path()).build()?;
    let options = ImportOptions { name: args.name.clone(), with_grants: args.grants };
    let outcome = async { runtime.actors().import(&args.file, options).await?.info().await };
    let outcome = outcome.await.map_err(|error| refused(&args.file, error));
    let info = at_the_end(&runtime, outcome).await?;
    at.tell(&info, format!("{} is an actor of {}, as incarnation {}", info.name, info.plugin, info.incarnation))
}

fn refused(file: &Path, error: Error) -> Failure {
    let help = match &error {
        Error::Actor(ActorError::NameTaken { .. }) => "--name NEW gives it another name here".to_owned(),
        Error::Actor(ActorError::NeedsGrants { .. }) => "--grants gives it these grants".to_owned(),
        Error::Store(error) if matches!(**error, StoreError::BundleDamaged { .. }) => {
            format!("`belljar checkpoint export NAME {}` makes it anew", file.display())
        }
        _ => return error.into(),
    };
    Failure::from(error).help(help)
}
