//! What is known of a square without looking at each of its cells: population, the smallest rectangle with all life
//! in it, and a hash. Each is worked out once for every square that is a part, however often it is one.

use super::arena::{Arena, Content, LEAF_LEVEL, Square};
use rustc_hash::FxHashMap;
use std::hash::Hasher;
use twox_hash::XxHash3_64;

/// A rectangle of cells, from the first column and row to those behind the last, in coordinates of its square, whose
/// upper left cell is (0, 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub left: i64,
    pub top: i64,
    pub right: i64,
    pub bottom: i64,
}

impl Bounds {
    fn shifted(self, x: i64, y: i64) -> Self {
        Self { left: self.left + x, top: self.top + y, right: self.right + x, bottom: self.bottom + y }
    }

    fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// How many cells live.
pub fn population(arena: &Arena, square: Square) -> u128 {
    Fold { arena, known: FxHashMap::default() }.of(
        square,
        &|rows| u128::from(u64::from_le_bytes(rows).count_ones()),
        &|quarters| quarters.into_iter().sum(),
    )
}

/// The smallest rectangle with all life in it; none without life.
pub fn bounds(arena: &Arena, square: Square) -> Option<Bounds> {
    /// The level of a square and its bounds.
    type Known = (u8, Option<Bounds>);

    let of_leaf = |rows| (LEAF_LEVEL, bounds_of_leaf(rows));
    let of_quarters = |quarters: [Known; 4]| {
        let level = quarters[0].0;
        let half = 1 << level;
        let corners = [(0, 0), (half, 0), (0, half), (half, half)];
        let shifted =
            quarters.iter().zip(corners).filter_map(|((_, bounds), (x, y))| Some(bounds.as_ref()?.shifted(x, y)));
        (level + 1, shifted.reduce(Bounds::union))
    };
    Fold { arena, known: FxHashMap::default() }.of(square, &of_leaf, &of_quarters).1
}

/// A hash of the cells and their places: XXH3 with 64 bits of the eight rows of a leaf, a byte each with the leftmost
/// cell in the lowest bit, and of the four quarters' hashes of every other square, each as 8 bytes, little-endian.
pub fn hash(arena: &Arena, square: Square) -> u64 {
    let of_quarters = |quarters: [u64; 4]| {
        let mut hasher = XxHash3_64::new();
        quarters.iter().for_each(|quarter| hasher.write(&quarter.to_le_bytes()));
        hasher.finish()
    };
    Fold { arena, known: FxHashMap::default() }.of(square, &|rows| XxHash3_64::oneshot(&rows), &of_quarters)
}

/// Works a value of a square out from those of its quarters.
struct Fold<'a, T> {
    arena: &'a Arena,
    known: FxHashMap<Square, T>,
}

impl<T: Copy> Fold<'_, T> {
    fn of(&mut self, square: Square, of_leaf: &dyn Fn([u8; 8]) -> T, of_quarters: &dyn Fn([T; 4]) -> T) -> T {
        if let Some(known) = self.known.get(&square) {
            return *known;
        }
        let value = match self.arena.content(square) {
            Content::Leaf(rows) => of_leaf(rows),
            Content::Quarters(quarters) => of_quarters(quarters.map(|quarter| self.of(quarter, of_leaf, of_quarters))),
        };
        self.known.insert(square, value);
        value
    }
}

fn bounds_of_leaf(rows: [u8; 8]) -> Option<Bounds> {
    let columns = rows.iter().fold(0, |columns, row| columns | row);
    let is_alive = |row: &u8| *row != 0;
    Some(Bounds {
        left: columns.trailing_zeros().into(),
        right: i64::from(u8::BITS - columns.leading_zeros()),
        top: rows.iter().position(is_alive)? as i64,
        bottom: rows.iter().rposition(is_alive)? as i64 + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_with_two_cells_is_measured() {
        let mut arena = Arena::new(1000);
        let mut rows = [0; 8];
        rows[2] = 0b100;
        let leaf = arena.square(Content::Leaf(rows)).unwrap();
        let dead = arena.dead(LEAF_LEVEL);
        let upper_left = arena.join([leaf, dead, dead, dead]).unwrap();
        let lower_right = arena.join([dead, leaf, dead, dead]).unwrap();
        let dead = arena.dead(LEAF_LEVEL + 1);

        let square = arena.join([upper_left, dead, dead, lower_right]).unwrap();

        assert_eq!(population(&arena, square), 2);
        assert_eq!(bounds(&arena, square), Some(Bounds { left: 2, top: 2, right: 27, bottom: 19 }));
        assert_ne!(hash(&arena, square), hash(&arena, arena.dead(LEAF_LEVEL + 2)));
    }

    #[test]
    fn a_square_without_life_has_no_bounds_however_large_it_is() {
        let arena = Arena::new(1000);
        let dead = arena.dead(super::super::arena::LEVEL_MAX);

        assert_eq!(population(&arena, dead), 0);
        assert_eq!(bounds(&arena, dead), None);
    }

    #[test]
    fn a_population_passes_64_bits() {
        let mut arena = Arena::new(1000);
        let mut square = arena.square(Content::Leaf([0xff; 8])).unwrap();
        for _ in LEAF_LEVEL..40 {
            square = arena.join([square; 4]).unwrap();
        }

        assert_eq!(population(&arena, square), 1 << 80);
        assert_eq!(bounds(&arena, square), Some(Bounds { left: 0, top: 0, right: 1 << 40, bottom: 1 << 40 }));
    }
}
