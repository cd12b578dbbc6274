//! A warm typed call into a component, beside the same call with wasmtime alone, in the same process and in turn.
//!
//! Two baselines, because they are different promises: wasmtime's plain synchronous call, which can neither be
//! interrupted nor give way, and wasmtime's asynchronous call with epochs, which is what any host needs that wants
//! to stop a guest. Belljar's call adds the deadline, the accounting of faults and the log of the call to the latter.

use std::error::Error;

use belljar::engine::{Engine, EngineOptions, Grants, Limits};
use belljar_benches::{Figures, micros, no_services, plugin, time};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Store};

const CALLS: u32 = 200_000;
const ROUNDS: usize = 9;

const ADDER: &str = r#"(component
    (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m))
    (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bytes = wat::parse_str(ADDER)?;

    // wasmtime, synchronous, with its defaults.
    let plain = wasmtime::Engine::new(&Config::new())?;
    let mut plain_store = Store::new(&plain, ());
    let plain_instance = Linker::new(&plain).instantiate(&mut plain_store, &Component::from_binary(&plain, &bytes)?)?;
    let plain_add = plain_instance.get_typed_func::<(u32, u32), (u32,)>(&mut plain_store, "add")?;

    // wasmtime, asynchronous, interruptible.
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    let epochs = wasmtime::Engine::new(&config)?;
    let mut epoch_store = Store::new(&epochs, ());
    epoch_store.set_epoch_deadline(1_000_000);
    epoch_store.epoch_deadline_async_yield_and_update(1_000_000);
    let linker = Linker::new(&epochs);
    let component = Component::from_binary(&epochs, &bytes)?;
    let epoch_instance = tokio.block_on(linker.instantiate_async(&mut epoch_store, &component))?;
    let epoch_add = epoch_instance.get_typed_func::<(u32, u32), (u32,)>(&mut epoch_store, "add")?;

    // Belljar.
    let engine = Engine::new(&EngineOptions::default())?;
    let linked = engine.load_bytes("adder", &bytes)?.link(Grants::default(), Limits::default())?;
    let mut instance = tokio.block_on(linked.instantiate(&no_services(), ""))?;
    let add = instance.typed::<(u32, u32), (u32,)>("add")?;

    let mut times = [const { Vec::new() }; 3];
    let mut ratios = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        let (result, plain_time) =
            time(|| (0..CALLS).try_for_each(|n| plain_add.call(&mut plain_store, (n, 1)).map(drop)));
        result?;
        let (result, epoch_time) = time(|| {
            tokio.block_on(async {
                for n in 0..CALLS {
                    epoch_add.call_async(&mut epoch_store, (n, 1)).await?;
                }
                Ok::<_, wasmtime::Error>(())
            })
        });
        result?;
        let (result, belljar_time) = time(|| {
            tokio.block_on(async {
                for n in 0..CALLS {
                    add.call(&mut instance, (n, 1)).await?;
                }
                Ok::<_, belljar::engine::Error>(())
            })
        });
        result?;
        let all = [plain_time, epoch_time, belljar_time].map(|time| micros(time) / f64::from(CALLS));
        for (list, time) in times.iter_mut().zip(all) {
            list.push(time);
        }
        ratios[0].push(all[2] / all[0]);
        ratios[1].push(all[2] / all[1]);
    }
    let [plain, epochs, belljar] = times.map(Figures::new);
    let [to_plain, to_epochs] = ratios.map(Figures::new);
    println!("warm typed call add(u32, u32) -> u32, µs, median (minimum to maximum)");
    println!("  wasmtime, synchronous, not interruptible  {plain}");
    println!("  wasmtime, asynchronous, epochs            {epochs}");
    println!("  belljar, with deadline                    {belljar}");
    println!("  belljar / wasmtime asynchronous           {to_epochs}   aim: 3 at the most");
    println!("  belljar / wasmtime synchronous            {to_plain}");

    // Through the runtime: another thread, a fresh instance.
    let runtime = belljar::Runtime::builder().build()?;
    let multi = tokio::runtime::Runtime::new()?;
    let greeter = multi.block_on(runtime.load(plugin("greeter")))?;
    let mut fresh = Vec::new();
    for n in 0..5_000_u32 {
        let (result, took) = time(|| multi.block_on(greeter.call::<_, (u32,)>("add", (n, 1_u32))));
        result?;
        fresh.push(micros(took));
    }
    let fresh = Figures::new(fresh);
    println!("call through the runtime on a fresh instance of a Rust plugin, µs");
    println!("  p50 {:.1}, p99 {:.1}", fresh.median(), fresh.quantile(0.99));
    Ok(())
}
