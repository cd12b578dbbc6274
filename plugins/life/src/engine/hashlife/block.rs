//! Four leaves, 16 by 16 cells, as one word of 256 bits: the smallest square whose future is worked out from cells.

use super::super::logic::{Decide, Table, Word, pair_sum, row_sum, total};
use std::ops::{BitAnd, BitOr, BitXor, Not};

/// How far a row is from the next, in bits.
const ROW: u32 = 16;

/// 16 by 16 cells: eight rows in each number, of which the lowest bit is the upper left cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block([u128; 2]);

impl Block {
    /// The block of four leaves: upper left, upper right, lower left, lower right. A leaf has its rows from the top,
    /// with the leftmost cell in the lowest bit.
    pub fn of_leaves([upper_left, upper_right, lower_left, lower_right]: [[u8; 8]; 4]) -> Self {
        let half = |left: [u8; 8], right: [u8; 8]| {
            u128::from_le_bytes(std::array::from_fn(|at| if at % 2 == 0 { left[at / 2] } else { right[at / 2] }))
        };
        Self([half(upper_left, upper_right), half(lower_left, lower_right)])
    }

    /// The eight by eight cells in the middle, as a leaf.
    pub fn middle(self) -> [u8; 8] {
        std::array::from_fn(|y| {
            let row = y as u32 + 4;
            (self.0[row as usize / 8] >> (row % 8 * ROW + 4)) as u8
        })
    }

    /// The block a generation on. What borders on the edges is wrong, as nothing is known of what lies beyond, so the
    /// middle is right for four generations.
    pub fn next(self, table: &Table<Self>) -> Self {
        let sums = row_sum(self.map(|half| half << 1), self, self.map(|half| half >> 1));
        table.next(total(sums.map(Self::shifted_down), pair_sum(sums, sums.map(Self::shifted_up))), self)
    }

    /// Each cell as the one above it was.
    fn shifted_down(self) -> Self {
        let [upper, lower] = self.0;
        Self([upper << ROW, lower << ROW | upper >> (u128::BITS - ROW)])
    }

    /// Each cell as the one below it was.
    fn shifted_up(self) -> Self {
        let [upper, lower] = self.0;
        Self([upper >> ROW | lower << (u128::BITS - ROW), lower >> ROW])
    }

    fn map(self, change: impl Fn(u128) -> u128) -> Self {
        Self(self.0.map(change))
    }
}

impl Word for Block {
    const DEAD: Self = Self([0; 2]);
    const ALIVE: Self = Self([u128::MAX; 2]);
}

impl BitAnd for Block {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self([self.0[0] & other.0[0], self.0[1] & other.0[1]])
    }
}

impl BitOr for Block {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }
}

impl BitXor for Block {
    type Output = Self;

    fn bitxor(self, other: Self) -> Self {
        Self([self.0[0] ^ other.0[0], self.0[1] ^ other.0[1]])
    }
}

impl Not for Block {
    type Output = Self;

    fn not(self) -> Self {
        self.map(|half| !half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;

    #[test]
    fn the_middle_is_where_four_leaves_meet() {
        let corner = |x: u32, y: usize| {
            let mut leaf = [0; 8];
            leaf[y] = 1 << x;
            leaf
        };

        let block = Block::of_leaves([corner(7, 7), corner(0, 6), corner(6, 0), corner(3, 3)]);

        assert_eq!(block.middle(), [0, 0, 0b10000, 0b1000, 0b100, 0, 0, 0b1000_0000]);
    }

    #[test]
    fn a_blinker_turns_where_the_halves_meet() {
        let table = Table::new(Rule::LIFE);
        let upright = [0, 0, 0, 0, 0, 0, 0b1000_0000, 0b1000_0000];
        let block = Block::of_leaves([upright, [0; 8], [0b1000_0000, 0, 0, 0, 0, 0, 0, 0], [0; 8]]);

        let next = block.next(&table);

        assert_eq!(next.middle(), [0, 0, 0, 0b11100, 0, 0, 0, 0]);
        assert_eq!(next.next(&table), block);
    }
}
