//! The next generation of a column of vectors, which is where all the time goes. Every bit of a vector is a cell of its
//! own, so counting neighbours is adding numbers whose binary digits lie in several vectors.
//!
//! A row's contribution to the counts is summed once and used three times, by the row above, by the row itself and by
//! the row below, while it stays in registers: a walk down the column loads each vector of three columns once. For Life
//! that makes 19 logic operations for as many cells as a vector has bits.

use pulp::Simd;

use super::rule::{NEIGHBOURS_MAX, Rule};

/// Numbers of two binary digits, one for each cell.
#[derive(Clone, Copy)]
pub(super) struct Count<V> {
    ones: V,
    twos: V,
}

/// What a row contributes to the counts of its neighbours and to its own.
#[derive(Clone, Copy)]
pub(super) struct Row<V> {
    cells: V,
    /// The neighbours to the left and right.
    beside: Count<V>,
    /// Those and the cell itself, which are three neighbours for the rows above and below.
    all: Count<V>,
}

impl<V: Copy> Row<V> {
    #[inline(always)]
    fn new<S: Simd<u64s = V>>(simd: S, left: V, cells: V, right: V) -> Self {
        let beside = Count { ones: simd.xor_u64s(left, right), twos: simd.and_u64s(left, right) };
        let all = Count {
            ones: simd.xor_u64s(beside.ones, cells),
            twos: simd.or_u64s(beside.twos, simd.and_u64s(beside.ones, cells)),
        };
        Self { cells, beside, all }
    }
}

/// How the next generation of a row follows from three rows.
pub(super) trait NextRow<S: Simd>: Copy {
    fn next(self, simd: S, above: &Row<S::u64s>, row: &Row<S::u64s>, below: &Row<S::u64s>) -> S::u64s;
}

/// B3/S23: a cell lives if it has three neighbours, or if it has two and lives.
#[derive(Clone, Copy)]
pub(super) struct Life;

impl<S: Simd> NextRow<S> for Life {
    #[inline(always)]
    fn next(self, simd: S, above: &Row<S::u64s>, row: &Row<S::u64s>, below: &Row<S::u64s>) -> S::u64s {
        let (ones, carry) = add_ones(simd, above, row, below);
        // The count is 2 or 3 if just one of the four twos is set: an odd number of them, and no pair.
        let outer = simd.xor_u64s(above.all.twos, below.all.twos);
        let inner = simd.xor_u64s(row.beside.twos, carry);
        let is_odd = simd.xor_u64s(outer, inner);
        let has_pair =
            simd.or_u64s(simd.and_u64s(above.all.twos, below.all.twos), simd.and_u64s(row.beside.twos, carry));
        let is_two_or_three = simd.and_u64s(is_odd, simd.not_u64s(has_pair));
        simd.and_u64s(is_two_or_three, simd.or_u64s(ones, row.cells))
    }
}

/// Any rule: the whole count, and then a choice among the results for each count.
#[derive(Clone, Copy)]
pub(super) struct AnyRule<V> {
    /// For each count, whether a dead cell is born: all bits or none.
    birth: [V; NEIGHBOURS_MAX as usize + 1],
    /// For each count, whether that is different for a living cell.
    change: [V; NEIGHBOURS_MAX as usize + 1],
}

impl<V: Copy> AnyRule<V> {
    #[inline(always)]
    pub(super) fn new<S: Simd<u64s = V>>(simd: S, rule: Rule) -> Self {
        let splat =
            |mask: u16| std::array::from_fn(|count| simd.splat_u64s(if mask >> count & 1 == 1 { u64::MAX } else { 0 }));
        Self { birth: splat(rule.birth_mask()), change: splat(rule.birth_mask() ^ rule.survival_mask()) }
    }
}

impl<S: Simd> NextRow<S> for AnyRule<S::u64s> {
    #[inline(always)]
    fn next(self, simd: S, above: &Row<S::u64s>, row: &Row<S::u64s>, below: &Row<S::u64s>) -> S::u64s {
        let (ones, carry) = add_ones(simd, above, row, below);
        let outer = simd.xor_u64s(above.all.twos, below.all.twos);
        let inner = simd.xor_u64s(row.beside.twos, carry);
        let twos = simd.xor_u64s(outer, inner);
        let outer_pair = simd.and_u64s(above.all.twos, below.all.twos);
        let inner_pair = simd.and_u64s(row.beside.twos, carry);
        // Two twos are a pair in one of three ways; two pairs are there only if all four twos are set.
        let is_eight = simd.and_u64s(outer_pair, inner_pair);
        let fours = simd.or_u64s(simd.or_u64s(outer_pair, inner_pair), simd.and_u64s(outer, inner));

        let below_four = choose(simd, twos, self.pair(simd, 0, ones, row), self.pair(simd, 2, ones, row));
        let from_four = choose(simd, twos, self.pair(simd, 4, ones, row), self.pair(simd, 6, ones, row));
        choose(simd, is_eight, choose(simd, fours, below_four, from_four), self.result(simd, 8, row))
    }
}

