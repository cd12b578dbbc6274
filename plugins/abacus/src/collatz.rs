//! The kernel, which counts the steps of every number side by side.

use belljar_guest::compute::{self, Buffer, Command, Error, Pipeline};

const KERNEL: &str = include_str!("collatz.wgsl");
/// How many numbers a workgroup of the kernel takes.
const WORKGROUP: u32 = 64;

pub struct Collatz {
    pipeline: Pipeline,
}

impl Collatz {
    pub fn new() -> Result<Self, Error> {
        Ok(Self { pipeline: Pipeline::new(KERNEL, "collatz")? })
    }

    /// How many steps each number takes.
    pub fn steps(&self, numbers: &[u32]) -> Result<Vec<u32>, Error> {
        // No buffer is empty.
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let (count, size_bytes) = (numbers.len() as u32, bytes.len() as u64);
        let buffer = Buffer::new(size_bytes)?;
        buffer.write(0, &bytes)?;
        compute::submit(&[Command::Dispatch {
            pipeline: &self.pipeline,
            bindings: &[buffer.bind(0, 0)],
            workgroups: (count.div_ceil(WORKGROUP), 1, 1),
        }])?;
        let steps = buffer.read(0, size_bytes)?;
        Ok(steps.as_chunks().0.iter().copied().map(u32::from_le_bytes).collect())
    }
}
