//! Snapshots of a guest with 64 MiB that do not compress, and its way back.

use std::time::Instant;

use belljar::engine::{ActorImage, ImageFileState, Linked, Services, Since};
use belljar::{Engine, EngineOptions, Grants, Limits, Runtime};
use belljar_benches::{Figures, Table, machine, micros, no_services, plugin};

use crate::{Outcome, journaled};

const MIB: u32 = 64;
/// Thousandths of the pages that change between two snapshots.
const CHANGED_PERMILLE: u32 = 10;
const CAPTURES: u64 = 100;
const RESTORES: usize = 50;
const WAKES: usize = 7;

pub async fn measure(runtime: &Runtime, table: &mut Table) -> Outcome {
    let engine_level = runtime.spawn(engine_level()).await??;
    let Pauses { whole, changed, pages, warm, files: [verified, verifying, cold] } = engine_level;
    table.line("64 MiB, pause of the first snapshot, all of it", format!("{whole:.0} µs"), "", "");
    table.line(
        &format!("64 MiB, pause of a snapshot, {pages} pages changed"),
        changed.percentiles("µs"),
        "500 µs",
        "none",
    );
    table.line("64 MiB, first answer from a warm image", warm.percentiles("µs"), "1 ms", "none");
    table.line("64 MiB, first answer from a verified local image file", verified.percentiles("ms"), "10 ms", "none");
    table.line("64 MiB, first answer from a file that is verified first", verifying.percentiles("ms"), "", "none");
    table.line("64 MiB, first answer from such a file on the disk", cold.percentiles("ms"), "", "none");
    through_sleep(runtime, table).await
}

struct Pauses {
    whole: f64,
    changed: Figures,
    pages: u64,
    warm: Figures,
    /// From files: one that was verified before, one that is verified first, one that the kernel has to read.
    files: [Figures; 3],
}

async fn engine_level() -> Outcome<Pauses> {
    let engine = Engine::new(&EngineOptions { cache_dir: belljar::default_cache_dir() })?;
    let linked = engine.load_file(plugin("ballast"))?.link(Grants::default(), Limits::default())?;
    let services = no_services();
    let base = linked.base_image(&services).await?;
    let mut instance = linked.instantiate_from(&base, &services, "ballast").await?;
    instance.call::<(u32, u64), (u64,)>("fill", (MIB, 1)).await?;
    let start = Instant::now();
    let first = instance.capture().await?;
    let whole = micros(start.elapsed());
    // As long as the capture is held, the instance may not change its image.
    let first = first.into_snapshot()?;
    let (mut times, mut pages) = (Vec::new(), 0);
    for seed in 0..CAPTURES {
        instance.call::<(u32, u64), (u64,)>("touch", (CHANGED_PERMILLE, seed)).await?;
        let start = Instant::now();
        let capture = instance.capture().await?;
        times.push(micros(start.elapsed()));
        assert_eq!(capture.since(), Since::Last, "only what changed is taken");
        pages = capture.pages();
    }
    let newest = instance.capture().await?;
    let newest = newest.image().ok_or("an instance this large has an image of its own")?;
    let mut twin = linked.instantiate_from(newest, &services, "ballast").await?;
    let sums = (instance.call::<(), (u64,)>("sum", ()).await?, twin.call::<(), (u64,)>("sum", ()).await?);
    assert_eq!(sums.0, sums.1, "the snapshots together are the state");
    let image = linked.image(&first, &services).await?;
    let mut warm = Vec::new();
    for _ in 0..RESTORES {
        let start = Instant::now();
        let mut restored = linked.instantiate_from(&image, &services, "ballast").await?;
        let (size_bytes,) = restored.call::<(), (u64,)>("size", ()).await?;
        warm.push(micros(start.elapsed()));
        assert_eq!(size_bytes, u64::from(MIB) << 20);
    }
    let files = from_file(&linked, &services, &image).await?;
    Ok(Pauses { whole, changed: Figures::new(times), pages, warm: Figures::new(warm), files })
}

/// From opening the file to the answer: one that was verified before, one that is verified first, both while the kernel has
/// the file in memory; and from the disk.
async fn from_file(linked: &Linked, services: &Services, image: &ActorImage) -> Outcome<[Figures; 3]> {
    let folder = tempfile::tempdir()?;
    let (path, checkpoint) = (folder.path().join("image"), [1; 32]);
    image.save(&path, &checkpoint)?;
    let verified = ImageFileState::of(&path)?;
    let mut times = [const { Vec::new() }; 3];
    for (times, (verified, is_cold)) in times.iter_mut().zip([(Some(verified), false), (None, false), (None, true)]) {
        for _ in 0..WAKES {
            if is_cold {
                machine::forget_files(folder.path())?;
            }
            let start = Instant::now();
            let image = ActorImage::open(&path, linked.component().digest(), &checkpoint, verified)?;
            let mut restored = linked.instantiate_from(&image, services, "ballast").await?;
            let (size_bytes,) = restored.call::<(), (u64,)>("size", ()).await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            assert_eq!(size_bytes, u64::from(MIB) << 20);
        }
    }
    Ok(times.map(Figures::new))
}

/// An actor that sleeps, woken from the image that it left, and from the packs of its checkpoint, where every chunk is
/// read, verified and copied.
async fn through_sleep(runtime: &Runtime, table: &mut Table) -> Outcome {
    let ballast = runtime.load(plugin("ballast")).await?;
    let options = belljar::SpawnOptions { config: String::new(), ..journaled() };
    let actor = runtime.actors().spawn("ballast", &ballast, options).await?;
    actor.call("fill").arg(MIB).arg(1).submit().get::<u64>().await?;
    let folder = runtime.data_dir().ok_or("the benchmark has a data directory")?.path().to_owned();
    let ways = [(true, false), (true, true), (false, false), (false, true)];
    let mut times = [const { Vec::new() }; 4];
    for (times, (has_image, is_cold)) in times.iter_mut().zip(ways) {
        for _ in 0..WAKES {
            actor.hibernate().await?;
            if !has_image {
                std::fs::remove_dir_all(folder.join("actors/images"))?;
            }
            if is_cold {
                machine::forget_files(&folder)?;
            }
            let start = Instant::now();
            let size_bytes: u64 = actor.call("size").submit().get().await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            assert_eq!(size_bytes, u64::from(MIB) << 20);
        }
    }
    let [image, cold_image, packs, cold_packs] = times.map(Figures::new);
    table.line("64 MiB, an actor that slept answers, from its image", image.percentiles("ms"), "10 ms", "none");
    table.line(
        "64 MiB, an actor that slept answers, from its image on the disk",
        cold_image.percentiles("ms"),
        "",
        "none",
    );
    table.line("64 MiB, an actor that slept answers, from packs", packs.percentiles("ms"), "", "none");
    table.line("64 MiB, an actor that slept answers, from packs on the disk", cold_packs.percentiles("ms"), "", "none");
    actor.remove().await?;
    Ok(())
}
