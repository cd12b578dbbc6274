//! How fast boards are stepped, against the rate of logic operations that this machine was measured to have.
//!
//! `cargo xtask bench automaton`, on a machine that does nothing else.
//!
//! The limit of a rate is that of 19 operations on vectors of 256 bits for 256 cells of Life, as fast as one thread
//! does them. A machine with vectors of 512 bits, or one that does two operations in one, can pass it. Every rate is the
//! best of many short runs, so that what else runs on the machine disturbs it least.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use belljar_compute::Threads;
use belljar_compute::automaton::{Board, Edges, Rule, Settings, Size, Work};
use pulp::{Arch, Simd, WithSimd};

/// For how long a rate is measured.
const MEASURED: Duration = Duration::from_secs(2);

/// What a run takes, about: shorter than a turn of the system's scheduler.
const RUN: Duration = Duration::from_millis(4);

/// Operations for a vector of Life.
const LIFE_OPERATIONS: f64 = 19.0;

/// The bits of the vectors by which the limit is defined.
const LIMIT_BITS: f64 = 256.0;

fn main() {
    #[cfg(all(feature = "device", target_os = "linux"))]
    belljar_compute::device::worker::run_if_asked();
    let limit = logic_rate() / LIFE_OPERATIONS * LIMIT_BITS;
    println!("instructions: {:?}", Arch::new());
    println!(
        "logic on 256 bits: {:.2} Gop/s on one thread, which limits Life to {:.0} Gcell/s",
        logic_rate() / 1e9,
        limit / 1e9
    );
    println!("{:<44} {:>9} {:>9} {:>9} {:>8}", "Gcell/s", "1 thread", "of limit", "2 threads", "speed-up");

    let [one, two] = [1, 2].map(Threads::new);
    let row = |what: &str, rate: &dyn Fn(&Threads) -> f64| {
        let (alone, both) = (rate(&one), rate(&two));
        let (share, gain) = (100.0 * alone / limit, both / alone);
        println!("{what:<44} {:>9.1} {share:>8.0}% {:>9.1} {gain:>7.2}×", alone / 1e9, both / 1e9);
    };
    for side in [512, 1024, 4096, 16_384] {
        row(&format!("Life {side}²"), &|threads| stepping(settings(side, side, Rule::LIFE, Edges::Torus), threads));
    }
    for (width, height) in [(100, 100), (33, 33), (1000, 1000), (1023, 769), (4097, 4095), (10_000, 10_000)] {
        row(&format!("Life {width} × {height}"), &|threads| {
            stepping(settings(width, height, Rule::LIFE, Edges::Torus), threads)
        });
    }
    row("Life 4096², dead edges", &|threads| stepping(settings(4096, 4096, Rule::LIFE, Edges::Dead), threads));
    for rule in ["B36/S23", "B3678/S34678"] {
        let rule: Rule = rule.parse().expect("a rule");
        row(&format!("{rule} 4096²"), &|threads| stepping(settings(4096, 4096, rule, Edges::Torus), threads));
    }
    let ages = Settings { ages: true, ..settings(4096, 4096, Rule::LIFE, Edges::Torus) };
    row("Life 4096² with ages", &|threads| stepping(ages, threads));
    for (count, side) in [(1024, 33), (1024, 100), (512, 64), (8, 100), (64, 1000)] {
        row(&format!("Life, {count} boards of {side}², 64 at once"), &|threads| many(count, side, threads));
    }
    for side in [100, 1000, 1024, 4096] {
        row(&format!("Life {side}², one generation, then all bits"), &|threads| reading(side, threads));
    }

    let lesson = best_run(|| {
        let mut boards = vec![soup(settings(100, 100, Rule::LIFE, Edges::Torus)); 8];
        timed(|| Board::step_many(&mut boards, 50, &work(&two)).expect("nothing stops it"))
    });
    println!("8 boards of 100² for 50 generations, 2 threads: {:.3} ms", lesson.as_secs_f64() * 1e3);
    #[cfg(all(feature = "device", target_os = "linux"))]
    device::measure(&two);
}

/// The same boards on the compute device, whatever it is, with their way there and back.
#[cfg(all(feature = "device", target_os = "linux"))]
mod device {
    use belljar_compute::automaton::{Boards, DeviceStepper};
    use belljar_compute::device::{Device, DeviceConfig};

    use super::*;

    const MEMORY_BYTES_MAX: u64 = 1 << 30;

    /// For how many generations, of which a GPU needs many to be worth the way.
    const GENERATIONS: [u64; 2] = [16, 1024];

