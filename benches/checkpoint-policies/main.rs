//! Compares the checkpoint policies on simulated failures. Prints tables, or JSON, and draws a chart. Nothing is timed,
//! so the same figures come out each time. Aim: `optimal` within 5 % of the best fixed interval, on each trace.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use belljar_checkpoint_policies::{Comparison, compare, draw, print, scenarios};
use clap::Parser;

/// Compares the checkpoint policies on simulated failures.
#[derive(Parser)]
struct Arguments {
    /// Prints JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Runs of each policy on each trace, all with other random numbers
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// Where to draw the chart; without it, into `target/bench` of this project
    #[arg(long)]
    svg: Option<PathBuf>,
    /// What cargo tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let comparisons = compare_all(arguments.seeds);
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &comparisons)?;
        writeln!(out)?;
    } else {
        comparisons.iter().try_for_each(|comparison| print(comparison, &mut out))?;
    }
    let svg = match arguments.svg {
        Some(svg) => svg,
        None => default_svg()?,
    };
    draw(&comparisons, &svg).with_context(|| format!("cannot draw {}", svg.display()))?;
    if !arguments.json {
        writeln!(out, "chart: {}", svg.display())?;
    }
    Ok(())
}

/// Every scenario on a thread of its own; there are only a handful.
fn compare_all(seeds: u64) -> Vec<Comparison> {
    let threads: Vec<_> =
        scenarios().into_iter().map(|scenario| thread::spawn(move || compare(scenario, seeds))).collect();
    let join = |thread: thread::JoinHandle<Comparison>| thread.join().expect("a comparison does not panic");
    threads.into_iter().map(join).collect()
}

fn default_svg() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let folder = folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
    Ok(folder.join("checkpoint-policies.svg"))
}
