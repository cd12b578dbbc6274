//! `belljar checkpoint`: what is kept of actors. Most of it only looks, and works beside the process that has the data
//! directory open; what changes something needs the directory for itself.

mod bucket;
mod diff;
mod look;
mod memory_map;
mod transfer;
mod upkeep;

use clap::{Args, Subcommand};
use indicatif::MultiProgress;

use crate::args::DataDirArgs;
use crate::commands::actor::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use bucket::Shown;

const EXAMPLES: &str = "\
Examples:
  belljar checkpoint ls visits
  belljar checkpoint diff visits 3 4
  belljar checkpoint restore visits 3
  belljar checkpoint export visits visits.bundle
  belljar checkpoint push visits --to s3://my-bucket/belljar";

/// Looks at what is kept of actors, goes back to it, checks it, takes it elsewhere
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct CheckpointArgs {
    #[command(subcommand)]
    command: CheckpointCommand,
    /// Prints JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

#[derive(Debug, Subcommand)]
enum CheckpointCommand {
    Ls(look::LsArgs),
    Show(look::ShowArgs),
    Diff(diff::DiffArgs),
    Restore(transfer::RestoreArgs),
    Export(transfer::ExportArgs),
    Import(transfer::ImportArgs),
    Push(bucket::PushArgs),
    Pull(bucket::PullArgs),
    Rm(bucket::RmArgs),
    Verify(upkeep::VerifyArgs),
    Gc(upkeep::GcArgs),
}

/// Does what the subcommand says.
pub async fn checkpoint(args: &CheckpointArgs, quiet: bool, bars: &MultiProgress) -> Result<Exit, Failure> {
    let at = Place { data_dir: &args.data_dir, json: args.json };
    match &args.command {
        CheckpointCommand::Ls(args) => look::ls(args, at).await,
        CheckpointCommand::Show(args) => look::show(args, at),
        CheckpointCommand::Diff(args) => diff::diff(args, at).await,
        CheckpointCommand::Restore(args) => transfer::restore(args, at).await,
        CheckpointCommand::Export(args) => transfer::export(args, at).await,
        CheckpointCommand::Import(args) => transfer::import(args, at).await,
        CheckpointCommand::Push(args) => bucket::push(args, at, Shown::on(bars, quiet)).await,
        CheckpointCommand::Pull(args) => bucket::pull(args, at, Shown::on(bars, quiet)).await,
        CheckpointCommand::Rm(args) => bucket::rm(args, at.json).await,
        CheckpointCommand::Verify(_) => upkeep::verify(at, quiet, bars),
        CheckpointCommand::Gc(args) => upkeep::gc(args, at).await,
    }
}
