//! What actors cost: beginning one, calling one, writing down what it was told, taking a snapshot of it, having it
//! back. Each figure stands beside its goal, and beside what was measured of Ray on a machine with two cores.

mod calls;
mod journal;
mod restart;
mod snapshot;
mod start;

use std::error::Error;

use belljar::{Durability, Runtime, SpawnOptions};
use belljar_benches::{Table, machine};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Every part can be asked for alone, by its name.
const PARTS: [&str; 5] = ["start", "calls", "journal", "snapshot", "restart"];

#[tokio::main]
async fn main() -> Outcome {
    let asked: Vec<String> = std::env::args().skip(1).filter(|name| PARTS.contains(&name.as_str())).collect();
    let is_wanted = |part: &str| asked.is_empty() || asked.iter().any(|name| name == part);
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::builder().data_dir(folder.path().join("data")).build()?;
    let mut table = Table::default();
    let before = machine::disk_sync(folder.path())?;
    if is_wanted("start") {
        start::measure(&runtime, &mut table).await?;
    }
    if is_wanted("calls") {
        calls::measure(&runtime, &mut table).await?;
    }
    if is_wanted("journal") {
        journal::measure(&runtime, &mut table).await?;
    }
    if is_wanted("snapshot") {
        snapshot::measure(&runtime, &mut table).await?;
    }
    if is_wanted("restart") {
        restart::measure(&runtime, &mut table).await?;
    }
    let after = machine::disk_sync(folder.path())?;
    table.line("the disk: 4 KiB and fdatasync, before", before.percentiles("ms"), "", "");
    table.line("the disk: 4 KiB and fdatasync, after", after.percentiles("ms"), "", "");
    println!("actors ({} cores, load {})", std::thread::available_parallelism()?, machine::load());
    print!("{table}");
    Ok(())
}

/// An actor that keeps nothing.
fn volatile() -> SpawnOptions {
    SpawnOptions::default().durability(Durability::Volatile).config("{}")
}

/// An actor that keeps everything.
fn journaled() -> SpawnOptions {
    SpawnOptions::default().config("{}")
}
