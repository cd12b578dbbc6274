//! `belljar checkpoint diff`: which pages of an actor's memory changed from one checkpoint to another, and how many
//! bytes of them.

use belljar::Runtime;
use belljar::store::checkpoint::{CheckpointDiff, MemoryDiff, PAGE_BYTES, PageRun};
use clap::Args;
use serde_json::{Value as Json, json};

use super::memory_map;
use crate::commands::actor::{Place, open_kept};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::indented;
use crate::{human, output};

/// Runs of pages that are named; `--json` has all.
const RUNS_NAMED_MAX: usize = 8;

/// Shows which pages of memory changed between two checkpoints
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  belljar checkpoint diff visits 3 4\n  belljar checkpoint diff visits 3 4 --json")]
pub struct DiffArgs {
    /// The actor's name
    name: String,
    /// The checkpoint before
    #[arg(value_name = "A")]
    before: u64,
    /// The checkpoint after
    #[arg(value_name = "B")]
    after: u64,
}

/// Shows the difference.
pub async fn diff(args: &DiffArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let kept = open_kept(at)?;
    // It has no data directory, so it works beside the process that has this one.
    let runtime = Runtime::builder().build()?;
    let bases = [
        kept.base_image(&runtime, &args.name, args.before).await?,
        kept.base_image(&runtime, &args.name, args.after).await?,
    ];
    let page = |digest, memory, page| bases.iter().find_map(|base| base.page(digest, memory, page));
    let diff = kept.diff(&args.name, args.before, args.after, page)?;
    if at.json {
        output::json(&as_json(args, &diff))?;
    } else {
        output::line(as_text(args, &diff).trim_end())?;
    }
    Ok(Exit::Good)
}

fn as_json(args: &DiffArgs, diff: &CheckpointDiff) -> Json {
    let memory = |memory: &MemoryDiff| {
        let runs = memory.pages.iter().map(|run| json!({ "first_page": run.first_page, "pages": run.pages }));
        json!({
            "before_bytes": memory.before_bytes,
            "after_bytes": memory.after_bytes,
            "changed_pages": changed_pages(memory),
            "changed_bytes": memory.changed_bytes,
            "runs": runs.collect::<Vec<_>>(),
        })
    };
    json!({
        "actor": args.name,
        "before": args.before,
        "after": args.after,
        "page_bytes": PAGE_BYTES,
        "memories": diff.memories.iter().map(memory).collect::<Vec<_>>(),
        "globals": diff.globals,
        "host_state_changed": diff.host_state_changed,
    })
}

fn as_text(args: &DiffArgs, diff: &CheckpointDiff) -> String {
    let mut text = format!("{}, from checkpoint {} to {}\n", args.name, args.before, args.after);
    for (ordinal, memory) in diff.memories.iter().enumerate() {
        text.push_str(&memory_text(ordinal, memory));
    }
    if !diff.globals.is_empty() {
        text.push_str(&format!("\n{} changed\n", human::plural(diff.globals.len(), "global has", "globals have")));
    }
    if diff.host_state_changed {
        text.push_str("\nwhat the host keeps for the actor has changed: messages, timers, random numbers\n");
    }
    text
}

fn memory_text(ordinal: usize, memory: &MemoryDiff) -> String {
    let size = match memory.before_bytes == memory.after_bytes {
        true => human::size(memory.after_bytes),
        false => format!("{} before, {} after", human::size(memory.before_bytes), human::size(memory.after_bytes)),
    };
    let pages = changed_pages(memory);
    if pages == 0 {
        return format!("\nmemory {ordinal}: {size}, nothing changed\n");
    }
    let (map, pages_per_place) = memory_map::draw(memory.before_bytes.max(memory.after_bytes), &memory.pages);
    let of = human::count(memory.after_bytes / PAGE_BYTES as u64);
    let bytes = human::plural(usize::try_from(memory.changed_bytes).unwrap_or(usize::MAX), "byte", "bytes");
    format!(
        "\nmemory {ordinal}: {size}, {bytes} on {} of {of} pages of {PAGE_BYTES} bytes\n{}  a place stands for {}; changed: {}\n",
        human::count(pages),
        indented(&map),
        human::plural(usize::try_from(pages_per_place).unwrap_or(usize::MAX), "page", "pages"),
        runs_text(&memory.pages),
    )
}

fn changed_pages(memory: &MemoryDiff) -> u64 {
    memory.pages.iter().map(|run| u64::from(run.pages)).sum()
}

/// `3, 17–20 and 5 more runs`
fn runs_text(runs: &[PageRun]) -> String {
    let run = |run: &PageRun| match run.pages {
        1 => run.first_page.to_string(),
        pages => format!("{}–{}", run.first_page, run.first_page + pages - 1),
    };
    let named: Vec<String> = runs.iter().take(RUNS_NAMED_MAX).map(run).collect();
    match runs.len().saturating_sub(RUNS_NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {}", named.join(", "), human::plural(more, "more run", "more runs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> CheckpointDiff {
        let page = PAGE_BYTES as u64;
        let pages =
            vec![PageRun { memory: 0, first_page: 3, pages: 1 }, PageRun { memory: 0, first_page: 7, pages: 2 }];
        let changed = MemoryDiff { before_bytes: 16 * page, after_bytes: 16 * page, pages, changed_bytes: 1_200 };
        let grown = MemoryDiff { before_bytes: page, after_bytes: 2 * page, ..MemoryDiff::default() };
        CheckpointDiff { memories: vec![changed, grown], globals: vec![0], host_state_changed: true }
    }

    fn args() -> DiffArgs {
        DiffArgs { name: "visits".to_owned(), before: 3, after: 4 }
    }

    #[test]
    fn a_difference_is_told_in_pages_and_bytes_with_a_map() {
        let text = as_text(&args(), &sample());
        let expected = "\
visits, from checkpoint 3 to 4

memory 0: 65.5 KB, 1,200 bytes on 3 of 16 pages of 4096 bytes
  ···█···██·······
  a place stands for 1 page; changed: 3, 7–8

memory 1: 4.1 KB before, 8.2 KB after, nothing changed

1 global has changed

what the host keeps for the actor has changed: messages, timers, random numbers
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_script_gets_every_run() {
        let json = as_json(&args(), &sample());
        assert_eq!(json["memories"][0]["changed_pages"], 3);
        assert_eq!(json["memories"][0]["runs"][1], json!({ "first_page": 7, "pages": 2 }));
    }

    #[test]
    fn many_runs_are_counted() {
        let runs: Vec<PageRun> = (0..20).map(|at| PageRun { memory: 0, first_page: 2 * at, pages: 1 }).collect();
        assert_eq!(runs_text(&runs), "0, 2, 4, 6, 8, 10, 12, 14 and 12 more runs");
    }
}
