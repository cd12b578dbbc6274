#![allow(unsafe_code)]
//! The loop that everything comes down to: a small block of a matrix product, with its sums in registers.
//!
//! A tile of R rows and C columns is the sum, over two nested loops, of the products of R numbers of `a` with a
//! vector of C numbers of `b`. The strides say what that is: a block of a matrix product, some pixels of a
//! convolution (the outer loop goes over the rows of its kernel), a block of the gradient of its weights (the outer
//! loop goes over the rows of the image). R × C is chosen so that the sums fill the registers of the level, which
//! hides the latency of the additions and loads each number seldom.
//!
//! Each tile exists twice, for the two ways in which `a` lies: with its rows beside each other, which one pointer reaches
//! with fixed offsets, or with its terms beside each other, four of which are added in a row. On a core of its own a tile
//! reaches 98 % of the peak however it computes its addresses. But where a neighbour competes for the core, every other
//! instruction counts: there, tiles of any strides reached 68 to 74 % of the peak, and these 73 to 83 %.
//!
//! It reads without checking the bounds of every number, which halves its time; a tile checks the farthest number it
//! will read instead, once, and that is what its `unsafe` relies on, beside the level.

use std::array;

use super::activation::rectified;
use super::level::{Level, Set};
use super::vector::{Baseline, Vector};

/// The most columns that a tile has, at any level.
pub(super) const COLUMNS_MAX: usize = 32;

/// Rows that are reached from one pointer: at it, and one and two strides after it, as x86-64 adds them for nothing.
const GROUP: usize = 3;
/// Groups of the highest tile.
const GROUPS_MAX: usize = 5;

/// What a tile adds up: for `o` below `outer` and `i` below `inner`, row `r` and column `c`, the product of
/// `a[o * a_outer + i * a_inner + r * a_row]` and `b[o * b_outer + i * b_inner + c]`. Either `a_row` is 1, or `a_inner`
/// is and `b_inner` is the columns of the tile.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) a: &'a [f32],
    pub(super) a_row: usize,
    pub(super) a_inner: usize,
    pub(super) a_outer: usize,
    pub(super) b: &'a [f32],
    pub(super) b_inner: usize,
    pub(super) b_outer: usize,
    pub(super) inner: usize,
    pub(super) outer: usize,
}

/// Where a tile puts its sums: row `r` in the `columns` numbers from `c[r * row_stride]` on.
pub(super) struct Target<'a> {
    pub(super) c: &'a mut [f32],
    pub(super) row_stride: usize,
    pub(super) columns: usize,
    pub(super) start: Start<'a>,
    /// Whether what is below zero becomes zero at the end.
    pub(super) relu: bool,
}

/// What a tile adds its terms to.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// Nothing.
    Zero,
    /// What the target holds.
    Target,
    /// The same row of numbers, as many as the target's columns, for every row.
    Row(&'a [f32]),
}

/// The tiles of a level, all of one width.
pub(super) struct Kernel {
    /// The most rows that a tile has.
    pub(super) rows: usize,
    /// The columns that every tile computes. The vectors of `b` have as many, the target may have fewer.
    pub(super) columns: usize,
    /// The tiles of one row, two rows and so on, for rows that lie beside each other and for terms that do.
    by_rows: &'static [Tile],
    by_terms: &'static [Tile],
}

type Tile = unsafe fn(&Terms<'_>, &mut Target<'_>);

