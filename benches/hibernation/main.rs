//! Many actors: ten thousand that are awake, and up to a million that sleep.
//!
//! Memory is measured in processes of their own, and so are wake-ups: a fresh process has nothing of an actor in memory
//! but what it reads of the log. `BELLJAR_BENCH_ACTORS` says how many actors there shall be at the most.

mod asleep;
mod live;
mod wake;

use std::error::Error;
use std::process::{Command, Stdio};

use belljar::SpawnOptions;
use belljar_benches::{Table, machine};
use serde::Serialize;
use serde::de::DeserializeOwned;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Actors that sleep, unless told otherwise.
const ACTORS_DEFAULT: u64 = 1_000_000;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["in-process", "live", count] => return tell(&live::measure(count.parse()?).await?),
        ["in-process", "create", folder, from, to] => {
            return tell(&asleep::create(folder.as_ref(), from.parse()?, to.parse()?).await?);
        }
        ["in-process", "wake", folder, count] => return tell(&wake::measure(folder.as_ref(), count.parse()?).await?),
        _ => {}
    }
    let actors_max = std::env::var("BELLJAR_BENCH_ACTORS").map_or(Ok(ACTORS_DEFAULT), |text| text.parse())?;
    let mut table = Table::default();
    live::report(&mut table)?;
    asleep::report(&mut table, actors_max)?;
    println!("many actors ({} cores, load {})", std::thread::available_parallelism()?, machine::load());
    print!("{table}");
    Ok(())
}

/// Runs a part in a process of its own and returns what it tells.
fn in_process<T: DeserializeOwned>(arguments: &[&str]) -> Outcome<T> {
    let mut child = Command::new(std::env::current_exe()?);
    let output = child.arg("in-process").args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("`{}` failed: {}", arguments.join(" "), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn tell(figures: &impl Serialize) -> Outcome {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}

/// An actor that sleeps as soon as it has nothing to do.
fn sleepy() -> SpawnOptions {
    SpawnOptions { idle_time_max_ms: 1, ..SpawnOptions::default().config("{}") }
}

/// The name of the actor of this number.
fn name(number: u64) -> String {
    format!("actor-{number}")
}
