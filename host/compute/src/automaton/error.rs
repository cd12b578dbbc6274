//! Why a board does not do what it was asked. Nothing was changed then.

use super::settings::{BOARD_SIDE_MAX, Cell};

/// What boards refuse, and why. Only [`Stopped`](Self::Stopped), [`Full`](Self::Full),
/// [`TooManyBoards`](Self::TooManyBoards) and [`DeviceFailed`](Self::DeviceFailed) can be helped by a retry.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AutomatonError {
    /// The text is not a rule.
    #[error("{text:?} is no rule: {reason}; write one like \"B3/S23\"")]
    BadRule {
        /// The text, or its beginning if it is long.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// No board is of this size.
    #[error("a board of {width} × {height} cells: each side is 1 to {BOARD_SIDE_MAX} cells (BOARD_SIDE_MAX)")]
    BadSize {
        /// Cells in a row.
        width: u32,
        /// Rows.
        height: u32,
    },

    /// The density is not a probability.
    #[error("a density of {0}: give a number from 0 to 1")]
    BadDensity(f64),

    /// The bits of a board do not fit its size.
    #[error("{found_bytes} bytes of cells: a board of this size has {expected_bytes}, each row padded to whole bytes")]
    BadBits {
        /// How many bytes were given.
        found_bytes: u64,
        /// How many the size asks for.
        expected_bytes: u64,
    },

    /// The cell, or a corner of the rectangle, is not on the board.
    #[error("cell {}, {} is not on the board", .0.x, .0.y)]
    Outside(Cell),

    /// The board was made without ages.
    #[error("the board does not count ages: make it with ages")]
    NoAges,

    /// More living cells than are listed at once.
    #[error("more than {limit} living cells: take a smaller part, or all cells as bits")]
    TooMany {
        /// The most that are listed.
        limit: u64,
    },

    /// There is no board of this id, or no more.
    #[error("there is no board {0}")]
    UnknownBoard(u64),

    /// The boards would take more memory than they may. There is room again when some are freed.
    #[error(
        "no room for {needed_bytes} more bytes: boards may take {limit_bytes} bytes; free some, or raise the limit"
    )]
    Full {
        /// What was asked for.
        needed_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },

    /// There are as many boards as may be. There is room again when some are freed.
    #[error("there are {limit} boards already, and no more may be; free some")]
    TooManyBoards {
        /// The most that there may be.
        limit: usize,
    },

    /// The work was stopped before its end. A retry begins it anew.
    #[error("stepping was stopped")]
    Stopped,

    /// There is no compute device, or the boards do not fit there.
    #[error("the compute device cannot step the boards: {0}; name the engine `auto` or `cpu`")]
    NoDevice(String),

    /// The compute device failed while it stepped the boards. A retry begins it anew.
    #[error("the compute device failed: {0}; try again, or name the engine `cpu`")]
    DeviceFailed(String),

    /// The bytes are not what this version of Belljar encodes.
    #[error("encoded boards: {0}")]
    Damaged(&'static str),
}

impl AutomatonError {
    /// Whether the same call can succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Stopped | Self::Full { .. } | Self::TooManyBoards { .. } | Self::DeviceFailed(_))
    }
}
