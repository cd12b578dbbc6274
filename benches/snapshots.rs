//! What it costs to start an actor, to take a checkpoint's pages, and to go on from them; and how much memory a live
//! actor takes. All in the engine: without the disk, the journal and the mailbox.
//!
//! Aims: 150 µs for a start from a warm image, 0.5 ms of pause for a guest of 64 MiB of which 1 % changed, 1 ms to the
//! first answer of such a guest from a warm image, and 100 KB for each of 10,000 live actors.

use std::error::Error;

use belljar::engine::{Engine, EngineOptions, Grants, Instance, Limits, Linked, Services};
use belljar_benches::machine::memory;
use belljar_benches::{Figures, micros, no_services, time};

const ROUNDS: usize = 200;
const LARGE_ROUNDS: usize = 30;
/// Instances that live at once.
const LIVE: usize = 10_000;
/// The large guest's heap: 64 MiB.
const LARGE_BYTES: u32 = 64 << 20;
const PAGE_BYTES: u32 = 4096;
/// 1 % of its pages.
const CHANGED_PAGES: u32 = LARGE_BYTES / PAGE_BYTES / 100;

/// A counter with 1 MiB of memory, as a small Rust plugin has, of which some is data; and a heap to fill.
const GUEST: &str = r#"(component
    (core module $m
        (memory 17)
        (data (i32.const 1048576) "\01")
        (global $stack (mut i32) (i32.const 1048576))
        (func (export "count") (result i64)
            (i64.store (i32.const 1048576) (i64.add (i64.load (i32.const 1048576)) (i64.const 1)))
            (i64.load (i32.const 1048576)))
        (func (export "grow") (param $bytes i32)
            (drop (memory.grow (i32.div_u (local.get $bytes) (i32.const 65536)))))
        ;; Changes a word of each of so many pages that lie so far apart, from behind the data on.
        (func (export "touch") (param $pages i32) (param $stride i32)
            (local $at i32)
            (local.set $at (i32.const 1114112))
            (block $done (loop $more
                (br_if $done (i32.eqz (local.get $pages)))
                (i64.store (local.get $at) (i64.add (i64.load (local.get $at)) (i64.const 0x9e3779b97f4a7c15)))
                (local.set $at (i32.add (local.get $at) (local.get $stride)))
                (local.set $pages (i32.sub (local.get $pages) (i32.const 1)))
                (br $more)))))
    (core instance $i (instantiate $m))
    (func (export "count") (result u64) (canon lift (core func $i "count")))
    (func (export "grow") (param "bytes" u32) (canon lift (core func $i "grow")))
    (func (export "touch") (param "pages" u32) (param "stride" u32) (canon lift (core func $i "touch"))))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let engine = Engine::new(&EngineOptions::default())?;
    let services = no_services();
    let linked = engine.load_bytes("guest", &wat::parse_str(GUEST)?)?.link(Grants::default(), Limits::default())?;
    tokio.block_on(async {
        small(&linked, &services).await?;
        large(&linked, &services).await?;
        many(&linked, &services).await
    })
}

async fn count(instance: &mut Instance) -> Result<u64, belljar::engine::Error> {
    Ok(instance.call::<(), (u64,)>("count", ()).await?.0)
}

/// Runs and times something asynchronous on the runtime that is there already.
async fn timed<T>(work: impl Future<Output = Result<T, belljar::engine::Error>>) -> Result<(T, f64), Box<dyn Error>> {
    let start = std::time::Instant::now();
    let value = work.await?;
    Ok((value, micros(start.elapsed())))
}

/// Figures and, where there is one, the aim for their median, both in microseconds.
fn print(what: &str, figures: Vec<f64>, aim: Option<f64>) {
    let figures = Figures::new(figures);
    let aim = aim.map(|aim| format!("   aim: {aim} at the most; ratio {:.3}", figures.median() / aim));
    println!("  {what:<40} {figures}{}", aim.unwrap_or_default());
}

async fn small(linked: &Linked, services: &Services) -> Result<(), Box<dyn Error>> {
    let base = linked.base_image(services).await?;
    let (mut starts, mut captures, mut restores, mut drops) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut instance, took) = timed(linked.instantiate_from(&base, services, "")).await?;
        starts.push(took);
        count(&mut instance).await?;
        let (capture, took) = timed(instance.capture()).await?;
        captures.push(took);
        drops.push(micros(time(|| drop(instance)).1));
        let restore = async { count(&mut linked.restore(&*capture.snapshot()?, services, "").await?).await };
        restores.push(timed(restore).await?.1);
    }
    println!("a small guest (1 page written), µs, median (minimum to maximum)");
    print("start from the base image", starts, Some(150.0));
    print("capture", captures, None);
    print("drop", drops, None);
    print("restore, first call, drop", restores, None);
    Ok(())
}

async fn large(linked: &Linked, services: &Services) -> Result<(), Box<dyn Error>> {
    let base = linked.base_image(services).await?;
    let mut instance = linked.instantiate_from(&base, services, "").await?;
    instance.call::<(u32,), ()>("grow", (LARGE_BYTES,)).await?;
    instance.call::<(u32, u32), ()>("touch", (LARGE_BYTES / PAGE_BYTES, PAGE_BYTES)).await?;
    let (whole, first) = timed(instance.capture()).await?;
    // As long as the capture is held, the instance may not change its image.
    let mut whole = whole.into_snapshot()?;
    println!("a guest of 64 MiB, µs");
    println!("  {:<40} {first:.0}, once", "capture of all of it");
    let (mut pauses, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..LARGE_ROUNDS {
        instance.call::<(u32, u32), ()>("touch", (CHANGED_PAGES, 100 * PAGE_BYTES)).await?;
        let (capture, took) = timed(instance.capture()).await?;
        assert_eq!(capture.pages(), u64::from(CHANGED_PAGES), "1 % changed");
        pauses.push(took);
        whole.globals.clone_from(&capture.snapshot()?.globals);
        let image = capture.image().ok_or("it has no image of its own")?;
        let answer = async { count(&mut linked.instantiate_from(image, services, "").await?).await };
        answers.push(timed(answer).await?.1);
    }
    print("capture with 1 % changed", pauses, Some(500.0));
    print("from an image to the first answer", answers, Some(1_000.0));
    let restore = async { count(&mut linked.restore(&whole, services, "").await?).await };
    println!("  {:<40} {:.0}, once", "restore from pages to the first answer", timed(restore).await?.1);
    Ok(())
}

/// Every instance has answered a call, so it has the pages that a call needs.
async fn many(linked: &Linked, services: &Services) -> Result<(), Box<dyn Error>> {
    let base = linked.base_image(services).await?;
    let before = memory()?;
    let mut instances = Vec::with_capacity(LIVE);
    for _ in 0..LIVE {
        let mut instance = linked.instantiate_from(&base, services, "").await?;
        count(&mut instance).await?;
        instances.push(instance);
    }
    let after = memory()?;
    let each = |before: u64, after: u64| (after as f64 - before as f64) / LIVE as f64;
    let pages = each(before.proportional, after.proportional) / 1024.0;
    let tables = each(before.page_tables, after.page_tables) / 1024.0;
    let mappings = each(before.mappings, after.mappings);
    println!("{LIVE} live instances, each");
    println!("  pages (PSS) {pages:.1} KB, page tables {tables:.1} KB, mappings {mappings:.2}");
    println!("  together {:.1} KB   aim: 100 at the most; ratio {:.3}", pages + tables, (pages + tables) / 100.0);
    Ok(())
}
