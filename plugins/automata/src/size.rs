//! How large an automaton is.

use crate::automaton::WORKGROUP_SIDE;

/// Cells of an automaton at most. They are returned in one call, and take 16 MiB, twice.
pub const CELLS_MAX: u64 = 1 << 22;

/// Cells times the cells that each looks at, at most: a generation is to be well within the time of a submission. A GPU takes
/// some milliseconds for so many, and a processor that is the device some seconds.
pub const SEEN_MAX: u64 = 1 << 30;

/// Cells of a side at most: as many as all adapters can be given workgroups for along an axis.
pub const SIDE_MAX: u32 = 65_535 * WORKGROUP_SIDE;

/// Why nothing is of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error("{width} × {height} cells: there may be {CELLS_MAX} together")]
    Cells { width: u32, height: u32 },
    #[error("{width} × {height} cells: each side has at least the {side} cells of a neighbourhood")]
    Side { width: u32, height: u32, side: u32 },
    #[error("{width} × {height} cells: a side has at most {SIDE_MAX}")]
    Long { width: u32, height: u32 },
    #[error("{width} × {height} cells that each look at {seen}: make one of them smaller, to {SEEN_MAX} together")]
    Work { width: u32, height: u32, seen: u64 },
}

/// Width and height, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// The size of an automaton whose cells look so far each way.
    pub fn new(width: u32, height: u32, radius: u32) -> Result<Self, SizeError> {
        let side = 2 * radius + 1;
        if width < side || height < side {
            return Err(SizeError::Side { width, height, side });
        }
        let (cells, seen) = (u64::from(width) * u64::from(height), u64::from(side) * u64::from(side));
        if cells > CELLS_MAX {
            return Err(SizeError::Cells { width, height });
        }
        if width.max(height) > SIDE_MAX {
            return Err(SizeError::Long { width, height });
        }
        if cells * seen > SEEN_MAX {
            return Err(SizeError::Work { width, height, seen });
        }
        Ok(Self { width, height })
    }

    /// Cells in a row.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(self) -> u32 {
        self.height
    }

    /// Cells in all.
    pub fn cells(self) -> usize {
        self.width as usize * self.height as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_limits() {
        assert_eq!(Size::new(64, 27, 13).map(Size::cells), Ok(64 * 27));
        assert!(matches!(Size::new(64, 26, 13), Err(SizeError::Side { side: 27, .. })));
        assert!(matches!(Size::new(u32::MAX, u32::MAX, 1), Err(SizeError::Cells { .. })));
        assert_eq!(Size::new(SIDE_MAX, 3, 1).map(Size::cells), Ok(3 * SIDE_MAX as usize));
        assert!(matches!(Size::new(SIDE_MAX + 1, 3, 1), Err(SizeError::Long { .. })));
        assert!(matches!(Size::new(2048, 2048, 25), Err(SizeError::Work { seen: 2601, .. })));
    }
}
