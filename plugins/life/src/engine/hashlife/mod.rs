//! Hashlife: a plane without end, kept as squares of squares of which each occurs once, together with their futures.
//! Patterns with order in them are stepped in leaps that double and double again: the age of the universe costs a
//! glider gun no more than a lunch break. Chaos is slower than on a board of the other engines.
//!
//! The plane's root is a square with the origin in its middle, which grows and shrinks with what lives. What a game
//! shows of the plane is a window, whose middle is the origin too.

mod arena;
mod block;
mod future;
mod measure;

use super::{Engine, Error, Measure, Setup};
use crate::bits::{Bits, Size};
use crate::pattern::Pattern;
use crate::rule::Rule;
use arena::{Arena, Content, Full, LEAF_LEVEL, LEVEL_MAX, SQUARES_MAX, Square};
use future::{Future, middle};
use measure::Bounds;

/// The smallest level of a root, at which its quarters' quarters are no leaves.
const ROOT_LEVEL_MIN: u8 = LEAF_LEVEL + 3;

/// The largest rectangle that is looked at cell by cell, in cells: for a hash, or to be exported.
const RECTANGLE_CELLS_MAX: u64 = 1 << 24;

/// Why a plane did not go on. Trying again does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaneError {
    /// The rule gives birth without neighbours, so an empty plane would be filled at once.
    #[error("rule {0} gives birth without neighbours, which fills an endless plane: use the engine host or simd")]
    BornOfNothing(Rule),
    /// What lives needs more squares than there is room for.
    #[error("what lives on the plane has too little order in it: it needs more than {SQUARES_MAX} squares")]
    TooComplex,
    /// Life has come, or may have come, further from the origin than coordinates go.
    #[error("what lives on the plane may get further than 2^{} cells from the middle", LEVEL_MAX - 1)]
    TooFar,
    /// All that lives is too far apart to be given away cell by cell.
    #[error(
        "what lives on the plane fills {width} × {height} cells, and {RECTANGLE_CELLS_MAX} are the most that is exported"
    )]
    TooWide {
        /// The width of the smallest rectangle that holds it.
        width: u64,
        /// The height of the smallest rectangle that holds it.
        height: u64,
    },
}

impl From<Full> for PlaneError {
    fn from(_: Full) -> Self {
        Self::TooComplex
    }
}

/// A plane without end.
pub struct Plane {
    arena: Arena,
    future: Future,
    root: Square,
    level: u8,
    /// Root and level at the start of the running step, to go back to.
    before: (Square, u8),
    window: Size,
}

impl Plane {
    /// A plane on whose window these cells live.
    pub fn new(cells: &Bits, setup: Setup) -> Result<Self, PlaneError> {
        Self::with_room(cells, setup, SQUARES_MAX)
    }

    fn with_room(cells: &Bits, setup: Setup, squares_max: usize) -> Result<Self, PlaneError> {
        if setup.rule.is_born(0) {
            return Err(PlaneError::BornOfNothing(setup.rule));
        }
        let arena = Arena::new(squares_max);
        let (root, level) = (arena.dead(ROOT_LEVEL_MIN), ROOT_LEVEL_MIN);
        let future = Future::new(setup.rule);
        let mut plane = Self { arena, future, root, level, before: (root, level), window: setup.size };
        let (left, top) = plane.corner();
        plane.give_life(cells.live_cells().map(|(x, y)| (left + i64::from(x), top + i64::from(y))).collect())?;
        Ok(plane)
    }

    /// Where the window's upper left cell is on the plane.
    fn corner(&self) -> (i64, i64) {
        (-i64::from(self.window.width() / 2), -i64::from(self.window.height() / 2))
    }

    /// Goes on by two to the power of `log2` generations.
    fn leap(&mut self, log2: u8) -> Result<(), PlaneError> {
        match self.try_leap(log2) {
            Err(PlaneError::TooComplex) => self.retain(),
            done => return done,
        }
        // A shorter way has fewer squares on it.
        match log2.checked_sub(1) {
            Some(half) => {
                self.leap(half)?;
                self.leap(half)
            }
            None => self.try_leap(0),
        }
    }

