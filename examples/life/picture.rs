//! Boards as pictures: a colour for every cell, and many boards side by side in one picture.
//!
//! A picture is what the terminal and the image files have in common. Its colours are numbers into [`PALETTE`].

use anyhow::ensure;

use crate::life::Grid;

/// The colour of a cell that does not live.
pub const DEAD: u8 = 0;
/// The colour of the oldest cells; a cell that was just born has colour 1.
pub const OLDEST: u8 = 8;
/// The colour between boards.
pub const GUTTER: u8 = 9;

/// Red, green and blue of every colour: dark for the dead, from bright for the young to deep for the old, and grey
/// for what is between boards.
pub const PALETTE: [[u8; 3]; 10] = [
    [12, 14, 22],
    [255, 250, 210],
    [255, 224, 130],
    [255, 183, 77],
    [250, 133, 76],
    [232, 88, 98],
    [190, 66, 134],
    [136, 64, 158],
    [84, 72, 170],
    [70, 74, 88],
];

/// Colours in rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Cells of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The colours, row by row.
    pub colours: Vec<u8>,
}

impl Picture {
    /// A board, a colour for every cell. `ages` are the generations that each cell has lived, row by row; without
    /// them every cell looks young.
    ///
    /// # Errors
    ///
    /// There are not as many cells or ages as the size says.
    pub fn of_board(grid: &Grid, ages: Option<&[u8]>) -> anyhow::Result<Picture> {
        let (width, height) = (grid.width as usize, grid.height as usize);
        let row_bytes = width.div_ceil(8);
        ensure!(
            Some(grid.bits.len()) == row_bytes.checked_mul(height) && width > 0,
            "a board of {width} by {height} cells came in {} bytes",
            grid.bits.len()
        );
        if let Some(ages) = ages {
            ensure!(ages.len() == width * height, "a board of {width} by {height} cells has {} ages", ages.len());
        }
        let mut colours = Vec::with_capacity(width * height);
        for row in grid.bits.chunks_exact(row_bytes) {
            for x in 0..width {
                let lives = row[x / 8] >> (x % 8) & 1 == 1;
                let age = ages.map_or(1, |ages| ages[colours.len()]);
                colours.push(if lives { age.clamp(1, OLDEST) } else { DEAD });
            }
        }
        Ok(Picture { width, height, colours })
    }

    /// Boards of one size side by side, about as many in a row as there are rows, with a line around each. One board
    /// alone has none.
    pub fn mosaic(boards: &[Picture]) -> Picture {
        let [first, _, ..] = boards else { return boards.first().cloned().unwrap_or(Picture::blank(0, 0)) };
        let (columns, rows) = layout(boards.len());
        let (pitch_x, pitch_y) = (first.width + 1, first.height + 1);
        let mut mosaic = Picture::blank(columns * pitch_x + 1, rows * pitch_y + 1);
        for (at, board) in boards.iter().enumerate() {
            let (left, top) = (at % columns * pitch_x + 1, at / columns * pitch_y + 1);
            for (y, row) in board.rows().enumerate() {
                let start = (top + y) * mosaic.width + left;
                mosaic.colours[start..start + board.width].copy_from_slice(row);
            }
        }
        mosaic
    }

    /// How large the mosaic of so many boards is.
    pub fn mosaic_size(boards: usize, width: usize, height: usize) -> (usize, usize) {
        let (columns, rows) = layout(boards);
        if boards == 1 { (width, height) } else { (columns * (width + 1) + 1, rows * (height + 1) + 1) }
    }

    /// Every cell `scale` wide and high.
    pub fn scaled(&self, scale: usize) -> Picture {
        let mut colours = Vec::with_capacity(self.colours.len() * scale * scale);
        for row in self.rows() {
            let start = colours.len();
            colours.extend(row.iter().flat_map(|&colour| std::iter::repeat_n(colour, scale)));
            let end = colours.len();
            (1..scale).for_each(|_| colours.extend_from_within(start..end));
        }
        Picture { width: self.width * scale, height: self.height * scale, colours }
    }

