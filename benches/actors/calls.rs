//! Calls through the mailbox of an actor that keeps nothing.

use std::time::Instant;

use belljar::{Actor, Runtime};
use belljar_benches::{Figures, Table, micros, plugin};
use futures_util::stream::{self, StreamExt as _};

use crate::{Outcome, volatile};

const CALLS: usize = 20_000;
const CALLS_PIPELINED: usize = 300_000;
const IN_FLIGHT: usize = 256;
const ROUNDS: usize = 5;

pub async fn measure(runtime: &Runtime, table: &mut Table) -> Outcome {
    let counter = runtime.load(plugin("counter")).await?;
    let actor = runtime.actors().spawn("called", &counter, volatile()).await?;
    let there = runtime.spawn(typed(actor.clone())).await??;
    table.line("typed call and answer, from a guest thread", there.percentiles("µs"), "p50 5 µs", "1.1 ms");
    let here = typed(actor.clone()).await?;
    table.line("typed call and answer, from another thread", here.percentiles("µs"), "", "");
    let there = runtime.spawn(json(actor.clone())).await??;
    table.line("call in JSON and answer, from a guest thread", there.percentiles("µs"), "", "1.1 ms");
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        rates.push(runtime.spawn(pipelined(actor.clone())).await??);
    }
    let figure = format!("{} /s", Figures::new(rates));
    table.line("typed calls, 256 in flight, one actor", figure, "200,000 /s", "2,018 /s");
    actor.remove().await?;
    Ok(())
}

async fn typed(actor: Actor) -> Outcome<Figures> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        let (_sum,): (i64,) = actor.call_typed("add", (1_i64,)).await?;
        times.push(micros(start.elapsed()));
    }
    Ok(Figures::new(times))
}

async fn json(actor: Actor) -> Outcome<Figures> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        let _sum: i64 = actor.call("add").arg(1).submit().get().await?;
        times.push(micros(start.elapsed()));
    }
    Ok(Figures::new(times))
}

/// Calls per second.
async fn pipelined(actor: Actor) -> Outcome<f64> {
    let start = Instant::now();
    let calls = (0..CALLS_PIPELINED).map(|_| actor.call_typed::<_, (i64,)>("add", (1_i64,)));
    let mut calls = stream::iter(calls).buffered(IN_FLIGHT);
    while let Some(answer) = calls.next().await {
        answer?;
    }
    Ok(CALLS_PIPELINED as f64 / start.elapsed().as_secs_f64())
}