impl Kernel {
    /// The best one of a level for a product that has so many columns.
    pub(super) fn of(level: Level, columns: usize) -> &'static Self {
        let (wide, narrow) = match level.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => (&AVX512_WIDE, &AVX512_NARROW),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => (&AVX2_WIDE, &AVX2_NARROW),
            Set::Baseline => (&BASELINE_WIDE, &BASELINE_NARROW),
        };
        // A narrow tile is a little slower, so it must save a fifth of the work, which columns that are
        // computed for nothing are.
        let computed = |kernel: &Kernel| columns.next_multiple_of(kernel.columns);
        if computed(narrow) * 5 <= computed(wide) * 4 { narrow } else { wide }
    }

    /// Computes a tile.
    pub(super) fn run(&self, rows: usize, terms: &Terms<'_>, target: &mut Target<'_>) {
        debug_assert!(target.columns <= self.columns);
        let is_by_terms = terms.a_inner == 1 && terms.b_inner == self.columns;
        debug_assert!(is_by_terms || terms.a_row == 1, "a layout that no tile knows");
        let tile = if is_by_terms { self.by_terms } else { self.by_rows }[rows - 1];
        // SAFETY: a kernel comes from a level, which exists only where the processor has its instructions.
        unsafe { tile(terms, target) }
    }

    /// Cuts `length` rows into as few tiles as it takes, of nearly the same height: first row and height of each.
    pub(super) fn cut(&self, length: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count = length.div_ceil(self.rows);
        (0..count).map(move |tile| {
            let start = tile * length / count;
            (start, (tile + 1) * length / count - start)
        })
    }
}

/// Does the same for every row of a tile, written out: an array stays in registers only if every index of it is known,
/// and the compiler does not unroll loops of this length by itself.
macro_rules! for_each_row {
    ($rows:expr, $row:ident => $work:block) => {
        for_each_row!(@ $rows, $row, $work, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $rows:expr, $row:ident, $work:block, $($place:literal)*) => {
        $(if $place < $rows {
            let $row = $place;
            $work
        })*
    };
}

/// A tile of `R` rows and `N` vectors of columns.
///
/// # Safety
/// The caller is compiled for the instructions of the vector, and the processor has them.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const N: usize, const BY_TERMS: bool>(
    terms: &Terms<'_>,
    target: &mut Target<'_>,
) {
    let columns = N * V::LANES;
    // Strides that are known here cost nothing in the loop.
    let terms = if BY_TERMS { Terms { a_inner: 1, b_inner: columns, ..*terms } } else { Terms { a_row: 1, ..*terms } };
    assert!(terms.fits(R, columns), "a tile of {R} rows and {columns} columns would read past its operands");
    // SAFETY: the caller says so.
    let mut sums = unsafe { target.start::<V, R, N>() };
    for outer in 0..terms.outer {
        let mut place = Place::of(&terms, outer);
        for _ in 0..terms.inner / 4 {
            // SAFETY: `fits` has checked the largest index of either slice, which the last term reaches.
            unsafe {
                place.add(&terms, &mut sums);
                place.add(&terms, &mut sums);
                place.add(&terms, &mut sums);
                place.add(&terms, &mut sums);
            }
        }
        for _ in 0..terms.inner % 4 {
            // SAFETY: as above.
            unsafe { place.add(&terms, &mut sums) };
        }
    }
    // SAFETY: the caller says so.
    unsafe { target.finish(&sums) };
}

/// The term that comes next: the first row of `a` of every group, and the vectors of `b`. It may be past the last one.
struct Place {
    groups: [*const f32; GROUPS_MAX],
    b: *const f32,
}

impl Place {
    #[inline(always)]
    fn of(terms: &Terms<'_>, outer: usize) -> Self {
        let a = terms.a.as_ptr().wrapping_add(outer * terms.a_outer);
        let groups = array::from_fn(|group| a.wrapping_add(group * GROUP * terms.a_row));
        Self { groups, b: terms.b.as_ptr().wrapping_add(outer * terms.b_outer) }
    }

    /// Adds the term to every sum, and goes on to the next one.
    ///
    /// # Safety
    /// That of [`Vector`]. There is such a term: a number in every row, and `N` vectors.
    #[inline(always)]
    unsafe fn add<V: Vector, const R: usize, const N: usize>(&mut self, terms: &Terms<'_>, sums: &mut [[V; N]; R]) {
        // SAFETY: the caller says so.
        let vectors: [V; N] = unsafe { vectors_at(self.b) };
        for_each_row!(R, row => {
            let number = self.groups[row / GROUP].wrapping_add(row % GROUP * terms.a_row);
            // SAFETY: the caller says so.
            let factor = unsafe { V::splat(*number) };
            for (sum, vector) in sums[row].iter_mut().zip(&vectors) {
                // SAFETY: the caller says so.
                *sum = unsafe { factor.mul_add(*vector, *sum) };
            }
        });
        self.groups = self.groups.map(|group| group.wrapping_add(terms.a_inner));
        self.b = self.b.wrapping_add(terms.b_inner);
    }
}

