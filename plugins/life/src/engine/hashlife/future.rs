//! The future of squares, as Gosper found it (1984): what is in the middle of a square after some generations depends
//! on that square alone, so it is worked out once and looked up ever after. The middle of a square of level n is known
//! for up to 2ⁿ⁻² generations, as nothing moves faster than a cell in a generation.

use super::arena::{Arena, Content, Full, LEAF_LEVEL, Square};
use super::block::Block;
use crate::engine::logic::Table;
use crate::rule::Rule;

/// Works out futures by one rule, under which nothing is born of nothing.
pub struct Future {
    table: Table<Block>,
}

impl Future {
    pub fn new(rule: Rule) -> Self {
        Self { table: Table::new(rule) }
    }

    /// What is in the middle of a square, half as wide, after two to the power of `log2` generations, or of two less
    /// than its level if that is fewer. The level is above that of leaves.
    pub fn of(&self, arena: &mut Arena, square: Square, level: u8, log2: u8) -> Result<Square, Full> {
        let log2 = log2.min(level - 2);
        if square == arena.dead(level) {
            return Ok(arena.dead(level - 1));
        }
        if let Some(known) = arena.future(square, log2) {
            return Ok(known);
        }
        let future = if level == LEAF_LEVEL + 1 {
            self.of_leaves(arena, square, 1 << log2)?
        } else {
            self.of_quarters(arena, square, level, log2)?
        };
        arena.remember(square, log2, future);
        Ok(future)
    }

    /// Of nine squares that overlap by halves, half as wide as the whole, the futures tile the middle and its
    /// surroundings. Four of each make a square around the middle again. Where the whole goes its furthest, both ways
    /// go half of the distance; otherwise the first goes all of it, and the second is left out.
    fn of_quarters(&self, arena: &mut Arena, square: Square, level: u8, log2: u8) -> Result<Square, Full> {
        let mut nine = [square; 9];
        for (at, part) in nine.iter_mut().enumerate() {
            let overlapping = overlapping(arena, square, at % 3, at / 3)?;
            *part = self.of(arena, overlapping, level - 1, log2)?;
        }
        let mut four = [square; 4];
        for (at, part) in four.iter_mut().enumerate() {
            let corner = at % 2 + at / 2 * 3;
            let around = arena.join([nine[corner], nine[corner + 1], nine[corner + 3], nine[corner + 4]])?;
            *part = if log2 == level - 2 {
                self.of(arena, around, level - 1, log2)?
            } else {
                middle(arena, around, level - 1)?
            };
        }
        arena.join(four)
    }

    /// Works out up to four generations of four leaves from their cells.
    fn of_leaves(&self, arena: &mut Arena, square: Square, generations: u32) -> Result<Square, Full> {
        let block = (0..generations).fold(block(arena, square), |block, _| block.next(&self.table));
        arena.square(Content::Leaf(block.middle()))
    }
}

/// What is in the middle of a square now. The level is above that of leaves.
pub fn middle(arena: &mut Arena, square: Square, level: u8) -> Result<Square, Full> {
    if level == LEAF_LEVEL + 1 {
        let rows = block(arena, square).middle();
        return arena.square(Content::Leaf(rows));
    }
    let [upper_left, upper_right, lower_left, lower_right] =
        arena.quarters(square).map(|quarter| arena.quarters(quarter));
    arena.join([upper_left[3], upper_right[2], lower_left[1], lower_right[0]])
}

/// The square half as wide as the whole whose corner is so many quarters of the whole from its corner, 0 to 2.
fn overlapping(arena: &mut Arena, square: Square, x: usize, y: usize) -> Result<Square, Full> {
    let quarters = arena.quarters(square).map(|quarter| arena.quarters(quarter));
    let sixteenth = |x: usize, y: usize| quarters[x / 2 + y / 2 * 2][x % 2 + y % 2 * 2];
    arena.join([sixteenth(x, y), sixteenth(x + 1, y), sixteenth(x, y + 1), sixteenth(x + 1, y + 1)])
}

fn block(arena: &Arena, square: Square) -> Block {
    Block::of_leaves(arena.quarters(square).map(|leaf| arena.rows(leaf)))
}
