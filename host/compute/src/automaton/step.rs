//! Generations of whole boards: which bands, how many generations at a time, on which threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::band::{Band, Laws, Scratch};
use super::cache::second_cache_bytes;
use super::columns::Columns;
use super::error::AutomatonError;
use crate::Threads;

/// A board with its surroundings that takes no more than this is stepped as a whole, by one thread.
const WHOLE_BYTES_MAX: usize = 96 << 10;

/// The part of the second cache that a band with its surroundings takes, about, in sixteenths. There are two of these, and
/// what comes from the board and goes back to it.
const BAND_SIXTEENTHS: usize = 5;

/// The generations for which a band is in the cache. More would save little, and take more rows around the band.
const BAND_GENERATIONS_MAX: usize = 16;

/// One generation for so many rows of a band and its surroundings, so that stepping the surroundings costs little.
const ROWS_PER_GENERATION: usize = 12;

/// A board that is not stepped as a whole has so many bands at least, so that several threads have work.
const BANDS_MIN: usize = 8;

/// A pass over a board that is stepped as a whole ends after so many vectors, which is some milliseconds.
const PASS_VECTORS_MAX: usize = 1 << 20;

/// On what boards are stepped, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The threads that do it. None for work of a moment that is done where it is asked for, and waits for no turn.
    pub threads: Option<&'a Threads>,
    /// Whose turn on the threads it takes.
    pub owner: u64,
    /// Set by anyone to have the work end early, within some milliseconds for boards that fit a cache and within a pass
    /// over the board else.
    pub stop: &'a AtomicBool,
}

impl Work<'_> {
    /// Does `part` with every number below `parts`, as [`Threads::run`] does.
    pub(super) fn run(&self, parts: usize, part: &(dyn Fn(usize) + Sync)) {
        match self.threads {
            Some(threads) => threads.run(self.owner, parts, part),
            None => (0..parts).for_each(part),
        }
    }

    /// # Errors
    /// [`AutomatonError::Stopped`] once the work was told to end.
    pub(super) fn check(&self) -> Result<(), AutomatonError> {
        if self.stop.load(Ordering::Relaxed) { Err(AutomatonError::Stopped) } else { Ok(()) }
    }
}

/// What a pass over a board does.
#[derive(Clone, Copy, Debug)]
struct Plan {
    band_rows: usize,
    generations: usize,
}

impl Plan {
    fn new(cells: &Columns) -> Self {
        let band_bytes = second_cache_bytes() / 16 * BAND_SIXTEENTHS;
        Self::of(band_bytes, cells.vector_words(), cells.count(), cells.height())
    }

    fn of(band_bytes: usize, vector_words: usize, columns: usize, height: usize) -> Self {
        let row_bytes = (columns + 2) * vector_words * size_of::<u64>();
        if (height + 2) * row_bytes <= WHOLE_BYTES_MAX || height == 1 {
            return Self { band_rows: height, generations: (PASS_VECTORS_MAX / (height * columns)).max(1) };
        }
        let rows = band_bytes / row_bytes;
        let generations = (rows / ROWS_PER_GENERATION).clamp(1, BAND_GENERATIONS_MAX);
        let bands = height.div_ceil(rows.saturating_sub(2 * generations).max(1)).max(BANDS_MIN.min(height));
        let band_rows = height.div_ceil(bands);
        // A halo that is higher than the band would cost more than it saves.
        Self { band_rows, generations: generations.min(band_rows) }
    }

    /// The rows of a band and its surroundings.
    fn scratch_rows(&self, height: usize) -> usize {
        self.band_rows + 2 * if self.band_rows == height { 1 } else { self.generations }
    }
}

/// The cells after so many generations, at least one.
///
/// # Errors
/// [`AutomatonError::Stopped`].
pub(super) fn advance(
    cells: &Columns,
    laws: &Laws,
    generations: u64,
    work: &Work<'_>,
) -> Result<Columns, AutomatonError> {
    advance_by(Plan::new(cells), cells, laws, generations, work)
}

