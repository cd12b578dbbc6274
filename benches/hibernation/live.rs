//! What an actor takes of the machine that is awake and small.

use belljar::{Durability, Runtime, SpawnOptions};
use belljar_benches::machine::{self, Memory};
use belljar_benches::{Table, plugin};
use serde::{Deserialize, Serialize};

use crate::{Outcome, in_process, name};

const ACTORS: u64 = 10_000;

/// Bytes of one actor, and its mappings.
#[derive(Serialize, Deserialize)]
pub struct PerActor {
    pages: f64,
    page_tables: f64,
    mappings: f64,
}

pub fn report(table: &mut Table) -> Outcome {
    let found: PerActor = in_process(&["live", &ACTORS.to_string()])?;
    let PerActor { pages, page_tables, mappings } = found;
    let figure = format!("{:.1} kB ({:.1} kB page tables)", (pages + page_tables) / 1e3, page_tables / 1e3);
    table.line(&format!("{ACTORS} live actors, each"), figure, "100 kB", "60 MB");
    table.line("mappings of a live actor", format!("{mappings:.2}"), "", "");
    Ok(())
}

pub async fn measure(count: u64) -> Outcome<PerActor> {
    let runtime = Runtime::builder().build()?;
    let counter = runtime.load(plugin("counter")).await?;
    let options = || SpawnOptions::default().durability(Durability::Volatile).config("{}");
    runtime.actors().spawn("warm", &counter, options()).await?.call("add").arg(1).submit().get::<i64>().await?;
    let before = machine::memory()?;
    for number in 0..count {
        let actor = runtime.actors().spawn(&name(number), &counter, options()).await?;
        actor.call("add").arg(number as i64).submit().get::<i64>().await?;
    }
    let after = machine::memory()?;
    let each = |of: fn(&Memory) -> u64| (of(&after) as f64 - of(&before) as f64) / count as f64;
    Ok(PerActor {
        pages: each(|memory| memory.proportional),
        page_tables: each(|memory| memory.page_tables),
        mappings: each(|memory| memory.mappings),
    })
}
