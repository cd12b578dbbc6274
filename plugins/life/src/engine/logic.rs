//! The rule of a board as logic on whole words, each bit of which is a cell of its own: as many cells as a word has
//! bits are decided at once, and none of it branches.
//!
//! What is added up is a square of three by three cells, the one in the middle included, so that the sums of rows can
//! be shared between the squares of neighbouring rows. Sums are kept as binary digits, one word for each digit.

use crate::rule::Rule;
use std::ops::{BitAnd, BitOr, BitXor, Not};

/// A word of cells.
pub trait Word:
    Copy + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> + Not<Output = Self>
{
    /// Every cell dead.
    const DEAD: Self;
    /// Every cell alive.
    const ALIVE: Self;
}

/// How many of three cells side by side live, from 0 to 3: two binary digits, the lower first.
pub type RowSum<W> = [W; 2];

/// How many cells live in two rows of three, from 0 to 6: three binary digits, the lowest first.
pub type PairSum<W> = [W; 3];

/// How many cells of a square live, from 0 to 9, in binary digits.
#[derive(Clone, Copy)]
pub struct Total<W> {
    ones: W,
    twos: W,
    fours: W,
    eights: W,
}

/// Adds up three cells side by side.
#[inline(always)]
pub fn row_sum<W: Word>(west: W, centre: W, east: W) -> RowSum<W> {
    let sides = west ^ east;
    [sides ^ centre, (sides & centre) | (west & east)]
}

/// Adds up two rows.
#[inline(always)]
pub fn pair_sum<W: Word>(upper: RowSum<W>, lower: RowSum<W>) -> PairSum<W> {
    let carry = upper[0] & lower[0];
    let twos = upper[1] ^ lower[1];
    [upper[0] ^ lower[0], twos ^ carry, (twos & carry) | (upper[1] & lower[1])]
}

/// Adds a third row to two.
#[inline(always)]
pub fn total<W: Word>(row: RowSum<W>, pair: PairSum<W>) -> Total<W> {
    let carry = row[0] & pair[0];
    let twos = row[1] ^ pair[1];
    let carry_of_twos = (twos & carry) | (row[1] & pair[1]);
    Total {
        ones: row[0] ^ pair[0],
        twos: twos ^ carry,
        fours: pair[2] ^ carry_of_twos,
        eights: pair[2] & carry_of_twos,
    }
}

/// A rule, in a form in which it decides words.
pub trait Decide<W>: Copy {
    /// The cells in the middle of squares with these totals, one generation on.
    fn next(self, total: Total<W>, centre: W) -> W;
}

/// B3/S23, Conway's own rule, for which six operations are enough.
#[derive(Clone, Copy)]
pub struct Life;

impl<W: Word> Decide<W> for Life {
    /// A cell lives on if its square holds 3, or if it holds 4 of which the cell is one. Both have equal digits for
    /// ones and twos; and of the totals that do, which are 0, 3, 4, 7 and 8, those two have different digits for
    /// ones and fours.
    #[inline(always)]
    fn next(self, total: Total<W>, centre: W) -> W {
        (total.ones ^ total.fours) & !(total.ones ^ total.twos) & (total.ones | centre)
    }
}

/// Any rule: for each total a word that says whether a dead cell is born, and one whether a live cell survives.
#[derive(Clone, Copy)]
pub struct Table<W> {
    birth: [W; TOTALS],
    survival: [W; TOTALS],
}

/// The totals of a square go from 0 to 9.
const TOTALS: usize = 10;

impl<W: Word> Table<W> {
    pub fn new(rule: Rule) -> Self {
        let word = |is_alive| if is_alive { W::ALIVE } else { W::DEAD };
        let all = |decide: &dyn Fn(u32) -> bool| std::array::from_fn(|total| word(decide(total as u32)));
        Self {
            birth: all(&|total| rule.is_born(total)),
            // The total of a live cell's square counts the cell itself.
            survival: all(&|total| total > 0 && rule.survives(total - 1)),
        }
    }
}

impl<W: Word> Decide<W> for &Table<W> {
    #[inline(always)]
    fn next(self, total: Total<W>, centre: W) -> W {
        let low =
            [!(total.ones | total.twos), total.ones & !total.twos, total.twos & !total.ones, total.ones & total.twos];
        let high = [!(total.fours | total.eights), total.fours, total.eights];
        let mut born = W::DEAD;
        let mut survives = W::DEAD;
        for number in 0..TOTALS {
            let is_total = low[number % 4] & high[number / 4];
            born = born | (is_total & self.birth[number]);
            survives = survives | (is_total & self.survival[number]);
        }
        (born & !centre) | (survives & centre)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Word for u16 {
        const DEAD: Self = 0;
        const ALIVE: Self = Self::MAX;
    }

    /// The words of a square whose bit 0 is the square of nine cells given as the bits of a number.
    fn next<D: Decide<u16>>(decide: D, square: u32) -> bool {
        let cell = |at: u32| (square >> at & 1) as u16;
        let [upper, middle, lower] = [0, 3, 6].map(|row| row_sum(cell(row), cell(row + 1), cell(row + 2)));
        decide.next(total(lower, pair_sum(upper, middle)), cell(4)) & 1 == 1
    }

    fn expected(rule: Rule, square: u32) -> bool {
        let centre = square >> 4 & 1;
        let neighbours = square.count_ones() - centre;
        if centre == 1 { rule.survives(neighbours) } else { rule.is_born(neighbours) }
    }

    #[test]
    fn the_short_form_of_lifes_rule_decides_every_square_rightly() {
        for square in 0..1 << 9 {
            assert_eq!(next(Life, square), expected(Rule::LIFE, square), "{square:09b}");
        }
    }

    proptest! {
        #[test]
        fn a_table_decides_every_square_rightly(birth in "[0-8]", survival in "[0-8]") {
            let rule: Rule = format!("B{birth}/S{survival}").parse().unwrap();
            let table = Table::new(rule);
            for square in 0..1 << 9 {
                prop_assert_eq!(next(&table, square), expected(rule, square), "{:09b}", square);
            }
        }
    }
}
