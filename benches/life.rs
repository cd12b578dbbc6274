//! The seed lesson of the Game of Life, end to end: so many games, each an actor, played for 50 generations, from the
//! first spawn to the last answer. Ray's figures come from such a machine: 8 games as Ray actors took 11.1 s.
//!
//! And what all that costs which is not computing: calls that step a board of 8 × 8 cells.

use std::error::Error;
use std::time::Instant;

use belljar::{Durability, Grants, Limits, ObjectRef, Plugin, Runtime, SpawnOptions};
use belljar_benches::{Figures, Table, micros, plugin};

const GENERATIONS: u64 = 50;
const ROUNDS: usize = 20;
/// Calls in one measurement of what one costs.
const CALLS: u64 = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder().build()?;
    let life = runtime.load_with(plugin("life"), Grants::default().compute(), Limits::default()).await?;
    let mut table = Table::default();
    for engine in ["host", "simd"] {
        for (games, size, batch, goal, ray) in [
            (8, 100, 50, "10 ms", "11.1 s"),
            (8, 100, 1, "", ""),
            (15, 33, 50, "", ""),
            (1, 100, 50, "", ""),
            (1_024, 100, 50, "", ""),
        ] {
            let mut took = Vec::new();
            for round in 0..=ROUNDS {
                let start = Instant::now();
                play(&runtime, &life, &format!("{engine}-{round}"), engine, games, size, batch).await?;
                // The first round compiles nothing, but warms the caches.
                if round > 0 {
                    took.push(start.elapsed().as_secs_f64() * 1e3);
                }
                for game in 0..games {
                    runtime.actors().get(&format!("{engine}-{round}-{game}")).await?.kill().await?;
                }
            }
            let what = format!("{games} games of {size}² by {engine}, {GENERATIONS} generations, {batch} a call");
            table.line(&what, format!("{} ms", Figures::new(took)), goal, ray);
        }
    }
    let tiny = tiny_steps(&runtime, &life).await?;
    table.line("a call that steps 8² cells, with two host calls", format!("{tiny} µs"), "", "");
    println!("{table}");
    Ok(())
}

/// Spawns the games, and plays them to their end in calls of `batch` generations, each game at its own pace.
async fn play(
    runtime: &Runtime,
    life: &Plugin,
    prefix: &str,
    engine: &str,
    games: usize,
    size: u32,
    batch: u64,
) -> Result<(), Box<dyn Error>> {
    let mut last = Vec::new();
    for game in 0..games {
        let config =
            format!(r#"{{"size": {size}, "seed": {game}, "density": 0.5, "engine": "{engine}", "history": 0}}"#);
        let options = SpawnOptions::default().durability(Durability::Volatile).config(config);
        let actor = runtime.actors().spawn(&format!("{prefix}-{game}"), life, options).await?;
        // An actor answers in the order in which it is called, so its last answer is enough.
        let calls: Vec<ObjectRef> = (0..GENERATIONS / batch).map(|_| actor.call("step").arg(batch).submit()).collect();
        last.extend(calls.into_iter().next_back());
    }
    for answer in last {
        let answer = answer.json().await?;
        assert!(answer.get("ok").is_some(), "{answer}");
    }
    Ok(())
}

/// Microseconds for each of many calls of an actor that all wait in its mailbox, and whose board is so small that stepping
/// it takes no time: the call, and two calls of the host by the guest.
async fn tiny_steps(runtime: &Runtime, life: &Plugin) -> Result<Figures, Box<dyn Error>> {
    let mut costs = Vec::new();
    for round in 0..ROUNDS {
        let options = SpawnOptions::default().durability(Durability::Volatile);
        let options = options.config(r#"{"size": 8, "history": 0}"#);
        let name = format!("tiny-{round}");
        let actor = runtime.actors().spawn(&name, life, options).await?;
        let start = Instant::now();
        let calls: Vec<ObjectRef> = (0..CALLS).map(|_| actor.call("step").arg(1).submit()).collect();
        for call in calls {
            call.json().await?;
        }
        costs.push(micros(start.elapsed()) / CALLS as f64);
        actor.kill().await?;
    }
    Ok(Figures::new(costs))
}
