//! Calls that are durable before they are answered, of many actors at once.

use std::time::Instant;

use belljar::{Actor, Runtime};
use belljar_benches::{Figures, Table, plugin};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::{Outcome, journaled};

const ACTORS: usize = 200;
const IN_FLIGHT_EACH: usize = 16;
const CALLS_EACH: usize = 300;
const ROUNDS: usize = 5;

pub async fn measure(runtime: &Runtime, table: &mut Table) -> Outcome {
    let counter = runtime.load(plugin("counter")).await?;
    let names = (0..ACTORS).map(|n| format!("journaled-{n}"));
    let spawns = names.map(|name| {
        let (actors, counter) = (runtime.actors(), &counter);
        async move { actors.spawn(&name, counter, journaled()).await }
    });
    let actors: Vec<Actor> = stream::iter(spawns).buffer_unordered(ACTORS).try_collect().await?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let callers: Vec<_> = actors.iter().map(|actor| runtime.spawn(call(actor.clone()))).collect();
        for caller in callers {
            caller.await??;
        }
        rates.push((ACTORS * CALLS_EACH) as f64 / start.elapsed().as_secs_f64());
    }
    let figure = format!("{} /s", Figures::new(rates));
    table.line("journaled calls, 200 actors, 16 in flight each", figure, "20,000 /s", "2,018 /s (not durable)");
    for actor in actors {
        actor.remove().await?;
    }
    Ok(())
}

async fn call(actor: Actor) -> Outcome {
    let calls = (0..CALLS_EACH).map(|_| {
        let actor = actor.clone();
        async move { actor.call("add").arg(1).submit().get::<i64>().await }
    });
    let mut calls = stream::iter(calls).buffered(IN_FLIGHT_EACH);
    while let Some(answer) = calls.next().await {
        answer?;
    }
    Ok(())
}
