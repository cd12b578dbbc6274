//! Pictures as characters: two cells to a character where they fit, else eight, else as many as it takes.
//!
//! This knows nothing of terminals, only of how much room there is.

use crate::picture::{DEAD, PALETTE, Picture};

/// The first of the 256 braille patterns; the others follow by the bits of [`BRAILLE_DOTS`].
const BRAILLE: u32 = 0x2800;
/// The bit of each dot of a braille pattern, by row and column.
const BRAILLE_DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// One character, with its colours as numbers into [`PALETTE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyph {
    /// The character.
    pub character: char,
    /// The colour of its ink.
    pub ink: u8,
    /// The colour behind it.
    pub paper: u8,
}

impl Glyph {
    fn new(character: char, ink: u8, paper: u8) -> Glyph {
        debug_assert!(usize::from(ink.max(paper)) < PALETTE.len());
        Glyph { character, ink, paper }
    }
}

/// A picture in at most `columns` by `rows` characters.
///
/// Where there is room, every character is two cells, one above the other. Where there is not, it is eight dots in
/// braille, and a dot stands for as many cells as it has to: it is there if any of them lives. Its colour is that of
/// the oldest.
pub fn render(picture: &Picture, columns: usize, rows: usize) -> Vec<Vec<Glyph>> {
    let (columns, rows) = (columns.max(1), rows.max(1));
    if picture.width <= columns && picture.height <= 2 * rows {
        return lines(picture, 1, 2, half_block);
    }
    let cells_per_dot = picture.width.div_ceil(2 * columns).max(picture.height.div_ceil(4 * rows)).max(1);
    lines(&shrunk(picture, cells_per_dot), 2, 4, braille)
}

/// The same as text that needs no colours.
pub fn plain(picture: &Picture, columns: usize, rows: usize) -> String {
    let colours = picture.colours.iter().map(|&colour| colour.min(1)).collect();
    let glyphs = render(&Picture { colours, ..*picture }, columns, rows);
    let line = |glyphs: &Vec<Glyph>| -> String { glyphs.iter().map(|glyph| glyph.character).collect() };
    glyphs.iter().map(|glyphs| line(glyphs).trim_end().to_owned() + "\n").collect()
}

fn lines(
    picture: &Picture,
    cells_across: usize,
    cells_down: usize,
    glyph: fn(&Picture, usize, usize) -> Glyph,
) -> Vec<Vec<Glyph>> {
    let line = |y| (0..picture.width).step_by(cells_across).map(|x| glyph(picture, x, y)).collect();
    (0..picture.height).step_by(cells_down).map(line).collect()
}

fn half_block(picture: &Picture, x: usize, y: usize) -> Glyph {
    match (picture.colour(x, y), picture.colour(x, y + 1)) {
        (DEAD, DEAD) => Glyph::new(' ', DEAD, DEAD),
        (DEAD, lower) => Glyph::new('▄', lower, DEAD),
        (upper, lower) if upper == lower => Glyph::new('█', upper, DEAD),
        (upper, lower) => Glyph::new('▀', upper, lower),
    }
}

fn braille(picture: &Picture, x: usize, y: usize) -> Glyph {
    let (mut dots, mut oldest) = (0, DEAD);
    for (down, row) in BRAILLE_DOTS.iter().enumerate() {
        for (across, dot) in row.iter().enumerate() {
            let colour = picture.colour(x + across, y + down);
            dots |= if colour == DEAD { 0 } else { *dot };
            oldest = oldest.max(colour);
        }
    }
    Glyph::new(char::from_u32(BRAILLE + dots).unwrap_or(' '), oldest, DEAD)
}

/// The picture with squares of cells as one cell, of the oldest one's colour.
fn shrunk(picture: &Picture, cells: usize) -> Picture {
    let (width, height) = (picture.width.div_ceil(cells), picture.height.div_ceil(cells));
    let mut colours = vec![DEAD; width * height];
    for y in 0..picture.height {
        for x in 0..picture.width {
            let square = &mut colours[y / cells * width + x / cells];
            *square = picture.colour(x, y).max(*square);
        }
    }
    Picture { width, height, colours }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture from rows of `.` and of digits, which are colours.
    fn picture(text: &str) -> Picture {
        let rows: Vec<&str> = text.split_whitespace().collect();
        let colour = |cell: u8| if cell == b'.' { DEAD } else { cell - b'0' };
        let colours = rows.iter().flat_map(|row| row.bytes()).map(colour).collect();
        Picture { width: rows[0].len(), height: rows.len(), colours }
    }

    #[test]
    fn two_cells_make_a_character_where_there_is_room() {
        let glider = picture(".1. ..1 111");

        assert_eq!(plain(&glider, 3, 2), " ▀▄\n▀▀▀\n");
    }

    #[test]
    fn eight_cells_make_a_character_where_there_is_less() {
        let glider = picture(".1. ..1 111");

        assert_eq!(plain(&glider, 2, 1), "⠬⠆\n");
        assert_eq!(plain(&picture("11 11 11 11"), 1, 1), "⣿\n");
    }

    #[test]
    fn a_picture_never_takes_more_than_there_is() {
        let large = Picture { width: 1000, height: 700, colours: vec![1; 700_000] };

        for (columns, rows) in [(80, 24), (200, 10), (1, 1), (0, 0), (1000, 350)] {
            let lines = render(&large, columns, rows);
            assert!(lines.len() <= rows.max(1), "{columns} by {rows}: {} lines", lines.len());
            assert!(lines.iter().all(|line| line.len() <= columns.max(1)), "{columns} by {rows}");
        }
    }

    #[test]
    fn a_dot_for_many_cells_is_there_if_any_of_them_lives() {
        let one = picture(
            "........
             ........
             ........
             .......1",
        );

        assert_eq!(plain(&one, 2, 1), "⠀⠐\n");
    }

    #[test]
    fn a_character_has_the_colours_of_its_two_cells() {
        let lines = render(&picture("12.3 1.45"), 4, 1);

        assert_eq!(
            lines,
            [[Glyph::new('█', 1, 0), Glyph::new('▀', 2, 0), Glyph::new('▄', 4, 0), Glyph::new('▀', 3, 5)]]
        );
    }

    #[test]
    fn a_character_of_dots_has_the_colour_of_the_oldest() {
        let lines = render(&picture("1.. .7. ..2"), 2, 1);

        assert_eq!(lines, [[Glyph::new('⠑', 7, 0), Glyph::new('⠄', 2, 0)]]);
    }

    #[test]
    fn text_without_colours_shows_every_cell_whatever_its_age() {
        assert_eq!(plain(&picture("12.9 1345"), 4, 1), "██▄█\n");
    }
}