impl<V: Copy> AnyRule<V> {
    /// The result for one count.
    #[inline(always)]
    fn result<S: Simd<u64s = V>>(&self, simd: S, count: usize, row: &Row<V>) -> V {
        simd.xor_u64s(self.birth[count], simd.and_u64s(self.change[count], row.cells))
    }

    /// The result for an even count or the odd one after it.
    #[inline(always)]
    fn pair<S: Simd<u64s = V>>(&self, simd: S, even: usize, ones: V, row: &Row<V>) -> V {
        choose(simd, ones, self.result(simd, even, row), self.result(simd, even + 1, row))
    }
}

#[inline(always)]
fn choose<S: Simd>(simd: S, digit: S::u64s, if_0: S::u64s, if_1: S::u64s) -> S::u64s {
    simd.xor_u64s(if_0, simd.and_u64s(digit, simd.xor_u64s(if_0, if_1)))
}

/// The lowest digit of the count of neighbours, and what it carries to the twos.
#[inline(always)]
fn add_ones<S: Simd>(simd: S, above: &Row<S::u64s>, row: &Row<S::u64s>, below: &Row<S::u64s>) -> (S::u64s, S::u64s) {
    let outer = simd.xor_u64s(above.all.ones, below.all.ones);
    let ones = simd.xor_u64s(outer, row.beside.ones);
    let carry = simd.or_u64s(simd.and_u64s(above.all.ones, below.all.ones), simd.and_u64s(outer, row.beside.ones));
    (ones, carry)
}

/// Three columns, beside each other: that of the cells, and those of their neighbours. All have the same length.
#[derive(Clone, Copy)]
pub(super) struct Neighbourhood<'a> {
    pub(super) left: &'a [u64],
    pub(super) cells: &'a [u64],
    pub(super) right: &'a [u64],
}

impl Neighbourhood<'_> {
    /// Writes the next generation of all rows but the first and the last to `next`.
    #[inline(always)]
    pub(super) fn walk<S: Simd>(self, simd: S, rule: impl NextRow<S>, next: &mut [u64]) {
        let next = S::as_mut_simd_u64s(next).0;
        let rows = next.len() + 2;
        // Cut to one length that is known here, so that no access below has to be checked.
        let rows = Rows {
            left: &S::as_simd_u64s(self.left).0[..rows],
            cells: &S::as_simd_u64s(self.cells).0[..rows],
            right: &S::as_simd_u64s(self.right).0[..rows],
        };
        // Three rows at a time, so that each keeps its registers until it is the row above.
        let (triples, rest) = next.as_chunks_mut::<3>();
        let (mut above, mut middle) = (rows.get(simd, 0), rows.get(simd, 1));
        let mut y = 0;
        for triple in triples {
            let below = rows.get(simd, y + 2);
            triple[0] = rule.next(simd, &above, &middle, &below);
            above = rows.get(simd, y + 3);
            triple[1] = rule.next(simd, &middle, &below, &above);
            middle = rows.get(simd, y + 4);
            triple[2] = rule.next(simd, &below, &above, &middle);
            y += 3;
        }
        // Here `above` is row y and `middle` row y + 1 again.
        for next in rest {
            let below = rows.get(simd, y + 2);
            *next = rule.next(simd, &above, &middle, &below);
            (above, middle) = (middle, below);
            y += 1;
        }
    }
}

/// A neighbourhood as vectors.
struct Rows<'a, V> {
    left: &'a [V],
    cells: &'a [V],
    right: &'a [V],
}

impl<V: Copy> Rows<'_, V> {
    #[inline(always)]
    fn get<S: Simd<u64s = V>>(&self, simd: S, y: usize) -> Row<V> {
        Row::new(simd, self.left[y], self.cells[y], self.right[y])
    }
}
