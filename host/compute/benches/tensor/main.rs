//! The tensor kernels beside the limit of the machine: how many multiplications and additions its vector units do in
//! numbers that never leave their registers, measured in the same run. Every figure is the best of several rounds that
//! take turns, because machines are shared and drift; on a busy machine, go by the time of processors.
//!
//! `cargo bench -p belljar-compute --bench tensor`, with words after `--` for some of it: `gemm`, `conv`, `conv1d`,
//! `cnn`, `device`; `levels` measures every instruction set instead of the best one.
//!
//! The peer is PyTorch with as many threads: `peer.py`, beside this file, says how to run it.

mod cnn;
#[cfg(all(feature = "device", target_os = "linux"))]
mod on_device;
mod peak;

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use belljar_compute::Threads;
use belljar_compute::tensor::cpu::{
    ConvBackward, ConvGradients, ConvShape, Finish, Level, Matrix, Workers, conv2d, conv2d_backward, gemm,
};

/// Rounds of everything, and how long a round measures one thing.
const ROUNDS: usize = 10;
const ROUND_SECONDS: f64 = 0.05;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[cfg(all(feature = "device", target_os = "linux"))]
    belljar_compute::device::worker::run_if_asked();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let all = words.iter().all(|word| word == "levels");
    let asked = |word: &str| all || words.iter().any(|asked| asked == word);
    let levels: Vec<Level> =
        if words.iter().any(|word| word == "levels") { Level::all().collect() } else { vec![Level::best()] };
    for level in levels {
        for count in [1, 2] {
            let threads = Threads::new(count);
            let workers = Workers::new(Some(&threads), 0).with_level(level);
            let mut measurements = vec![peak::measurement(level, &threads)];
            if asked("gemm") {
                measurements.extend([256, 1024, 2048].map(|n| gemm_square(workers, n)));
                measurements.push(gemm_shape(workers, [64, 4096, 146]));
            }
            if asked("conv") {
                for [size, from, to] in [[32, 3, 32], [32, 32, 32], [16, 32, 64], [16, 64, 64]] {
                    measurements.extend(convolution(workers, image(size, from, to)));
                }
            }
            if asked("conv1d") {
                for kernel in [3, 5, 7, 11] {
                    measurements.extend(convolution(workers, line(kernel)));
                }
            }
            if asked("cnn") {
                measurements.push(cnn::step(workers));
            }
            report(&mut measurements, level, count);
        }
    }
    #[cfg(all(feature = "device", target_os = "linux"))]
    if asked("device") {
        on_device::report()?;
    }
    Ok(())
}

/// Something to measure: its name, its floating-point operations, and what does it.
struct Measurement<'a> {
    name: String,
    operations: f64,
    work: Box<dyn FnMut() + 'a>,
}

/// The least seconds that a measurement took, by the clock and of processors.
#[derive(Clone, Copy)]
struct Seconds {
    clock: f64,
    processor: f64,
}

impl Seconds {
    const NEVER: Self = Self { clock: f64::INFINITY, processor: f64::INFINITY };

    fn least(self, other: Self) -> Self {
        Self { clock: self.clock.min(other.clock), processor: self.processor.min(other.processor) }
    }
}

/// Measures everything in turns, and prints it beside the peak, which is the first measurement.
fn report(measurements: &mut [Measurement<'_>], level: Level, threads: usize) {
    let mut best = vec![Seconds::NEVER; measurements.len()];
    for _ in 0..ROUNDS {
        for (best, measurement) in best.iter_mut().zip(measurements.iter_mut()) {
            *best = best.least(fastest(&mut measurement.work));
        }
    }
    println!("\n{}, {threads} threads: by the clock, and by the time of processors", level.name());
    let mut peaks = None;
    for (seconds, Measurement { name, operations, .. }) in best.into_iter().zip(measurements) {
        let rates = [*operations / seconds.clock, *operations * threads as f64 / seconds.processor];
        let peaks = peaks.get_or_insert(rates);
        let [clock, processor] = std::array::from_fn(|place| {
            format!("{:>7.1} GFLOP/s {:>6.1} %", rates[place] / 1e9, rates[place] / peaks[place] * 100.0)
        });
        println!("  {name:<44} {:>8.3} ms {clock}  {processor}", seconds.clock * 1e3);
    }
}

/// The times of the fastest run in a round.
fn fastest(work: &mut dyn FnMut()) -> Seconds {
    let (round, mut best) = (Instant::now(), Seconds::NEVER);
    while round.elapsed().as_secs_f64() < ROUND_SECONDS {
        let (start, processor) = (Instant::now(), processor_seconds());
        work();
        let clock = start.elapsed().as_secs_f64();
        best = best.least(Seconds { clock, processor: processor_seconds() - processor });
    }
    best
}

/// What all threads of this process have used so far.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn gemm_square(workers: Workers<'_>, n: usize) -> Measurement<'_> {
    gemm_shape(workers, [n, n, n])
}