    /// After an error the plane is as it was.
    fn try_leap(&mut self, log2: u8) -> Result<(), PlaneError> {
        let (mut root, mut level) = (self.root, self.level);
        // All life is in a quarter of the root's width, around the middle. So it is within the half that is known at
        // the end, however fast it moves.
        while level < log2.saturating_add(3) || !self.is_far_from_edges(root, level)? {
            (root, level) = self.widen(root, level)?;
        }
        root = self.future.of(&mut self.arena, root, level, log2)?;
        level -= 1;
        while level > ROOT_LEVEL_MIN && self.has_dead_rim(root, level) {
            root = middle(&mut self.arena, root, level)?;
            level -= 1;
        }
        (self.root, self.level) = (root, level);
        Ok(())
    }

    fn is_far_from_edges(&mut self, root: Square, level: u8) -> Result<bool, PlaneError> {
        if level <= ROOT_LEVEL_MIN || !self.has_dead_rim(root, level) {
            return Ok(false);
        }
        let middle = middle(&mut self.arena, root, level)?;
        Ok(self.has_dead_rim(middle, level - 1))
    }

    /// Whether nothing lives outside of the square in the middle, half as wide as the whole.
    fn has_dead_rim(&self, square: Square, level: u8) -> bool {
        let dead = self.arena.dead(level - 2);
        let quarters = self.arena.quarters(square).map(|quarter| self.arena.quarters(quarter));
        // The part that meets the middle of the whole is in the opposite corner of its quarter.
        (0..4).all(|at| (0..4).filter(|part| *part != 3 - at).all(|part| quarters[at][part] == dead))
    }

    /// The same plane from a square twice as wide.
    fn widen(&mut self, root: Square, level: u8) -> Result<(Square, u8), PlaneError> {
        if level >= LEVEL_MAX {
            return Err(PlaneError::TooFar);
        }
        let dead = self.arena.dead(level - 1);
        let mut quarters = self.arena.quarters(root);
        for (at, quarter) in quarters.iter_mut().enumerate() {
            let mut parts = [dead; 4];
            parts[3 - at] = *quarter;
            *quarter = self.arena.join(parts)?;
        }
        Ok((self.arena.join(quarters)?, level + 1))
    }

    /// Makes cells alive, given by their coordinates on the plane.
    fn give_life(&mut self, mut cells: Vec<(i64, i64)>) -> Result<(), PlaneError> {
        let furthest = cells.iter().flat_map(|(x, y)| [*x, *y]).map(|at| if at < 0 { !at } else { at }).max();
        self.before = (self.root, self.level);
        let mut try_it = |plane: &mut Self| {
            let (mut root, mut level) = (plane.root, plane.level);
            while furthest.is_some_and(|furthest| furthest >= half(level)) {
                (root, level) = plane.widen(root, level)?;
            }
            root = plane.with_cells(root, level, (-half(level), -half(level)), &mut cells)?;
            (plane.root, plane.level) = (root, level);
            Ok(())
        };
        match try_it(self) {
            Err(PlaneError::TooComplex) => {
                self.retain();
                try_it(self)
            }
            done => done,
        }
    }

    /// The square with these cells alive, which are all within it. The square's upper left cell is at `corner`.
    fn with_cells(
        &mut self,
        square: Square,
        level: u8,
        corner: (i64, i64),
        cells: &mut [(i64, i64)],
    ) -> Result<Square, Full> {
        if cells.is_empty() {
            return Ok(square);
        }
        match self.arena.content(square) {
            Content::Leaf(mut rows) => {
                for (x, y) in cells {
                    rows[(*y - corner.1) as usize] |= 1 << (*x - corner.0);
                }
                self.arena.square(Content::Leaf(rows))
            }
            Content::Quarters(mut quarters) => {
                let (x, y) = (corner.0 + half(level), corner.1 + half(level));
                let (upper, lower) = partition(cells, |cell| cell.1 < y);
                let (upper_left, upper_right) = partition(upper, |cell| cell.0 < x);
                let (lower_left, lower_right) = partition(lower, |cell| cell.0 < x);
                let parts = [upper_left, upper_right, lower_left, lower_right];
                let corners = [corner, (x, corner.1), (corner.0, y), (x, y)];
                for ((quarter, corner), cells) in quarters.iter_mut().zip(corners).zip(parts) {
                    *quarter = self.with_cells(*quarter, level - 1, corner, cells)?;
                }
                self.arena.join(quarters)
            }
        }
    }

