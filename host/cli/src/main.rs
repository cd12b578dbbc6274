//! The `belljar` command: it reads arguments, calls the library, and shows what comes back. Results go to the
//! standard output, everything else to the standard error, and the exit code says how it went.

mod answer;
mod args;
mod commands;
mod diagnostics;
mod exit;
mod failure;
mod human;
mod interrupt;
mod item_table;
mod logging;
mod output;
mod progress;
mod returned;
mod table;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;
use indicatif::MultiProgress;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;

/// Threads for the command's own work, which is little: guests run on threads of the runtime.
const THREADS: usize = 2;

fn main() -> ExitCode {
    belljar::compute::run_worker_if_asked();
    let cli = Cli::parse();
    let is_json = cli.command.is_json();
    let exit = perform(cli).unwrap_or_else(|failure| {
        failure.tell();
        if is_json {
            failure.tell_json();
        }
        failure.exit()
    });
    exit.into()
}

fn perform(cli: Cli) -> Result<Exit, Failure> {
    let bars = MultiProgress::new();
    logging::init(cli.log, &bars)?;
    match cli.command {
        Command::Run(args) => until_done(commands::run::run(&args, cli.log.quiet, &bars)),
        Command::Call(args) => until_done(commands::call::call(&args)),
        Command::Actor(args) => until_done(commands::actor::actor(&args)),
        Command::Checkpoint(args) => until_done(commands::checkpoint::checkpoint(&args, cli.log.quiet, &bars)),
        Command::Doctor(args) => until_done(commands::doctor::doctor(&args)),
        Command::Plugin(command) => commands::plugin::plugin(&command),
        Command::Status(args) => commands::status::status(&args),
        Command::Objects(args) => commands::objects::objects(&args),
        Command::Clean(args) => commands::clean::clean(&args),
        Command::Completions(args) => commands::completions::completions(&args),
    }
}

/// Drives an asynchronous command to its end. What it has left running, such as a guest that nobody waits for any
/// more, does not keep the process.
fn until_done(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::CannotGoOn, format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}