fn gemm_shape(workers: Workers<'_>, [m, k, n]: [usize; 3]) -> Measurement<'_> {
    let (a, b, mut c) = (numbers(m * k), numbers(k * n), Numbers::zeros(m * n));
    Measurement {
        name: format!("gemm {m} x {k} x {n}"),
        operations: 2.0 * m as f64 * k as f64 * n as f64,
        work: Box::new(move || {
            gemm(workers, Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut c, Finish::default());
        }),
    }
}

/// A 3 × 3 convolution that keeps the size of the image.
fn image(size: usize, in_channels: usize, out_channels: usize) -> ConvShape {
    let [height, width] = [size, size];
    ConvShape { batch: 64, height, width, in_channels, out_channels, kernel: [3, 3], stride: [1, 1], padding: [1, 1] }
}

/// A one-dimensional convolution that keeps the length of the line.
fn line(kernel: usize) -> ConvShape {
    ConvShape {
        batch: 64,
        height: 1,
        width: 128,
        in_channels: 64,
        out_channels: 64,
        kernel: [1, kernel],
        stride: [1, 1],
        padding: [0, kernel / 2],
    }
}

/// The forward pass, all gradients, and both.
fn convolution(workers: Workers<'_>, shape: ConvShape) -> [Measurement<'_>; 4] {
    let ConvShape { batch, height, width, in_channels, out_channels, kernel, .. } = shape;
    // As one counts them: the zeros beyond the edge included.
    let operations = 2.0 * (shape.output_len() * kernel[0] * kernel[1] * in_channels) as f64;
    let name = format!("conv {batch} x {height} x {width}, {kernel:?}, {in_channels} -> {out_channels}");
    let measurement = |part: Part, share: f64| {
        let mut layer = Layer::new(shape);
        Measurement {
            name: format!("{name}, {part:?}"),
            operations: operations * share,
            work: Box::new(move || layer.run(workers, part)),
        }
    };
    [
        measurement(Part::Forward, 1.0),
        measurement(Part::Input, 1.0),
        measurement(Part::Weight, 1.0),
        measurement(Part::All, 3.0),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Forward,
    Input,
    Weight,
    All,
}

/// A convolution, its operands and its gradients.
struct Layer {
    shape: ConvShape,
    input: Numbers,
    weight: Numbers,
    output: Numbers,
    gradient: Numbers,
    input_gradient: Numbers,
    weight_gradient: Numbers,
}

impl Layer {
    fn new(shape: ConvShape) -> Self {
        Self {
            shape,
            input: numbers(shape.input_len()),
            weight: numbers(shape.weight_len()),
            output: Numbers::zeros(shape.output_len()),
            gradient: numbers(shape.output_len()),
            input_gradient: Numbers::zeros(shape.input_len()),
            weight_gradient: Numbers::zeros(shape.weight_len()),
        }
    }

    fn run(&mut self, workers: Workers<'_>, part: Part) {
        if matches!(part, Part::Forward | Part::All) {
            conv2d(workers, &self.shape, &self.input, &self.weight, None, false, &mut self.output);
        }
        if part != Part::Forward {
            let from =
                ConvBackward { input: &self.input, weight: &self.weight, activated: None, gradient: &self.gradient };
            let to = ConvGradients {
                input: (part != Part::Weight).then_some(&mut *self.input_gradient),
                weight: (part != Part::Input).then_some(&mut *self.weight_gradient),
                bias: None,
            };
            conv2d_backward(workers, &self.shape, from, to);
        }
    }
}

/// Numbers that begin where a cache line does, as those of tensors do.
struct Numbers {
    values: Vec<f32>,
    start: usize,
    length: usize,
}

impl Numbers {
    const LINE: usize = 16;

    fn zeros(length: usize) -> Self {
        let values = vec![0.0; length + Self::LINE];
        let start = values.as_ptr().align_offset(Self::LINE * size_of::<f32>()).min(Self::LINE);
        Self { values, start, length }
    }
}

impl Deref for Numbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..][..self.length]
    }
}

impl DerefMut for Numbers {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..][..self.length]
    }
}

/// Numbers between -1 and 1, the same in every run.
fn numbers(count: usize) -> Numbers {
    let mut state = 1_u32;
    let mut numbers = Numbers::zeros(count);
    for number in &mut *numbers {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *number = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
    }
    numbers
}
