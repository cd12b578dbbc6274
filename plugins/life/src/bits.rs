//! Cells of a rectangle, one bit each: the form in which every engine gives a board away and in which a game keeps
//! its history.
//!
//! Rows lie one after the other, each padded to whole bytes; within a byte the lowest bit is the leftmost cell. The
//! bits of the padding are always 0, so two boards are equal exactly when their bytes are.

use std::hash::Hasher;
use twox_hash::XxHash3_64;

/// The most cells of a board: 16,384 × 16,384, or 32 MiB of bits.
pub const CELLS_MAX: u64 = 1 << 28;

/// A size that is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a board of {width} × {height} is not possible: a side is 1 at least, and there are {CELLS_MAX} cells at most")]
pub struct SizeError {
    width: u32,
    height: u32,
}

/// The size of a board, in cells, with neither too few nor too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// # Errors
    ///
    /// A side is 0, or there are more than [`CELLS_MAX`] cells.
    pub fn new(width: u32, height: u32) -> Result<Self, SizeError> {
        let cells = u64::from(width) * u64::from(height);
        if cells == 0 || cells > CELLS_MAX {
            return Err(SizeError { width, height });
        }
        Ok(Self { width, height })
    }

    pub fn width(self) -> u32 {
        self.width
    }

    pub fn height(self) -> u32 {
        self.height
    }

    pub fn cells(self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// Cells of a rectangle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

impl Bits {
    /// A rectangle without life.
    pub fn dead(size: Size) -> Self {
        let bytes = vec![0; row_bytes(size.width) * size.height as usize];
        Self { width: size.width, height: size.height, bytes }
    }

    /// No cell at all: the bounding box of a plane without life.
    pub const fn none() -> Self {
        Self { width: 0, height: 0, bytes: Vec::new() }
    }

    /// Takes cells over from bytes in the form that the module describes; none if there are too few or too many
    /// bytes. What stands in the padding is dropped.
    pub fn from_bytes(size: Size, bytes: Vec<u8>) -> Option<Self> {
        let mut bits = Self { width: size.width, height: size.height, bytes };
        if bits.bytes.len() != row_bytes(size.width) * size.height as usize {
            return None;
        }
        if !size.width.is_multiple_of(8) {
            let last = row_bytes(size.width) - 1;
            let used = (1 << (size.width % 8)) - 1;
            bits.bytes.chunks_mut(last + 1).for_each(|row| row[last] &= used);
        }
        Some(bits)
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes, in the form that the module describes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, in the form that the module describes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether a cell lives. There is no life outside of the rectangle.
    pub fn is_alive(&self, x: u32, y: u32) -> bool {
        x < self.width && y < self.height && self.bytes[self.byte_of(x, y)] >> (x % 8) & 1 == 1
    }

    /// Makes a cell of the rectangle alive.
    pub fn give_life(&mut self, x: u32, y: u32) {
        debug_assert!(x < self.width && y < self.height, "({x}, {y}) is outside of {} × {}", self.width, self.height);
        let byte = self.byte_of(x, y);
        self.bytes[byte] |= 1 << (x % 8);
    }

    /// The live cells, row by row and each row from the left.
    pub fn live_cells(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..self.height).zip(self.rows()).flat_map(|(y, row)| {
            let bytes = (0..).step_by(8).zip(row).filter(|(_, byte)| **byte != 0);
            bytes.flat_map(move |(x, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| (x + bit, y)))
        })
    }

    /// How many cells live.
    pub fn population(&self) -> u64 {
        let (words, rest) = self.bytes.as_chunks::<8>();
        let words: u64 = words.iter().map(|word| u64::from(u64::from_le_bytes(*word).count_ones())).sum();
        words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
    }

    /// XXH3 with 64 bits and seed 0 of the width and the height, each as 8 bytes, little-endian, and then the bytes
    /// of the cells: the hash that the host's boards have by the contract (`belljar:plugin/automaton`).
    pub fn hash(&self) -> u64 {
        let mut hasher = XxHash3_64::new();
        hasher.write(&u64::from(self.width).to_le_bytes());
        hasher.write(&u64::from(self.height).to_le_bytes());
        hasher.write(&self.bytes);
        hasher.finish()
    }

    /// The rows' bytes, from the top. A rectangle without cells has none.
    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(row_bytes(self.width).max(1))
    }

    fn byte_of(&self, x: u32, y: u32) -> usize {
        y as usize * row_bytes(self.width) + x as usize / 8
    }
}

fn row_bytes(width: u32) -> usize {
    width.div_ceil(8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn cells_lie_row_by_row_with_the_lowest_bit_leftmost() {
        let mut bits = Bits::dead(size(10, 2));

        bits.give_life(0, 0);
        bits.give_life(9, 1);

        assert_eq!(bits.bytes(), [0b1, 0, 0, 0b10]);
        assert_eq!(bits.live_cells().collect::<Vec<_>>(), [(0, 0), (9, 1)]);
        assert_eq!(bits.population(), 2);
        assert!(bits.is_alive(9, 1) && !bits.is_alive(8, 1) && !bits.is_alive(0, 2) && !bits.is_alive(10, 0));
    }

    #[test]
    fn what_stands_in_the_padding_is_dropped() {
        let bits = Bits::from_bytes(size(10, 2), vec![0xff; 4]).unwrap();

        assert_eq!(bits.bytes(), [0xff, 0b11, 0xff, 0b11]);
        assert_eq!(bits.population(), 20);
        assert_eq!(Bits::from_bytes(size(10, 2), vec![0; 3]), None);
    }

    #[test]
    fn boards_of_the_same_bytes_and_other_sizes_have_other_hashes() {
        let hash = |width, height| Bits::dead(size(width, height)).hash();

        assert_ne!(hash(8, 2), hash(16, 1));
        assert_ne!(hash(8, 2), hash(7, 2));
        assert_eq!(Bits::none().live_cells().count(), 0);
        // The contract's definition, worked out by another implementation of XXH3 (Python's `xxhash`).
        assert_eq!(hash(8, 2), 17_022_806_783_413_619_795);
    }

    #[test]
    fn a_board_has_neither_too_few_cells_nor_too_many() {
        assert!(Size::new(1 << 14, 1 << 14).is_ok());
        for (width, height) in [(0, 5), (5, 0), (u32::MAX, u32::MAX), ((1 << 14) + 1, 1 << 14)] {
            let error = Size::new(width, height).unwrap_err().to_string();
            assert!(error.contains(&format!("{width} × {height}")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn cells_come_back_in_order(width in 1_u32..40, height in 1_u32..10, seed in any::<u64>()) {
            let cells: Vec<_> = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)))
                .filter(|(x, y)| seed.rotate_left(x * 7 + y * 13) & 1 == 1).collect();
            let mut bits = Bits::dead(size(width, height));
            cells.iter().for_each(|(x, y)| bits.give_life(*x, *y));

            prop_assert_eq!(bits.population(), cells.len() as u64);
            prop_assert_eq!(bits.live_cells().collect::<Vec<_>>(), cells);
            prop_assert_eq!(Bits::from_bytes(size(width, height), bits.bytes().to_vec()), Some(bits));
        }
    }
}
