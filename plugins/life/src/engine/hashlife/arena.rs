//! The squares of a plane. Each square occurs once, however often it occurs on the plane: equal squares are the same
//! square, so that what was worked out for one holds for all of them. That is what Hashlife lives on.
//!
//! A leaf has eight rows of eight cells. Every other square has four of the next smaller size, so a square of level n
//! is 2ⁿ cells wide, and leaves are of level 3. There is room for [`SQUARES_MAX`] squares; when it is used up, what
//! can no longer be reached is forgotten.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::BuildHasher;
use std::num::NonZeroU32;

/// The level of a leaf.
pub const LEAF_LEVEL: u8 = 3;

/// The largest level: coordinates of all cells are within 64 bits.
pub const LEVEL_MAX: u8 = 62;

/// How many squares there may be. They and the table take 60 MB when it is full, and almost three times as much while
/// what is reached is copied and the rest forgotten, which the 256 MiB that an instance has by default allow. It is
/// seven eighths of a power of two, as full as the table gets.
pub const SQUARES_MAX: usize = 7 << 18;

/// There is no room for another square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A square of an [`Arena`]. Two of them are equal exactly if they have the same cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Square(NonZeroU32);

/// What a square consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Eight rows from the top, whose lowest bit is the leftmost cell.
    Leaf([u8; 8]),
    /// The quarters: upper left, upper right, lower left, lower right.
    Quarters([Square; 4]),
}

/// The square in the middle of another one some generations later, half as wide.
#[derive(Clone, Copy, Debug)]
struct Future {
    /// After two to the power of so many generations.
    generations_log2: u8,
    square: Square,
}

/// Squares, each of them once.
pub struct Arena {
    squares: Vec<(Content, Option<Future>)>,
    by_content: HashTable<Square>,
    /// The square without life of each level, from that of leaves on.
    dead: Vec<Square>,
    squares_max: usize,
}

impl Arena {
    /// An arena with no squares but those without life, and with room for `squares_max`.
    pub fn new(squares_max: usize) -> Self {
        let mut arena =
            Self { squares: Vec::new(), by_content: HashTable::new(), dead: Vec::new(), squares_max: usize::MAX };
        let mut content = Content::Leaf([0; 8]);
        for _ in LEAF_LEVEL..=LEVEL_MAX {
            let square = arena.square(content).expect("there is no limit yet");
            arena.dead.push(square);
            content = Content::Quarters([square; 4]);
        }
        arena.squares_max = squares_max;
        arena
    }

    /// How many squares there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// The square without life of a level.
    pub fn dead(&self, level: u8) -> Square {
        self.dead[usize::from(level - LEAF_LEVEL)]
    }

