//! An automaton on the compute device: two buffers of cells, of which a step reads the one and writes the other.

use belljar_guest::compute::{self, Buffer, Command, Error, Pipeline};

use crate::config::Plan;
use crate::size::Size;

/// The side of a workgroup of the kernels, in cells.
pub const WORKGROUP_SIDE: u32 = 8;
/// Cells times the cells that each looks at, times generations, of one submission of several: a small part of the time that
/// one has, also where a processor is the device.
const SUBMISSION_SEEN: u64 = 1 << 27;
/// Commands of one submission, as the contract says.
const COMMANDS_MAX: u64 = 4096;

/// An automaton.
pub struct Automaton {
    size: Size,
    pipeline: Pipeline,
    laws: Buffer,
    weights: Option<Buffer>,
    /// The cells after an even number of generations, and after an odd one.
    cells: [Buffer; 2],
    generation: u64,
    generations_at_once: u64,
}

impl Automaton {
    /// Brings an automaton to the device.
    pub fn new(plan: &Plan) -> Result<Self, Error> {
        let Plan { law, size, cells } = plan;
        let laws = law.laws(*size);
        let uniform = Buffer::new(laws.len() as u64)?;
        uniform.write(0, &laws)?;
        let weights = law.weights().map(|weights| filled(&weights)).transpose()?;
        let seen = size.cells() as u64 * law.seen_cells();
        Ok(Self {
            size: *size,
            pipeline: Pipeline::new(law.kernel(), "step")?,
            laws: uniform,
            weights,
            cells: [filled(cells)?, Buffer::new(size_bytes(cells.len()))?],
            generation: 0,
            generations_at_once: (SUBMISSION_SEEN / seen).clamp(1, COMMANDS_MAX),
        })
    }

    /// Generations since the start.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Goes on by so many generations, and waits for them. After an error it is of no use any more.
    pub fn step(&mut self, generations: u64) -> Result<(), Error> {
        let workgroups = (self.size.width().div_ceil(WORKGROUP_SIDE), self.size.height().div_ceil(WORKGROUP_SIDE), 1);
        // A step from the first buffer to the second, and one back.
        let bindings = [[0, 1], [1, 0]].map(|[from, to]| {
            let mut bindings = vec![self.laws.bind(0, 0), self.cells[from].bind(0, 1), self.cells[to].bind(0, 2)];
            bindings.extend(self.weights.as_ref().map(|weights| weights.bind(0, 3)));
            bindings
        });
        let step = |generation: u64| Command::Dispatch {
            pipeline: &self.pipeline,
            bindings: &bindings[(generation % 2) as usize],
            workgroups,
        };
        let mut left = generations;
        let mut generation = self.generation;
        while left > 0 {
            let now = left.min(self.generations_at_once);
            let commands: Vec<_> = (0..now).map(|number| step(generation.wrapping_add(number))).collect();
            compute::submit(&commands)?;
            // What cannot be worked off in time is not queued either.
            compute::finish()?;
            generation = generation.wrapping_add(now);
            left -= now;
        }
        self.generation = generation;
        Ok(())
    }

    /// What each cell is, row by row.
    pub fn values(&self) -> Result<Vec<f32>, Error> {
        self.cells[(self.generation % 2) as usize].read_f32(0, self.size.cells() as u64)
    }
}

fn filled(values: &[f32]) -> Result<Buffer, Error> {
    let buffer = Buffer::new(size_bytes(values.len()))?;
    buffer.write_f32(0, values)?;
    Ok(buffer)
}

fn size_bytes(values: usize) -> u64 {
    (values * size_of::<f32>()) as u64
}
