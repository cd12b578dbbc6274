//! Actors that sleep: how fast they are made, what each takes of the disk, and how the figures grow with their number.

use std::path::Path;
use std::time::Instant;

use belljar::Runtime;
use belljar_benches::{Table, machine, plugin};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use crate::wake::Wakes;
use crate::{Outcome, in_process, name, sleepy};

/// How many there are at each step.
const STEPS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const SPAWNED_AT_ONCE: usize = 512;

/// What making actors took.
#[derive(Serialize, Deserialize)]
pub struct Made {
    seconds: f64,
    disk_bytes: u64,
}

pub fn report(table: &mut Table, actors_max: u64) -> Outcome {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let path = data.to_str().ok_or("the folder for temporary files has a name in UTF-8")?;
    let mut there = 0;
    for count in STEPS.into_iter().filter(|count| *count <= actors_max) {
        let made: Made = in_process(&["create", path, &there.to_string(), &count.to_string()])?;
        let rate = (count - there) as f64 / made.seconds;
        there = count;
        let woken: Wakes = in_process(&["wake", path, &count.to_string()])?;
        let line = |table: &mut Table, what: &str, figure: String, goal: &str| {
            table.line(&format!("{count} hibernated: {what}"), figure, goal, "");
        };
        line(table, "made", format!("{rate:.0} /s"), "");
        line(table, "disk, each", format!("{:.0} B", made.disk_bytes as f64 / count as f64), "");
        line(table, "a fresh process opens", format!("{:.1} ms", woken.open_ms), "");
        line(table, "its memory", format!("{:.1} MB", woken.opened_bytes as f64 / 1e6), "");
        line(table, "its memory after the wake-ups", format!("{:.1} MB", woken.woken_bytes as f64 / 1e6), "");
        line(table, "woken", woken.awake, "p50 1 ms");
        line(table, "woken, and a durable answer", woken.answered, "");
        line(table, "woken, page cache empty", woken.cold, "");
        line(table, "the disk: 4 KiB and fdatasync", woken.disk, "");
    }
    Ok(())
}

/// Makes the actors with these numbers, and puts all to sleep.
pub async fn create(folder: &Path, from: u64, to: u64) -> Outcome<Made> {
    let start = Instant::now();
    let runtime = Runtime::builder().data_dir(folder).build()?;
    let counter = runtime.load(plugin("counter")).await?;
    let spawns = (from..to).map(|number| {
        let (actors, counter) = (runtime.actors(), &counter);
        async move { actors.spawn(&name(number), counter, sleepy()).await.map(drop) }
    });
    stream::iter(spawns).buffer_unordered(SPAWNED_AT_ONCE).try_collect::<()>().await?;
    runtime.actors().hibernate_all().await;
    let seconds = start.elapsed().as_secs_f64();
    drop(runtime);
    Ok(Made { seconds, disk_bytes: machine::disk_bytes(folder)? })
}
