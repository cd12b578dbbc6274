//! `belljar actor ls` and `belljar actor dead-letters`: they only look, so they work beside a running process.

use belljar::ActorInfo;
use belljar::actor::{ActorStatus, KeptActors};
use clap::Args;
use serde_json::json;

use super::{Place, time};
use crate::commands::open_to_read;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::{human, output, terminal};

/// Actors that are listed unless more are asked for.
const ACTORS_LISTED: usize = 1_000;
/// Actors that are read at once.
const ACTORS_AT_ONCE: usize = 10_000;

/// Lists actors by name
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  belljar actor ls\n  belljar actor ls account- --json | jq -r '.actors[].name'")]
pub struct LsArgs {
    /// Only those whose names begin like this
    #[arg(default_value = "")]
    prefix: String,
    /// How many are listed
    #[arg(long, default_value_t = ACTORS_LISTED, value_name = "N")]
    limit: usize,
}

/// Lists the messages of an actor that had no effect, with the reason
///
/// A message whose guest faults, or during which the process died too often, is undone and ends here.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar actor dead-letters visits")]
pub struct DeadLettersArgs {
    /// The actor's name
    name: String,
}

/// Opens what is kept of actors, to look at it.
pub fn open_kept(at: Place<'_>) -> Result<KeptActors, Failure> {
    open_to_read(at.path())?;
    Ok(KeptActors::open(at.path())?)
}

/// Lists them.
pub fn ls(args: &LsArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let kept = open_kept(at)?;
    let (actors, is_all) = list(&kept, args)?;
    if at.json {
        output::json(&json!({ "data_dir": at.path(), "actors": actors, "is_all": is_all }))?;
        return Ok(Exit::Good);
    }
    if actors.is_empty() {
        let like =
            if args.prefix.is_empty() { String::new() } else { format!(" whose names begin with {}", args.prefix) };
        output::line(format!("no actors{like} in {}; `belljar actor spawn` begins one", at.path().display()))?;
        return Ok(Exit::Good);
    }
    let mut table =
        Table::new(["actor", "plugin", "durability", "status", "incarnation", "checkpoints", "incarnation since"]);
    for actor in &actors {
        table.row(row(actor));
    }
    output::line(table.render(terminal::width(), terminal::colours_on_stdout()))?;
    if !is_all {
        output::line(format!("and more: {} actors in all; --limit N lists more", human::count(kept.count()?)))?;
    }
    Ok(Exit::Good)
}

/// The actors, and whether they are all.
fn list(kept: &KeptActors, args: &LsArgs) -> Result<(Vec<ActorInfo>, bool), Failure> {
    let mut actors: Vec<ActorInfo> = Vec::new();
    loop {
        // One more than is wanted tells whether there are more.
        let wanted = (args.limit.saturating_add(1) - actors.len()).min(ACTORS_AT_ONCE);
        let after = actors.last().map(|last| last.name.to_string());
        let page = kept.list(&args.prefix, after.as_deref(), wanted)?;
        let is_end = page.len() < wanted;
        actors.extend(page);
        if is_end || actors.len() > args.limit {
            let is_all = actors.len() <= args.limit;
            actors.truncate(args.limit);
            return Ok((actors, is_all));
        }
    }
}

fn row(actor: &ActorInfo) -> Vec<Cell> {
    let meaning = match actor.status {
        ActorStatus::Running => Some(true),
        ActorStatus::Stopped | ActorStatus::Beginning => None,
        ActorStatus::Failed => Some(false),
    };
    vec![
        Cell::text(actor.name.as_str()),
        Cell::text(&actor.plugin),
        Cell::text(actor.durability.to_string()),
        Cell::status(actor.status.to_string(), meaning),
        Cell::number(actor.incarnation.to_string()),
        Cell::text(&actor.checkpoint),
        Cell::text(time(actor.born_ns)),
    ]
}

/// Lists dead letters.
pub fn dead_letters(args: &DeadLettersArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let letters = open_kept(at)?.dead_letters(&args.name)?;
    if at.json {
        output::json(&letters)?;
        return Ok(Exit::Good);
    }
    if letters.is_empty() {
        output::line(format!("{} has no dead letters: every message had its effect", args.name))?;
        return Ok(Exit::Good);
    }
    let mut table = Table::new(["message", "arrived", "method", "arguments", "reason"]);
    for letter in &letters {
        table.row(vec![
            Cell::number(human::count(letter.sequence)),
            Cell::text(time(letter.arrived_ns)),
            Cell::text(&letter.method),
            Cell::text(&letter.arguments),
            Cell::text(reason(&letter.reason)),
        ]);
    }
    output::line(table.render(terminal::width(), terminal::colours_on_stdout()))?;
    Ok(Exit::Good)
}

/// A fault is kept as JSON with its backtrace; its kind and its limits are enough for a line.
fn reason(reason: &str) -> String {
    match serde_json::from_str::<belljar::Fault>(reason) {
        Ok(fault) => fault.kind.to_string(),
        Err(_) => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_in_words() {
        let kind = belljar::FaultKind::Deadline { limit_ms: 500 };
        let fault =
            belljar::Fault { kind, plugin: "a".into(), method: "b".into(), guest_message: None, backtrace: Vec::new() };
        let told = reason(&serde_json::to_string(&fault).unwrap());
        assert!(told.contains("500 ms") && !told.contains('{'), "{told}");
        assert_eq!(reason("cancelled"), "cancelled");
    }
}
