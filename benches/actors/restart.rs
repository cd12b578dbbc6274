//! An actor that faults, and is there again with all that it knew.

use std::time::Instant;

use belljar::{Durability, Runtime, SpawnOptions};
use belljar_benches::{Figures, Table, plugin};

use crate::Outcome;

const FAULTS: i64 = 50;
const GOOD_CALLS: i64 = 10;

pub async fn measure(runtime: &Runtime, table: &mut Table) -> Outcome {
    let hostile = runtime.load(plugin("hostile-actor")).await?;
    for durability in [Durability::Journal, Durability::Volatile] {
        let options = SpawnOptions::default().durability(durability);
        let actor = runtime.actors().spawn("hostile", &hostile, options).await?;
        let mut times = Vec::new();
        for fault in 1..=FAULTS {
            for _ in 0..GOOD_CALLS {
                actor.call("add").arg(1).submit().get::<i64>().await?;
            }
            let faulted = actor.call("panic-after").arg(1_000).submit().get::<()>().await;
            assert!(faulted.is_err(), "it panics");
            let start = Instant::now();
            let sum: i64 = actor.call("get").submit().get().await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            let expected = if durability == Durability::Journal { fault * GOOD_CALLS } else { 0 };
            assert_eq!(sum, expected, "the state after the fault");
        }
        let (what, peer) = match durability {
            Durability::Volatile => ("first answer after a fault, volatile (state lost)", "1.02 s (state lost)"),
            _ => ("first answer after a fault, journal (state kept, waits for the disk)", "1.02 s (state lost)"),
        };
        table.line(what, Figures::new(times).percentiles("ms"), "", peer);
        actor.remove().await?;
    }
    Ok(())
}
