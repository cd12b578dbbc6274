//! Commands that were queued and have not gone to the device yet, with the parameters of their kernels. Those of all go
//! there in one write, and each kernel is bound to its part.

use crate::device::{Binding, Command};

/// Commands that go to the device together at most.
const COMMANDS_TOGETHER_MAX: usize = 256;
/// Room for the parameters of one dispatch, in bytes. A binding may begin at its multiples on every adapter.
const PARAMETERS_BYTES: usize = 256;

/// Commands and their parameters, in their order.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) commands: Vec<Command>,
    /// The buffer that the parameters go to, and those.
    pub(super) parameters: Option<(u64, Vec<u8>)>,
    work: u64,
    number: u64,
}

impl Collected {
    /// The size of a buffer for the parameters.
    pub(super) const PARAMETERS_BYTES_MAX: u64 = (COMMANDS_TOGETHER_MAX * PARAMETERS_BYTES) as u64;

    /// Which collection this is; those before it have gone to the device.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether one more command of so much work may be added, of which there may be so much.
    pub(super) fn has_room(&self, work: u64, work_max: u64) -> bool {
        self.commands.is_empty()
            || (self.commands.len() < COMMANDS_TOGETHER_MAX && self.work.saturating_add(work) <= work_max)
    }

    pub(super) fn add(&mut self, command: Command, work: u64) {
        self.commands.push(command);
        self.work = self.work.saturating_add(work);
    }

    /// Adds the parameters of the next command, for this buffer, and says how its kernel sees them.
    pub(super) fn add_parameters(&mut self, buffer: u64, words: impl Iterator<Item = u32>) -> Binding {
        let (_, bytes) = self.parameters.get_or_insert_with(|| (buffer, Vec::new()));
        let offset = bytes.len();
        bytes.extend(words.flat_map(u32::to_le_bytes));
        debug_assert!(bytes.len() - offset <= PARAMETERS_BYTES, "a kernel with too many parameters");
        bytes.resize(offset + PARAMETERS_BYTES, 0);
        Binding { group: 0, binding: 0, buffer, offset_bytes: offset as u64, size_bytes: Some(PARAMETERS_BYTES as u64) }
    }

    /// What was collected; the next collection begins.
    pub(super) fn take(&mut self) -> Collected {
        let next = Collected { number: self.number + 1, ..Collected::default() };
        std::mem::replace(self, next)
    }
}
