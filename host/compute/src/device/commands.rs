//! What a submission is made of. Its commands run in order, and each sees what the ones before it wrote.

use serde::{Deserialize, Serialize};

/// Commands of one submission at most.
pub const COMMANDS_MAX: usize = 4096;
/// Workgroups of one dispatch at most, over all three axes.
pub const WORKGROUPS_MAX: u64 = 1 << 26;
/// What offsets and sizes of buffers are multiples of, in bytes.
pub const ALIGNMENT_BYTES: u64 = 4;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Runs a kernel.
    Dispatch {
        /// The pipeline's id.
        pipeline: u64,
        /// The buffers that the kernel declares.
        bindings: Vec<Binding>,
        /// Workgroups along x, y and z.
        workgroups: [u32; 3],
    },
    /// Copies bytes from one buffer to another.
    Copy {
        /// The buffer that is read.
        from: u64,
        /// Where in it, in bytes.
        from_offset_bytes: u64,
        /// The buffer that is written; not the same one.
        to: u64,
        /// Where in it, in bytes.
        to_offset_bytes: u64,
        /// How many bytes.
        length_bytes: u64,
    },
    /// Fills bytes of a buffer with zeros.
    Clear {
        /// The buffer.
        buffer: u64,
        /// Where in it, in bytes.
        offset_bytes: u64,
        /// How many bytes.
        length_bytes: u64,
    },
}

impl Command {
    /// What it takes of memory, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        let bindings = match self {
            Self::Dispatch { bindings, .. } => bindings.len(),
            Self::Copy { .. } | Self::Clear { .. } => 0,
        };
        size_of::<Self>() + bindings * size_of::<Binding>()
    }
}

/// A buffer, or a part of it, as `@group(group) @binding(binding)` of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Binding {
    /// The bind group.
    pub group: u32,
    /// The binding in the group.
    pub binding: u32,
    /// The buffer's id.
    pub buffer: u64,
    /// Where the part begins, in bytes.
    pub offset_bytes: u64,
    /// The size of the part in bytes; all the rest of the buffer if it is left out.
    pub size_bytes: Option<u64>,
}

impl Binding {
    /// A whole buffer in group 0.
    pub fn whole(binding: u32, buffer: u64) -> Self {
        Self { group: 0, binding, buffer, offset_bytes: 0, size_bytes: None }
    }
}