fn advance_by(
    plan: Plan,
    cells: &Columns,
    laws: &Laws,
    generations: u64,
    work: &Work<'_>,
) -> Result<Columns, AutomatonError> {
    let blank = || Columns::zeroed(cells.vector_words(), cells.count(), cells.height());
    let mut left = generations;
    // A last pass of a few generations would cost as much as one of many.
    let generations_max = generations.div_ceil(generations.div_ceil(plan.generations as u64).max(1));
    let mut pass = |from: &Columns, to: &mut Columns| {
        let generations = left.min(generations_max) as usize;
        left -= generations as u64;
        run(Plan { generations, ..plan }, laws, from, to, work)?;
        Ok::<bool, AutomatonError>(left > 0)
    };
    let mut now = blank();
    if pass(cells, &mut now)? {
        let mut next = blank();
        while pass(&now, &mut next)? {
            std::mem::swap(&mut now, &mut next);
        }
        now = next;
    }
    Ok(now)
}

fn run(plan: Plan, laws: &Laws, from: &Columns, to: &mut Columns, work: &Work<'_>) -> Result<(), AutomatonError> {
    let vector = from.vector_words();
    let mut bands: Vec<Vec<&mut [u64]>> = Vec::new();
    bands.resize_with(from.height().div_ceil(plan.band_rows), || Vec::with_capacity(from.count()));
    for column in to.words_mut().chunks_mut(from.height() * vector) {
        for (band, rows) in bands.iter_mut().zip(column.chunks_mut(plan.band_rows * vector)) {
            band.push(rows);
        }
    }
    let bands: Vec<Mutex<_>> = bands.into_iter().map(Mutex::new).collect();
    // Every thread takes one of these and puts it back, so that there are as many as threads, and none has to be zeroed.
    let scratches = Mutex::new(Vec::new());
    work.run(bands.len(), &|number| {
        if work.check().is_err() {
            return;
        }
        let taken = lock(&scratches).pop();
        let mut scratch = taken.unwrap_or_else(|| Scratch::new(from, plan.scratch_rows(from.height())));
        laws.arch.dispatch(Band {
            laws,
            cells: from,
            first_row: number * plan.band_rows,
            next: &mut lock(&bands[number]),
            generations: plan.generations,
            scratch: &mut scratch,
        });
        lock(&scratches).push(scratch);
    });
    work.check()
}

/// What these guard is written as a whole, or not read after a panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::automaton::band::Content;
    use crate::automaton::cells::vector_words;
    use crate::automaton::packed;
    use crate::automaton::tests::{archs, reference, rules, settings, sizes};

    proptest! {
        #[test]
        fn any_bands_on_any_instructions_give_what_the_definition_says(
            size in sizes(),
            rule in rules(),
            is_torus in any::<bool>(),
            seed in any::<u64>(),
            generations in 1u64..12,
            band_rows in 1usize..40,
            generations_at_once in 1usize..12,
            threads in 1usize..4,
        ) {
            let settings = settings(size, rule, is_torus);
            let packed = packed::random(size, seed, 0.4).unwrap();
            let expected = reference(&settings, &packed, generations);
            let threads = Threads::new(threads);
            let work = Work { threads: Some(&threads), owner: 1, stop: &AtomicBool::new(false) };
            for arch in archs() {
                let cells = Columns::from_packed(vector_words(arch), size, &packed);
                let content = Content::OneBoard { last: cells.place(size.width() - 1) };
                let laws = Laws { arch, rule, edges: settings.edges, content };
                let band_rows = band_rows.min(cells.height());
                let plan = Plan { band_rows, generations: generations_at_once.min(band_rows) };
                let stepped = advance_by(plan, &cells, &laws, generations, &work).unwrap();
                prop_assert!(stepped.to_packed(size) == expected, "{arch:?} {plan:?}");
            }
        }
    }

    #[test]
    fn every_board_has_a_plan() {
        for (width, height) in [(1, 1), (65_536, 1), (65_536, 2), (1, 65_536), (65_536, 65_536), (100, 100)] {
            for (vector_words, band_bytes) in [1, 2, 4, 8].into_iter().zip([160 << 10, 160 << 10, 320 << 10, 640 << 10])
            {
                let count = Columns::count_for(vector_words, width);
                let plan = Plan::of(band_bytes, vector_words, count, height);
                assert!((1..=height).contains(&plan.band_rows), "{width} × {height}: {plan:?}");
                let is_whole = plan.band_rows == height;
                assert!(plan.generations >= 1 && (is_whole || plan.generations <= plan.band_rows), "{plan:?}");
                let scratch_bytes = plan.scratch_rows(height) * (count + 2) * vector_words * 8;
                assert!(scratch_bytes <= 2 * band_bytes.max(4 * (count + 2) * vector_words * 8), "{plan:?}");
            }
        }
    }
}
