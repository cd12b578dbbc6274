//! What four guests per core that spin cost a well-behaved plugin on the same runtime, and the host's own timers.
//! Aims: p99 of the well-behaved calls 10 ms at the most, and no tick of the host later than 10 ms.

use std::error::Error;
use std::time::{Duration, Instant};

use belljar::{ObjectRef, Runtime};
use belljar_benches::{Figures, plugin};

const SPINNERS_PER_CORE: usize = 4;
const CALLS: usize = 1_000;
const TICK: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cores = std::thread::available_parallelism()?.get();
    let runtime = Runtime::builder().build()?;
    let hostile = runtime.load(plugin("hostile")).await?.with_deadline(Duration::from_secs(600));
    let quiet = measure(&hostile).await?;
    let spinners: Vec<ObjectRef> = (0..cores * SPINNERS_PER_CORE).map(|_| hostile.task("spin").submit()).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let busy = measure(&hostile).await?;
    spinners.iter().for_each(ObjectRef::cancel);
    println!("a well-behaved call and a 5 ms tick of the host, ms ({CALLS} calls, {cores} cores)");
    for (name, (calls, late)) in [("nobody spins", quiet), ("4 spin per core", busy)] {
        println!(
            "  {name:<16} call p50 {:.2}, p99 {:.2}, most {:.2}; tick late by p50 {:.2}, p99 {:.2}, most {:.2}",
            calls.median(),
            calls.quantile(0.99),
            calls.quantile(1.0),
            late.median(),
            late.quantile(0.99),
            late.quantile(1.0),
        );
    }
    Ok(())
}

/// Milliseconds of each call, and how late each tick of the host's own timer was meanwhile.
async fn measure(plugin: &belljar::Plugin) -> Result<(Figures, Figures), Box<dyn Error>> {
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let ticks = tokio::spawn(async move {
        let mut late = Vec::new();
        loop {
            let due = Instant::now() + TICK;
            tokio::select! {
                _ = &mut stopped => return late,
                () = tokio::time::sleep_until(due.into()) => late.push((Instant::now() - due).as_secs_f64() * 1e3),
            }
        }
    });
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let start = Instant::now();
        plugin.call::<_, (u32,)>("well-behaved", (1_000_u32,)).await?;
        calls.push(start.elapsed().as_secs_f64() * 1e3);
    }
    drop(stop);
    Ok((Figures::new(calls), Figures::new(ticks.await?)))
}
