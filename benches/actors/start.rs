//! Beginning an actor whose component is warm: compiled, and its base image made.

use std::time::Instant;

use belljar::{Plugin, Runtime, SpawnOptions};
use belljar_benches::{Figures, Table, micros, plugin};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::{Outcome, journaled, volatile};

const VOLATILE: usize = 1_000;
const JOURNALED: usize = 300;
const JOURNALED_AT_ONCE: usize = 64;
const JOURNALED_TOGETHER: usize = 2_000;

pub async fn measure(runtime: &Runtime, table: &mut Table) -> Outcome {
    let counter = runtime.load(plugin("counter")).await?;
    one_after_another(runtime, &counter, "warm", 20, volatile).await?;
    let here = one_after_another(runtime, &counter, "here", VOLATILE, volatile).await?;
    let (guest_runtime, guest_counter) = (runtime.clone(), counter.clone());
    let there = runtime
        .spawn(async move { one_after_another(&guest_runtime, &guest_counter, "there", VOLATILE, volatile).await });
    table.line("start, volatile", there.await??.percentiles("µs"), "150 µs", "831 ms");
    table.line("start, volatile, from another thread", here.percentiles("µs"), "", "");
    let journaled_alone = one_after_another(runtime, &counter, "alone", JOURNALED, journaled).await?;
    table.line("start, journal, one at a time (waits for the disk)", journaled_alone.percentiles("µs"), "", "");
    let start = Instant::now();
    let names = (0..JOURNALED_TOGETHER).map(|n| format!("together-{n}"));
    let spawns = names.map(|name| {
        let (actors, counter) = (runtime.actors(), &counter);
        async move { actors.spawn(&name, counter, journaled()).await }
    });
    let born: Vec<_> = stream::iter(spawns).buffer_unordered(JOURNALED_AT_ONCE).try_collect().await?;
    let rate = JOURNALED_TOGETHER as f64 / start.elapsed().as_secs_f64();
    table.line("start, journal, 64 at once", format!("{rate:.0} /s"), "", "");
    stream::iter(born).for_each_concurrent(JOURNALED_AT_ONCE, |actor| async move { drop(actor.remove().await) }).await;
    Ok(())
}

/// Microseconds that each of these took to begin. They are gone at the end.
async fn one_after_another(
    runtime: &Runtime,
    plugin: &Plugin,
    prefix: &str,
    count: usize,
    options: fn() -> SpawnOptions,
) -> Outcome<Figures> {
    let (mut times, mut born) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for n in 0..count {
        let (name, options) = (format!("{prefix}-{n}"), options());
        let start = Instant::now();
        born.push(runtime.actors().spawn(&name, plugin, options).await?);
        times.push(micros(start.elapsed()));
    }
    for actor in born {
        actor.remove().await?;
    }
    Ok(Figures::new(times))
}