    /// Makes alive what lives of a square, whose upper left cell is at (x, y) of the picture.
    fn paint(&self, square: Square, level: u8, (x, y): (i64, i64), picture: &mut Bits) {
        let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
        let side = 1 << level;
        if x >= width || y >= height || x + side <= 0 || y + side <= 0 || square == self.arena.dead(level) {
            return;
        }
        match self.arena.content(square) {
            Content::Leaf(rows) => {
                for (y, row) in (y..).zip(rows) {
                    for (x, bit) in (x..).zip(0..8) {
                        let is_inside = (0..width).contains(&x) && (0..height).contains(&y);
                        if is_inside && row >> bit & 1 == 1 {
                            picture.give_life(x as u32, y as u32);
                        }
                    }
                }
            }
            Content::Quarters(quarters) => {
                let half = half(level);
                let corners = [(x, y), (x + half, y), (x, y + half), (x + half, y + half)];
                for (quarter, corner) in quarters.into_iter().zip(corners) {
                    self.paint(quarter, level - 1, corner, picture);
                }
            }
        }
    }

    /// Forgets what is no part of the present, nor of what the step may have to go back to.
    fn retain(&mut self) {
        [self.root, self.before.0] = self.arena.retain([self.root, self.before.0]);
    }

    /// The smallest rectangle with all life in it, in the root's own coordinates.
    fn rectangle(&self) -> Result<Bits, PlaneError> {
        let Some(Bounds { left, top, right, bottom }) = measure::bounds(&self.arena, self.root) else {
            return Ok(Bits::none());
        };
        let (width, height) = ((right - left) as u64, (bottom - top) as u64);
        let size = match (u32::try_from(width), u32::try_from(height)) {
            (Ok(width), Ok(height)) if u64::from(width) * u64::from(height) <= RECTANGLE_CELLS_MAX => {
                Size::new(width, height).ok()
            }
            _ => None,
        };
        let mut picture = Bits::dead(size.ok_or(PlaneError::TooWide { width, height })?);
        self.paint(self.root, self.level, (-left, -top), &mut picture);
        Ok(picture)
    }
}

/// Half of the width of a square.
fn half(level: u8) -> i64 {
    1 << (level - 1)
}

/// A cell's column and row.
type Place = (i64, i64);

/// The cells for which something is so, and the others.
fn partition(cells: &mut [Place], is_so: impl Fn(&Place) -> bool) -> (&mut [Place], &mut [Place]) {
    let mut count = 0;
    for at in 0..cells.len() {
        if is_so(&cells[at]) {
            cells.swap(at, count);
            count += 1;
        }
    }
    cells.split_at_mut(count)
}

impl Engine for Plane {
    fn step(&mut self, generations: u64) -> Result<(), Error> {
        self.before = (self.root, self.level);
        let leaps = (0..u64::BITS as u8).filter(|log2| generations >> log2 & 1 == 1);
        for log2 in leaps {
            if let Err(error) = self.leap(log2) {
                (self.root, self.level) = self.before;
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn place(&mut self, pattern: &Pattern, x: i64, y: i64) -> Result<(), Error> {
        let (left, top) = self.corner();
        // A sum that leaves 64 bits is too far away, whatever it is.
        let (left, top) = (left.saturating_add(x), top.saturating_add(y));
        let cells = pattern.cells().iter();
        let cells = cells.map(|(x, y)| (left.saturating_add((*x).into()), top.saturating_add((*y).into())));
        Ok(self.give_life(cells.collect())?)
    }

    fn measure(&mut self) -> Result<Measure, Error> {
        let population = measure::population(&self.arena, self.root);
        let hash = match self.rectangle() {
            Ok(picture) => picture.hash(),
            Err(_) => measure::hash(&self.arena, self.root),
        };
        Ok(Measure { population, hash })
    }

    fn window(&self) -> Result<Bits, Error> {
        let mut picture = Bits::dead(self.window);
        let (left, top) = self.corner();
        let corner = (-half(self.level) - left, -half(self.level) - top);
        self.paint(self.root, self.level, corner, &mut picture);
        Ok(picture)
    }

    fn all(&self) -> Result<Bits, Error> {
        Ok(self.rectangle()?)
    }

    fn ages(&self) -> Result<Vec<u8>, Error> {
        Err(Error::NoAges)
    }
}

#[cfg(test)]
mod tests;