/// Vectors that lie one after another. There is no closure here or wherever else vectors are handled: one is not
/// compiled for the instructions of the function around it.
///
/// # Safety
/// That of [`Vector`]. There are as many numbers as the vectors have lanes.
#[inline(always)]
unsafe fn vectors_at<V: Vector, const N: usize>(numbers: *const f32) -> [V; N] {
    // SAFETY: the caller says so.
    unsafe {
        let mut vectors = [V::splat(0.0); N];
        for (place, vector) in vectors.iter_mut().enumerate() {
            *vector = V::load(numbers.wrapping_add(place * V::LANES));
        }
        vectors
    }
}

impl Terms<'_> {
    /// Whether every number that a tile reads is there.
    fn fits(&self, rows: usize, columns: usize) -> bool {
        if self.inner == 0 || self.outer == 0 {
            return true;
        }
        // Saturating, so that strides which overflow do not fit.
        let last = |outer: usize, inner: usize| {
            let outer = (self.outer - 1).saturating_mul(outer);
            outer.saturating_add((self.inner - 1).saturating_mul(inner))
        };
        let a = last(self.a_outer, self.a_inner).saturating_add((rows - 1).saturating_mul(self.a_row));
        let b = last(self.b_outer, self.b_inner).saturating_add(columns - 1);
        a < self.a.len() && b < self.b.len()
    }
}

impl Target<'_> {
    /// # Safety
    /// That of [`Vector`].
    #[inline(always)]
    unsafe fn start<V: Vector, const R: usize, const N: usize>(&self) -> [[V; N]; R] {
        // SAFETY: the caller says so.
        unsafe {
            let mut sums = [[V::splat(0.0); N]; R];
            match self.start {
                Start::Zero => {}
                Start::Target => {
                    for_each_row!(R, row => {
                        sums[row] = load(&self.c[row * self.row_stride..][..self.columns]);
                    });
                }
                Start::Row(values) => sums = [load(values); R],
            }
            sums
        }
    }

    /// # Safety
    /// That of [`Vector`].
    #[inline(always)]
    unsafe fn finish<V: Vector, const R: usize, const N: usize>(&mut self, sums: &[[V; N]; R]) {
        for_each_row!(R, row => {
            let target = &mut self.c[row * self.row_stride..][..self.columns];
            // SAFETY: the caller says so.
            unsafe { store(&sums[row], target) };
            if self.relu {
                target.iter_mut().for_each(|sum| *sum = rectified(*sum));
            }
        });
    }
}

/// Vectors of these numbers, with zeros after them if they are fewer.
///
/// # Safety
/// That of [`Vector`].
#[inline(always)]
unsafe fn load<V: Vector, const N: usize>(values: &[f32]) -> [V; N] {
    let mut all = [0.0; COLUMNS_MAX];
    let is_whole = values.len() >= N * V::LANES;
    if !is_whole {
        all[..values.len()].copy_from_slice(values);
    }
    let from = if is_whole { values } else { &all[..N * V::LANES] };
    // SAFETY: there are as many numbers as the vectors have lanes.
    unsafe { vectors_at(from.as_ptr()) }
}

/// Writes the numbers of vectors to where there is room for them, or for the first of them.
///
/// # Safety
/// That of [`Vector`].
#[inline(always)]
unsafe fn store<V: Vector, const N: usize>(sums: &[V; N], target: &mut [f32]) {
    let mut all = [0.0; COLUMNS_MAX];
    let is_whole = target.len() >= N * V::LANES;
    let to = if is_whole { &mut *target } else { &mut all[..N * V::LANES] };
    let to = to.as_mut_ptr();
    for (place, sum) in sums.iter().enumerate() {
        // SAFETY: there is room for as many numbers as the vectors have lanes.
        unsafe { sum.store(to.wrapping_add(place * V::LANES)) };
    }
    if !is_whole {
        target.copy_from_slice(&all[..target.len()]);
    }
}