    /// The colour of a cell; beyond the picture nothing lives.
    pub fn colour(&self, x: usize, y: usize) -> u8 {
        if x < self.width && y < self.height { self.colours[y * self.width + x] } else { DEAD }
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.colours.chunks_exact(self.width.max(1))
    }

    fn blank(width: usize, height: usize) -> Picture {
        Picture { width, height, colours: vec![GUTTER; width * height] }
    }
}

/// How many boards are beside and below each other.
fn layout(boards: usize) -> (usize, usize) {
    let rows = boards.isqrt().max(1);
    (boards.div_ceil(rows), rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(text: &str) -> Picture {
        let rows: Vec<&str> = text.split_whitespace().collect();
        let colours = rows.iter().flat_map(|row| row.bytes()).map(|cell| cell - b'0').collect();
        Picture { width: rows[0].len(), height: rows.len(), colours }
    }

    fn grid(width: u32, height: u32, bits: &[u8]) -> Grid {
        Grid { generation: 0, width, height, bits: bits.to_vec() }
    }

    #[test]
    fn the_first_cell_is_the_lowest_bit_and_every_row_begins_a_byte() {
        let grid = grid(10, 2, &[0b1000_0011, 0b10, 0b0000_0100, 0b01]);

        assert_eq!(Picture::of_board(&grid, None).unwrap(), board("1100000101 0010000010"));
    }

    #[test]
    fn cells_are_coloured_by_their_age_up_to_the_oldest() {
        let grid = grid(5, 1, &[0b11101]);

        assert_eq!(Picture::of_board(&grid, Some(&[1, 7, 8, 255, 0])).unwrap(), board("10881"));
    }

    #[test]
    fn a_board_that_is_not_as_large_as_it_says_is_refused() {
        for (grid, ages) in [
            (grid(10, 2, &[0; 3]), None),
            (grid(0, 2, &[]), None),
            (grid(u32::MAX, u32::MAX, &[0; 8]), None),
            (grid(8, 1, &[0]), Some(&[0; 7][..])),
        ] {
            let error = Picture::of_board(&grid, ages).unwrap_err().to_string();
            assert!(error.starts_with("a board of"), "{error}");
        }
    }

    #[test]
    fn one_board_is_a_picture_as_it_is() {
        assert_eq!(Picture::mosaic(&[board("12 34")]), board("12 34"));
        assert_eq!(Picture::mosaic_size(1, 2, 2), (2, 2));
    }

    #[test]
    fn boards_are_set_into_a_grid_of_lines() {
        let mosaic = Picture::mosaic(&[board("12 34"), board("56 78"), board("11 11"), board("22 22"), board("33 33")]);

        assert_eq!(
            mosaic,
            board(
                "9999999999
                 9129569119
                 9349789119
                 9999999999
                 9229339999
                 9229339999
                 9999999999"
            )
        );
        assert_eq!((mosaic.width, mosaic.height), Picture::mosaic_size(5, 2, 2));
    }

    #[test]
    fn a_mosaic_is_about_as_wide_as_high() {
        assert_eq!([1, 2, 3, 8, 15, 16, 1024].map(layout), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (4, 4), (32, 32)]);
    }

    #[test]
    fn scaling_repeats_cells_in_both_directions() {
        assert_eq!(board("12 30").scaled(2), board("1122 1122 3300 3300"));
        assert_eq!(board("12 30").scaled(1), board("12 30"));
    }

    #[test]
    fn every_colour_can_be_told_from_the_others() {
        for (at, colour) in PALETTE.iter().enumerate() {
            assert!(!PALETTE[..at].contains(colour), "{colour:?}");
        }
        assert_eq!(PALETTE.len(), usize::from(GUTTER) + 1);
    }
}
