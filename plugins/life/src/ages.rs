//! For how many generations each cell has lived, one byte a cell, row by row: 0 for a dead cell, 1 for one that was
//! born or set just now, 255 for that many generations and more. The host's boards count in the same way.

use crate::bits::Bits;

/// Takes the ages of one generation to the next, whose live cells are given.
pub fn grow(ages: &mut [u8], cells: &Bits) {
    each(ages, cells, |age| age.saturating_add(1));
}

/// Gives the first age to live cells that had none.
pub fn add_newborn(ages: &mut [u8], cells: &Bits) {
    each(ages, cells, |age| age.max(1));
}

/// Gives each live cell the age that `of_living` makes of the one it had, and each dead one none.
fn each(ages: &mut [u8], cells: &Bits, of_living: impl Fn(u8) -> u8) {
    for (y, row) in (0..cells.height()).zip(ages.chunks_exact_mut(cells.width() as usize)) {
        for (x, age) in (0..cells.width()).zip(row) {
            *age = if cells.is_alive(x, y) { of_living(*age) } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::Size;

    #[test]
    fn an_age_counts_from_one_to_its_largest_and_ends_with_the_cell() {
        let mut cells = Bits::dead(Size::new(3, 1).unwrap());
        cells.give_life(0, 0);
        cells.give_life(1, 0);
        let mut ages = [0, 255, 7];

        grow(&mut ages, &cells);

        assert_eq!(ages, [1, 255, 0]);
    }

    #[test]
    fn a_cell_that_lives_already_keeps_its_age() {
        let mut cells = Bits::dead(Size::new(2, 1).unwrap());
        cells.give_life(0, 0);
        cells.give_life(1, 0);
        let mut ages = [9, 0];

        add_newborn(&mut ages, &cells);

        assert_eq!(ages, [9, 1]);
    }
}
