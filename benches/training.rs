//! A training that a guest drives: steps of the network of 665,200 parameters on batches of 64 images, which the plugin
//! `trainer` asks the host for tensor by tensor; what keeping the state costs; and what the calls of the host cost, where they
//! compute next to nothing. The peer is PyTorch on the same network: `host/compute/benches/tensor/peer.py`.

use std::error::Error;
use std::time::Instant;

use belljar::{Actor, Durability, Grants, Limits, Plugin, Runtime, SpawnOptions};
use belljar_benches::{Figures, Table, micros, plugin};
use serde_json::{Value as Json, json};

/// Steps of a call.
const STEPS: u32 = 5;
const ROUNDS: usize = 12;
/// Steps of a network that is too small to take any time.
const TINY_STEPS: u32 = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::builder().data_dir(folder.path()).build()?;
    let trainer = runtime.load_with(plugin("trainer"), Grants::default().compute(), Limits::default()).await?;
    let mut table = Table::default();

    let network = spawn(&runtime, &trainer, "network", Durability::Volatile, &json!({})).await?;
    let took = steps(&network, STEPS).await?;
    table.line("a step of the CNN, driven by a guest", format!("{took} ms"), "", "PyTorch: see peer.py");

    let journaled = spawn(&runtime, &trainer, "journaled", Durability::Journal, &json!({})).await?;
    let took = steps(&journaled, STEPS).await?;
    table.line("… of an actor that keeps its state", format!("{took} ms"), "", "");
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        train(&journaled, 1).await?;
        let start = Instant::now();
        journaled.checkpoint().await?;
        took.push(start.elapsed().as_secs_f64() * 1e3);
    }
    table.line("… its checkpoint after a step, until it is durable", format!("{} ms", Figures::new(took)), "", "");

    let tiny = json!({ "batch": 1, "channels": 1, "hidden": 1 });
    let tiny = spawn(&runtime, &trainer, "tiny", Durability::Volatile, &tiny).await?;
    let mut took = Vec::new();
    for round in 0..=ROUNDS {
        let start = Instant::now();
        train(&tiny, TINY_STEPS).await?;
        if round > 0 {
            took.push(micros(start.elapsed()) / f64::from(TINY_STEPS));
        }
    }
    table.line(
        "a step of the smallest network, with some 38 calls of the host",
        format!("{} µs", Figures::new(took)),
        "",
        "",
    );
    println!("{table}");
    Ok(())
}

async fn spawn(
    runtime: &Runtime,
    plugin: &Plugin,
    name: &str,
    durability: Durability,
    config: &Json,
) -> Result<Actor, Box<dyn Error>> {
    let options = SpawnOptions::default().durability(durability).config(config.to_string());
    Ok(runtime.actors().spawn(name, plugin, options).await?)
}

async fn train(actor: &Actor, steps: u32) -> Result<(), Box<dyn Error>> {
    let answer = actor.call_json("train", json!([steps])).submit().json().await?;
    assert!(answer.get("ok").is_some(), "{answer}");
    Ok(())
}

/// Milliseconds of a step, of many calls of several. The first call warms the caches.
async fn steps(actor: &Actor, steps: u32) -> Result<Figures, Box<dyn Error>> {
    let mut took = Vec::new();
    for round in 0..=ROUNDS {
        let start = Instant::now();
        train(actor, steps).await?;
        if round > 0 {
            took.push(start.elapsed().as_secs_f64() * 1e3 / f64::from(steps));
        }
    }
    Ok(Figures::new(took))
}
