//! Waking actors in a fresh process: uniformly random ones, one after another.

use std::path::Path;
use std::time::Instant;

use belljar::{Actors, Error, Runtime};
use belljar_benches::{Figures, machine, micros};
use serde::{Deserialize, Serialize};

use crate::{Outcome, name};

/// Wake-ups before those that count: the first one loads the component.
const WARM_UP: usize = 50;
const WAKES: usize = 2_000;
const COLD_WAKES: usize = 300;
/// A method that no actor has. A call of it is refused by the actor itself, once it is awake and before anything is
/// written down: what it takes is the wake-up alone.
const NO_METHOD: &str = "no-such-method";

/// What was found.
#[derive(Serialize, Deserialize)]
pub struct Wakes {
    pub open_ms: f64,
    pub opened_bytes: u64,
    pub woken_bytes: u64,
    pub awake: String,
    pub answered: String,
    pub cold: String,
    pub disk: String,
}

pub async fn measure(folder: &Path, count: u64) -> Outcome<Wakes> {
    let start = Instant::now();
    let runtime = Runtime::builder().data_dir(folder).build()?;
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    let opened = machine::memory()?;
    let mut numbers = Random(start.elapsed().as_nanos() as u64);
    let mut next = || name(numbers.below(count));
    let mut times = [const { Vec::new() }; 3];
    for wake in 0..WARM_UP + 2 * WAKES + COLD_WAKES {
        let kind = match wake.checked_sub(WARM_UP) {
            None => None,
            Some(at) if at < 2 * WAKES => Some(at % 2),
            Some(_) => Some(2),
        };
        if kind == Some(2) {
            machine::forget_files(folder)?;
        }
        let took = runtime.spawn(wake_up(runtime.actors(), next(), kind == Some(1))).await??;
        if let Some(kind) = kind {
            times[kind].push(took);
        }
    }
    let [awake, answered, cold] = times.map(|times| Figures::new(times).percentiles("µs"));
    let woken = machine::memory()?;
    Ok(Wakes {
        open_ms,
        opened_bytes: opened.proportional + opened.page_tables,
        woken_bytes: woken.proportional + woken.page_tables,
        awake,
        answered,
        cold,
        disk: machine::disk_sync(folder)?.percentiles("ms"),
    })
}

/// Microseconds until an actor is awake or, if so wished, has answered durably.
async fn wake_up(actors: Actors, name: String, with_answer: bool) -> Outcome<f64> {
    let start = Instant::now();
    let actor = actors.get(&name).await?;
    if with_answer {
        actor.call("get").submit().get::<i64>().await?;
    } else {
        let refused = actor.call(NO_METHOD).submit().get::<i64>().await;
        let error = refused.err().ok_or("a method that nobody has was called")?;
        match &error {
            Error::Engine(reason) if matches!(**reason, belljar::engine::Error::UnknownMethod { .. }) => {}
            _ => return Err(error.into()),
        }
    }
    Ok(micros(start.elapsed()))
}

/// Numbers that look random: the generator SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % limit
    }
}
