//! `belljar checkpoint ls` and `belljar checkpoint show`.

use std::time::Duration;

use belljar::CheckpointInfo;
use belljar::actor::CheckpointDetails;
use clap::Args;

use super::bucket;
use crate::commands::actor::{Place, open_kept, time};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::{human, output, terminal};

/// Lists the checkpoints of an actor, the newest first, or those in a bucket
///
/// A few generations are kept, so that a damaged one costs no state. One with a parent holds only what changed since.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  belljar checkpoint ls visits
  belljar checkpoint ls --from s3://my-bucket/belljar
  belljar checkpoint ls visits --from s3://my-bucket/belljar")]
pub struct LsArgs {
    /// The actor's name; with --from all actors unless one is named
    #[arg(required_unless_present = "from")]
    name: Option<String>,
    /// Lists what a bucket has instead: s3://BUCKET/PREFIX or file:///FOLDER
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

/// Shows what a checkpoint holds, after reading and verifying all of it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  belljar checkpoint show visits\n  belljar checkpoint show visits 3 --json")]
pub struct ShowArgs {
    /// The actor's name
    name: String,
    /// The checkpoint [default: the newest]
    generation: Option<u64>,
}

/// Lists them.
pub async fn ls(args: &LsArgs, at: Place<'_>) -> Result<Exit, Failure> {
    if let Some(url) = &args.from {
        return bucket::ls(url, args.name.as_deref(), at.json).await;
    }
    let checkpoints = open_kept(at)?.checkpoints(args.name.as_deref().unwrap_or_default())?;
    if at.json {
        output::json(&checkpoints)?;
        return Ok(Exit::Good);
    }
    let header = ["generation", "taken", "message", "reason", "pause", "packs", "memory", "parent", "incarnation"];
    let mut table = Table::new(header);
    for checkpoint in &checkpoints {
        table.row(row(checkpoint));
    }
    output::line(table.render(terminal::width(), terminal::colours_on_stdout()))?;
    Ok(Exit::Good)
}

fn row(checkpoint: &CheckpointInfo) -> Vec<Cell> {
    vec![
        Cell::number(checkpoint.generation.to_string()),
        Cell::text(time(checkpoint.taken_ns)),
        Cell::number(human::count(checkpoint.message)),
        Cell::text(&checkpoint.reason),
        Cell::number(human::short_duration(Duration::from_nanos(checkpoint.pause_ns))),
        Cell::number(human::size(checkpoint.written_bytes)),
        Cell::number(human::size(checkpoint.memory_bytes)),
        Cell::number(checkpoint.parent.map(|parent| parent.to_string()).unwrap_or_default()),
        Cell::number(checkpoint.incarnation.to_string()),
    ]
}

/// Shows one.
pub fn show(args: &ShowArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let details = open_kept(at)?.checkpoint(&args.name, args.generation)?;
    if at.json {
        output::json(&details)?;
    } else {
        output::line(text(&args.name, &details).trim_end())?;
    }
    Ok(Exit::Good)
}

fn text(name: &str, details: &CheckpointDetails) -> String {
    let info = &details.info;
    let mut text = format!("{name}, checkpoint {}\n", info.generation);
    let mut fact = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    fact("taken", format!("{}, {}", time(info.taken_ns), human::printable(&info.reason)));
    fact("incarnation", format!("{}, after message {}", info.incarnation, human::count(info.message)));
    fact("plugin", format!("{} ({})", human::printable(&details.plugin), details.component));
    let (pause, write) = (Duration::from_nanos(info.pause_ns), Duration::from_nanos(info.write_ns));
    let (pause, write) = (human::short_duration(pause), human::short_duration(write));
    fact("cost", format!("the actor stood still for {pause}; written in {write}, {}", written(info)));
    if let Some(parent) = info.parent {
        fact("parent", format!("{parent}: it holds what changed since"));
    }
    for memory in &details.memories {
        let pages = human::plural(memory.pages as usize, "page is", "pages are");
        fact("memory", format!("{}, of which {pages} not the plugin's own", human::size(memory.size_bytes)));
    }
    if details.globals > 0 {
        fact("globals", details.globals.to_string());
    }
    fact("host state", human::size(details.host_state_bytes as u64));
    if !details.timers.is_empty() {
        fact("timers", human::printable(&details.timers.join(", ")));
    }
    for (name, number) in
        [("calls", details.outgoing), ("results", details.results), ("dead letters", details.dead_letters)]
    {
        if number > 0 {
            fact(name, human::count(number as u64));
        }
    }
    text
}

fn written(info: &CheckpointInfo) -> String {
    match info.written_bytes {
        0 => "all of it in the log".to_owned(),
        bytes => format!("{} of it to packs", human::size(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use belljar::actor::MemoryDetails;

    use super::*;

    #[test]
    fn a_checkpoint_is_told_in_full() {
        let info = CheckpointInfo {
            generation: 4,
            incarnation: 2,
            taken_ns: 1_700_000_000_000_000_000,
            message: 1_200,
            reason: "asked for".to_owned(),
            pause_ns: 250_000,
            write_ns: 4_000_000,
            written_bytes: 0,
            memory_bytes: 1 << 20,
            parent: Some(3),
        };
        let details = CheckpointDetails {
            info,
            plugin: "counter".to_owned(),
            component: "ab".repeat(32),
            lease: 1,
            memories: vec![MemoryDetails { size_bytes: 1 << 20, pages: 3 }],
            globals: 0,
            host_state_bytes: 300,
            timers: vec!["tick".to_owned()],
            outgoing: 0,
            results: 2,
            dead_letters: 0,
        };
        let text = text("visits", &details);
        for expected in [
            "visits, checkpoint 4\n",
            "2023-11-14 22:13:20Z, asked for",
            "2, after message 1,200",
            "stood still for 250 µs; written in 4.0 ms, all of it in the log",
            "3: it holds what changed since",
            "1.0 MB, of which 3 pages are not the plugin's own",
            "timers       tick",
            "results      2",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(!text.contains("dead letters"), "{text}");
    }
}