/// The kernel of a function that is a tile, with the tiles of one to so many rows.
macro_rules! kernel {
    ($tile:ident, columns: $columns:expr, rows: $($rows:literal)*) => {
        Kernel {
            rows: [$($rows),*].len(),
            columns: $columns,
            by_rows: &[$($tile::<$rows, false>),*],
            by_terms: &[$($tile::<$rows, true>),*],
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use super::{Kernel, Target, Terms, tile};

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    fn avx512_wide<const R: usize, const BY_TERMS: bool>(terms: &Terms<'_>, target: &mut Target<'_>) {
        // SAFETY: this is compiled for its instructions, and whoever calls it says that the processor has them.
        unsafe { tile::<__m512, R, 2, BY_TERMS>(terms, target) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    fn avx512_narrow<const R: usize, const BY_TERMS: bool>(terms: &Terms<'_>, target: &mut Target<'_>) {
        // SAFETY: this is compiled for its instructions, and whoever calls it says that the processor has them.
        unsafe { tile::<__m512, R, 1, BY_TERMS>(terms, target) }
    }

    #[target_feature(enable = "avx2,fma")]
    fn avx2_wide<const R: usize, const BY_TERMS: bool>(terms: &Terms<'_>, target: &mut Target<'_>) {
        // SAFETY: this is compiled for its instructions, and whoever calls it says that the processor has them.
        unsafe { tile::<__m256, R, 2, BY_TERMS>(terms, target) }
    }

    #[target_feature(enable = "avx2,fma")]
    fn avx2_narrow<const R: usize, const BY_TERMS: bool>(terms: &Terms<'_>, target: &mut Target<'_>) {
        // SAFETY: this is compiled for its instructions, and whoever calls it says that the processor has them.
        unsafe { tile::<__m256, R, 1, BY_TERMS>(terms, target) }
    }

    /// Of 32 registers, 28 hold sums.
    pub(super) static AVX512_WIDE: Kernel = kernel!(avx512_wide, columns: 32, rows: 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    pub(super) static AVX512_NARROW: Kernel =
        kernel!(avx512_narrow, columns: 16, rows: 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    /// Of 16 registers, 12 hold sums.
    pub(super) static AVX2_WIDE: Kernel = kernel!(avx2_wide, columns: 16, rows: 1 2 3 4 5 6);
    pub(super) static AVX2_NARROW: Kernel = kernel!(avx2_narrow, columns: 8, rows: 1 2 3 4 5 6 7 8 9 10 11 12);
}
#[cfg(target_arch = "x86_64")]
use x86::{AVX2_NARROW, AVX2_WIDE, AVX512_NARROW, AVX512_WIDE};

fn baseline_wide<const R: usize, const BY_TERMS: bool>(terms: &Terms<'_>, target: &mut Target<'_>) {
    // SAFETY: every processor has the baseline.
    unsafe { tile::<Baseline, R, { BASELINE_COLUMNS / 4 }, BY_TERMS>(terms, target) }
}

fn baseline_narrow<const R: usize, const BY_TERMS: bool>(terms: &Terms<'_>, target: &mut Target<'_>) {
    // SAFETY: every processor has the baseline.
    unsafe { tile::<Baseline, R, { BASELINE_COLUMNS / 8 }, BY_TERMS>(terms, target) }
}

/// Vectors of four numbers: AArch64 has 32 registers for them, x86-64 without AVX has 16 and needs one for each product.
const BASELINE_COLUMNS: usize = if cfg!(target_arch = "aarch64") { 16 } else { 8 };

static BASELINE_WIDE: Kernel = kernel!(baseline_wide, columns: BASELINE_COLUMNS, rows: 1 2 3 4 5);
static BASELINE_NARROW: Kernel = kernel!(baseline_narrow, columns: BASELINE_COLUMNS / 2, rows: 1 2 3 4 5 6);