    /// The square of this content.
    pub fn square(&mut self, content: Content) -> Result<Square, Full> {
        let Self { squares, by_content, squares_max, .. } = self;
        let content_of = |square: &Square| squares[square.index()].0;
        let is_it = |square: &Square| content_of(square) == content;
        match by_content.entry(hash(content), is_it, |square| hash(content_of(square))) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(_) if squares.len() >= *squares_max => Err(Full),
            Entry::Vacant(place) => {
                let square = Square::at(squares.len()).ok_or(Full)?;
                place.insert(square);
                squares.push((content, None));
                Ok(square)
            }
        }
    }

    /// The square of these quarters: upper left, upper right, lower left, lower right.
    pub fn join(&mut self, quarters: [Square; 4]) -> Result<Square, Full> {
        self.square(Content::Quarters(quarters))
    }

    pub fn content(&self, square: Square) -> Content {
        self.squares[square.index()].0
    }

    /// The quarters of a square that is no leaf.
    pub fn quarters(&self, square: Square) -> [Square; 4] {
        match self.content(square) {
            Content::Quarters(quarters) => quarters,
            Content::Leaf(_) => unreachable!("a leaf is not asked for its quarters"),
        }
    }

    /// The rows of a leaf.
    pub fn rows(&self, leaf: Square) -> [u8; 8] {
        match self.content(leaf) {
            Content::Leaf(rows) => rows,
            Content::Quarters(_) => unreachable!("only a leaf is asked for its rows"),
        }
    }

    /// What was [`remember`](Self::remember)ed.
    pub fn future(&self, square: Square, generations_log2: u8) -> Option<Square> {
        let future = self.squares[square.index()].1?;
        (future.generations_log2 == generations_log2).then_some(future.square)
    }

    /// Keeps what is in the middle of a square after two to the power of so many generations. One future is kept of
    /// each square: the plane mostly goes on in steps of the same length.
    pub fn remember(&mut self, square: Square, generations_log2: u8, future: Square) {
        self.squares[square.index()].1 = Some(Future { generations_log2, square: future });
    }

    /// Forgets every square that is not a part of these, and returns what they are called from now on. A future is
    /// kept if it is such a part itself.
    pub fn retain<const N: usize>(&mut self, roots: [Square; N]) -> [Square; N] {
        let mut kept = Self::new(self.squares_max);
        let mut moved = FxHashMap::default();
        let roots = roots.map(|root| self.copy(root, &mut kept, &mut moved));
        for (old, new) in &moved {
            let future = self.squares[old.index()].1;
            let future = future.and_then(|future| Some(Future { square: *moved.get(&future.square)?, ..future }));
            kept.squares[new.index()].1 = future;
        }
        *self = kept;
        roots
    }

    fn copy(&self, square: Square, kept: &mut Self, moved: &mut FxHashMap<Square, Square>) -> Square {
        if let Some(copy) = moved.get(&square) {
            return *copy;
        }
        let content = match self.content(square) {
            leaf @ Content::Leaf(_) => leaf,
            Content::Quarters(quarters) => Content::Quarters(quarters.map(|quarter| self.copy(quarter, kept, moved))),
        };
        let copy = kept.square(content).expect("a part of what had room has room");
        moved.insert(square, copy);
        copy
    }
}

impl Square {
    fn at(index: usize) -> Option<Self> {
        u32::try_from(index + 1).ok().and_then(NonZeroU32::new).map(Self)
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

fn hash(content: Content) -> u64 {
    FxBuildHasher.hash_one(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_squares_are_the_same_square() {
        let mut arena = Arena::new(1000);
        let leaf = arena.square(Content::Leaf([1; 8])).unwrap();
        let dead = arena.dead(LEAF_LEVEL);

        let one = arena.join([leaf, dead, dead, leaf]).unwrap();
        let same = arena.join([leaf, dead, dead, leaf]).unwrap();
        let other = arena.join([dead, leaf, dead, leaf]).unwrap();

        assert_eq!(one, same);
        assert_ne!(one, other);
        assert_eq!(arena.join([dead; 4]).unwrap(), arena.dead(LEAF_LEVEL + 1));
    }

    #[test]
    fn what_is_not_a_part_is_forgotten_and_the_rest_stays_as_it_was() {
        let mut arena = Arena::new(1000);
        let empty = arena.len();
        let leaf = arena.square(Content::Leaf([7; 8])).unwrap();
        let root = arena.join([leaf; 4]).unwrap();
        let small = arena.square(Content::Leaf([9; 8])).unwrap();
        arena.remember(root, 1, leaf);
        arena.remember(leaf, 0, small);

        let [root] = arena.retain([root]);

        assert_eq!(arena.len(), empty + 2);
        let [leaf, ..] = arena.quarters(root);
        assert_eq!(arena.rows(leaf), [7; 8]);
        assert_eq!(arena.future(root, 1), Some(leaf));
        assert_eq!(arena.future(root, 2), None);
        assert_eq!(arena.future(leaf, 0), None);
    }

    #[test]
    fn a_full_arena_still_knows_what_it_has() {
        let mut arena = Arena::new(Arena::new(usize::MAX).len() + 1);
        let leaf = arena.square(Content::Leaf([7; 8])).unwrap();

        assert_eq!(arena.square(Content::Leaf([8; 8])), Err(Full));
        assert_eq!(arena.square(Content::Leaf([7; 8])), Ok(leaf));
    }
}
