//! What steps boards, by name. All of them come to the same cells, so that the choice is one of speed.

/// Cells of all boards together from which on a GPU has enough to do at once.
const DEVICE_CELLS_MIN: u64 = 1 << 24;

/// Cells times generations from which on the way to a GPU and back is little: the processors take some 100 ms for them.
/// Both figures are estimates, for no GPU was at hand to measure.
const DEVICE_WORK_MIN: u64 = 1 << 34;

/// What steps boards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The compute device if it is a GPU and has enough to do, and the processors otherwise, also when the device fails.
    #[default]
    Auto,
    /// The processors.
    Cpu,
    /// The compute device, whatever it is.
    Device,
}

impl Engine {
    /// Whether the device is to be looked for to step so many cells, of all boards together, by so many generations.
    pub fn wants_device(self, cells: u64, generations: u64) -> bool {
        match self {
            Self::Auto => cells >= DEVICE_CELLS_MIN && cells.saturating_mul(generations) >= DEVICE_WORK_MIN,
            Self::Cpu => false,
            Self::Device => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_much_work_on_large_boards_is_worth_the_way_to_a_device() {
        assert!(Engine::Auto.wants_device(DEVICE_CELLS_MIN, DEVICE_WORK_MIN / DEVICE_CELLS_MIN));
        assert!(!Engine::Auto.wants_device(DEVICE_CELLS_MIN, 1));
        assert!(!Engine::Auto.wants_device(10_000, u64::MAX));
        assert!(Engine::Device.wants_device(1, 1) && !Engine::Cpu.wants_device(u64::MAX, u64::MAX));
    }
}
