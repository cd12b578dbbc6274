//! The live picture: a page of the terminal that is drawn over and over, and given back when it is dropped.

use std::io::{self, BufWriter, Stdout, Write};

use crossterm::cursor::{Hide, MoveTo, MoveToNextLine, Show};
use crossterm::style::{Color, Colors, Print, ResetColor, SetColors};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use crate::picture::{PALETTE, Picture};
use crate::text;

/// The terminal while boards are shown in it.
pub struct Screen {
    out: BufWriter<Stdout>,
}

impl Screen {
    /// Takes the terminal over.
    pub fn open() -> io::Result<Screen> {
        let mut out = BufWriter::new(io::stdout());
        execute!(out, EnterAlternateScreen, Hide)?;
        Ok(Screen { out })
    }

    /// Draws a picture, and a line of text below it. Asks each time how large the terminal is, so it may be resized.
    pub fn draw(&mut self, picture: &Picture, caption: &str) -> io::Result<()> {
        let (columns, rows) = terminal::size()?;
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        queue!(self.out, BeginSynchronizedUpdate, MoveTo(0, 0))?;
        draw_glyphs(&mut self.out, &text::render(picture, columns, rows.saturating_sub(1)))?;
        let caption: String = caption.chars().take(columns).collect();
        queue!(self.out, Print(caption), Clear(ClearType::UntilNewLine), Clear(ClearType::FromCursorDown))?;
        queue!(self.out, EndSynchronizedUpdate)?;
        self.out.flush()
    }
}

impl Drop for Screen {
    /// Also when something panics. A terminal that is gone cannot be told, and need not be.
    fn drop(&mut self) {
        execute!(self.out, ResetColor, Show, LeaveAlternateScreen).ok();
    }
}

/// Draws lines of characters. Colours are told only where they change.
fn draw_glyphs(out: &mut impl Write, lines: &[Vec<text::Glyph>]) -> io::Result<()> {
    for line in lines {
        let mut colours = None;
        for glyph in line {
            if colours.replace((glyph.ink, glyph.paper)) != Some((glyph.ink, glyph.paper)) {
                queue!(out, SetColors(Colors::new(colour(glyph.ink), colour(glyph.paper))))?;
            }
            queue!(out, Print(glyph.character))?;
        }
        queue!(out, ResetColor, Clear(ClearType::UntilNewLine), MoveToNextLine(1))?;
    }
    Ok(())
}

fn colour(colour: u8) -> Color {
    let [r, g, b] = PALETTE[usize::from(colour)];
    Color::Rgb { r, g, b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_told_where_they_change() {
        // Whoever runs the tests may have said that there is to be no colour.
        crossterm::style::force_color_output(true);
        let picture = Picture { width: 3, height: 2, colours: vec![1, 1, 0, 1, 1, 8] };
        let mut out = Vec::new();

        draw_glyphs(&mut out, &text::render(&picture, 3, 1)).unwrap();

        let (young, old, dead) = ("38;2;255;250;210", "38;2;84;72;170", "48;2;12;14;22");
        let expected = format!("\x1b[{young};{dead}m██\x1b[{old};{dead}m▄\x1b[0m\x1b[K\x1b[1E");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
