//! Task throughput: calls per second on a fresh instance each, with one guest thread and with all, beside warm
//! workers of a pool that keep their instances. Ray's figures come from benches/peers/ray, run on the same machine.

use std::error::Error;
use std::time::Instant;

use belljar::{PoolOptions, Runtime};
use belljar_benches::{Figures, plugin};

const TASKS: u32 = 20_000;
const ROUNDS: usize = 5;
/// Calls under way at once: enough to keep every thread busy.
const IN_FLIGHT: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let cores = std::thread::available_parallelism()?.get();
    println!("tasks per second, median (minimum to maximum); add(u32, u32) of a Rust plugin");
    for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
        let runtime = Runtime::builder().guest_threads(threads).build()?;
        let greeter = tokio.block_on(runtime.load(plugin("greeter")))?;
        let mut typed = Vec::new();
        let mut referenced = Vec::new();
        let mut pooled = Vec::new();
        let pool = greeter.pool(PoolOptions {
            keep_instances: true,
            queue_max: TASKS as usize,
            ..PoolOptions::fixed(threads)
        });
        for _ in 0..ROUNDS {
            let start = Instant::now();
            tokio.block_on(async {
                let lanes = (0..IN_FLIGHT).map(|_| {
                    let greeter = greeter.clone();
                    tokio::spawn(async move {
                        for n in 0..TASKS / IN_FLIGHT as u32 {
                            greeter.call::<_, (u32,)>("add", (n, 1_u32)).await?;
                        }
                        Ok::<_, belljar::Error>(())
                    })
                });
                for lane in lanes.collect::<Vec<_>>() {
                    lane.await??;
                }
                Ok::<_, Box<dyn Error>>(())
            })?;
            typed.push(f64::from(TASKS) / start.elapsed().as_secs_f64());

            let start = Instant::now();
            tokio.block_on(async {
                let tasks: Vec<_> = (0..TASKS).map(|n| greeter.task("add").arg(n).arg(1).submit()).collect();
                for task in tasks {
                    task.get::<u32>().await?;
                }
                Ok::<_, belljar::Error>(())
            })?;
            referenced.push(f64::from(TASKS) / start.elapsed().as_secs_f64());

            let start = Instant::now();
            tokio.block_on(async {
                let tasks = (0..TASKS).map(|n| pool.submit(greeter.task("add").arg(n).arg(1)));
                for task in tasks.collect::<Result<Vec<_>, _>>()? {
                    task.get::<u32>().await?;
                }
                Ok::<_, belljar::Error>(())
            })?;
            pooled.push(f64::from(TASKS) / start.elapsed().as_secs_f64());
        }
        println!("{threads} guest thread(s)");
        println!("  typed call, fresh instance each       {}   aim: 10,000 on one", Figures::new(typed));
        println!("  submitted task, fresh instance each   {}", Figures::new(referenced));
        println!("  pool that keeps its instances         {}", Figures::new(pooled));
    }
    println!("Ray: cd benches/peers/ray && python tasks.py --json && python actors.py --json");
    Ok(())
}