    pub fn measure(threads: &Threads) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let config = DeviceConfig { allow_cpu: true, ..DeviceConfig::default() };
        let device = match runtime.block_on(Device::open(config)) {
            Ok(device) => device,
            Err(error) => return println!("SKIPPED: boards on the device ({error})"),
        };
        println!("device: {} ({:?}); Gcell/s on it, and on 2 threads", device.adapter().name, device.adapter().kind);
        let _inside = runtime.enter();
        for side in [512, 4096] {
            for generations in GENERATIONS {
                let mut boards = Boards::new(MEMORY_BYTES_MAX);
                let life = settings(side, side, Rule::LIFE, Edges::Torus);
                let id = boards.random(life, 1, 0.35).expect("room");
                let mut stepper = DeviceStepper::new(&device, MEMORY_BYTES_MAX);
                let cells = (life.size.cells() * generations) as f64;
                let there = best_run(|| {
                    timed(|| boards.step_many_on(&mut stepper, &[id], generations, &work(threads)).expect("it steps"))
                });
                let here = best_run(|| {
                    timed(|| boards.step_many(&[id], generations, &work(threads)).expect("nothing stops it"))
                });
                let what = format!("Life {side}², {generations} generations a call");
                let [there, here] = [there, here].map(|run| cells / run.as_secs_f64() / 1e9);
                println!("{what:<44} {there:>9.1} {here:>9.1}");
            }
        }
    }
}

fn settings(width: u32, height: u32, rule: Rule, edges: Edges) -> Settings {
    Settings { size: Size::new(width, height).expect("a size"), rule, edges, ages: false }
}

fn soup(settings: Settings) -> Board {
    Board::random(settings, 1, 0.35).expect("a density")
}

fn work(threads: &Threads) -> Work<'_> {
    static STOP: AtomicBool = AtomicBool::new(false);
    Work { threads: Some(threads), owner: 1, stop: &STOP }
}

/// Cells a second of one board.
fn stepping(settings: Settings, threads: &Threads) -> f64 {
    let mut board = soup(settings);
    let cells = settings.size.cells();
    // A pass is 16 generations at most. Fewer than some passes would measure how the system gives memory for the cells.
    let generations = (RUN.as_secs_f64() * 80e9 / cells as f64).max(96.0) as u64;
    let run = best_run(|| timed(|| board.step(generations, &work(threads)).expect("nothing stops it")));
    (cells * generations) as f64 / run.as_secs_f64()
}

/// Cells a second of many boards.
fn many(count: usize, side: u32, threads: &Threads) -> f64 {
    const GENERATIONS: u64 = 64;
    let mut boards = vec![soup(settings(side, side, Rule::LIFE, Edges::Torus)); count];
    let run =
        best_run(|| timed(|| Board::step_many(&mut boards, GENERATIONS, &work(threads)).expect("nothing stops it")));
    (count as u64 * u64::from(side).pow(2) * GENERATIONS) as f64 / run.as_secs_f64()
}

/// Cells a second of a board that is read after each generation.
fn reading(side: u32, threads: &Threads) -> f64 {
    let mut board = soup(settings(side, side, Rule::LIFE, Edges::Torus));
    let run = best_run(|| {
        timed(|| {
            board.step(1, &work(threads)).expect("nothing stops it");
            black_box(board.bits());
        })
    });
    u64::from(side).pow(2) as f64 / run.as_secs_f64()
}

/// Logic operations on 256 bits a second, on one thread.
fn logic_rate() -> f64 {
    const ROUNDS: u32 = 1 << 16;
    // No wider vectors: the wider ones of x86 do two operations in one.
    #[cfg(target_arch = "x86_64")]
    let arch = pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3);
    #[cfg(not(target_arch = "x86_64"))]
    let arch = Arch::new();
    let mut operations = 0.0;
    let run = best_run(|| timed(|| operations = arch.dispatch(Logic { rounds: black_box(ROUNDS) })));
    operations / run.as_secs_f64()
}

/// Many logic operations that no compiler can shorten: each value becomes a mixture of three.
struct Logic {
    rounds: u32,
}

impl WithSimd for Logic {
    /// How many operations on 256 bits there were.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        const VALUES: usize = 12;
        let mut values: [S::u64s; VALUES] = std::array::from_fn(|i| simd.splat_u64s(black_box(i as u64)));
        for _ in 0..self.rounds {
            for i in 0..VALUES {
                let other = simd.and_u64s(values[(i + 4) % VALUES], values[(i + 8) % VALUES]);
                values[i] = simd.xor_u64s(values[i], other);
            }
        }
        black_box(values);
        f64::from(self.rounds) * 2.0 * VALUES as f64 * (S::U64_LANES as f64 * f64::from(u64::BITS)) / LIMIT_BITS
    }
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn best_run(mut run: impl FnMut() -> Duration) -> Duration {
    let start = Instant::now();
    let mut best = run();
    while start.elapsed() < MEASURED {
        best = best.min(run());
    }
    best
}
