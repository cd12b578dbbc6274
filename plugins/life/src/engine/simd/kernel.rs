//! The inner loop: one generation of one column of words, from the top to the bottom.
//!
//! The sum of each row is worked out once and stays in a register for the three rows of squares that it belongs to,
//! and two neighbouring squares share the sum of the two rows that both contain. Eight rows are one turn of the loop,
//! as the sandbox looks at its deadline once a turn.

use super::lanes::Lanes;
use crate::engine::logic::{Decide, Life, Table, pair_sum, row_sum, total};

/// How many rows one turn of the loop decides. The number of rows of a column is a multiple of it.
pub const ROWS: usize = 8;

/// Three neighbouring columns of equal length. The first row and the last are read and not decided.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    pub west: &'a [Lanes],
    pub centre: &'a [Lanes],
    pub east: &'a [Lanes],
}

/// Decides the column in the middle by Conway's own rule.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub fn decide_by_life(columns: Columns<'_>, next: &mut [Lanes]) {
    decide(Life, columns, next);
}

/// Decides the column in the middle by any rule.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub fn decide_by_table(table: &Table<Lanes>, columns: Columns<'_>, next: &mut [Lanes]) {
    decide(table, columns, next);
}

/// Must become a part of a function that asks for `simd128`; see [`super::lanes`].
#[inline(always)]
fn decide<D: Decide<Lanes>>(decide: D, Columns { west, centre, east }: Columns<'_>, next: &mut [Lanes]) {
    let sum_of = |row: usize| row_sum(west[row], centre[row], east[row]);
    let mut above = sum_of(0);
    let mut here = sum_of(1);
    let sides = west[2..].as_chunks::<ROWS>().0.iter().zip(east[2..].as_chunks::<ROWS>().0);
    let centres = centre[1..].as_chunks::<ROWS>().0.iter().zip(centre[2..].as_chunks::<ROWS>().0);
    let rows = sides.zip(centres).zip(next[1..].as_chunks_mut::<ROWS>().0);
    for (((west, east), (centre, centre_below)), next) in rows {
        for pair in 0..ROWS / 2 {
            let (first, second) = (2 * pair, 2 * pair + 1);
            let below = row_sum(west[first], centre_below[first], east[first]);
            let further = row_sum(west[second], centre_below[second], east[second]);
            let middle = pair_sum(here, below);
            next[first] = decide.next(total(above, middle), centre[first]);
            next[second] = decide.next(total(further, middle), centre[second]);
            (above, here) = (below, further);
        }
    }
}
