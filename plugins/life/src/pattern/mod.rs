//! Patterns as people exchange them: in the run-length encoded form that Golly writes (`.rle`), and as plain text
//! (`.cells`). Both are texts of cells that live or not, and a pattern is its live cells.
//!
//! Whatever a text holds, reading it ends, in a pattern or in an error that names the place, and takes no more memory
//! than the limits below allow.

mod plaintext;
mod rle;

pub use plaintext::write as write_plaintext;
pub use rle::write as write_rle;

use crate::rule::{self, Rule};

/// The longest text that is read, in bytes.
pub const TEXT_BYTES_MAX: usize = 8 << 20;

/// The most live cells of a pattern. Runs make a short text of very many cells.
pub const CELLS_MAX: usize = 4 << 20;

/// The largest width or height of a pattern.
pub const SIDE_MAX: u32 = 1 << 24;

/// Why a text is no pattern. Trying again does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern cannot be read: line {line}, column {column}: {problem}")]
pub struct Error {
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is empty, or only of comments.
    #[error(
        "there is no pattern: it begins with `x = …, y = …` in run-length encoding, or with `.` or `O` as plain text"
    )]
    Nothing,
    /// The header of the run-length encoding is not as it should be.
    #[error("the header is not `x = <width>, y = <height>, rule = <rule>`")]
    BadHeader,
    /// The header names a rule that is none.
    #[error(transparent)]
    BadRule(#[from] rule::Error),
    /// A character that means nothing in a pattern with two states.
    #[error("{0:?} means nothing in a pattern of cells that live or not")]
    UnknownCharacter(char),
    /// The run-length encoding ends without its `!`, so a part of it may be missing.
    #[error("the pattern ends without `!`: a part of it may be missing")]
    NoEnd,
    /// The text is longer than [`TEXT_BYTES_MAX`].
    #[error("the text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// More live cells than [`CELLS_MAX`].
    #[error("there are more than {CELLS_MAX} live cells")]
    TooManyCells,
    /// Wider or higher than [`SIDE_MAX`].
    #[error("the pattern is wider or higher than {SIDE_MAX} cells")]
    TooLarge,
}

/// A pattern: its live cells within its own rectangle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    name: Option<String>,
    rule: Option<Rule>,
    width: u32,
    height: u32,
    cells: Vec<(u32, u32)>,
}

impl Pattern {
    /// Reads a pattern, in whichever of the two forms it is.
    ///
    /// # Errors
    ///
    /// The text is neither, or passes a limit; the error names the place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error { line: 1, column: 1, problem: Problem::TooLong });
        }
        let first = lines(text).find(|(_, line)| !line.trim().is_empty());
        let (line, first) = first.ok_or(Error { line: 1, column: 1, problem: Problem::Nothing })?;
        match first.trim_start().chars().next() {
            Some('#' | 'x' | 'X') => rle::parse(text),
            Some('!' | '.' | 'O' | 'o' | '*') => plaintext::parse(text),
            _ => Err(Error { line, column: 1, problem: Problem::Nothing }),
        }
    }

    /// Reads rows of plain text, each a row of cells.
    ///
    /// # Errors
    ///
    /// As for [`Pattern::parse`]; the line is the row.
    pub fn of_rows(rows: &[String]) -> Result<Self, Error> {
        plaintext::parse(&rows.join("\n"))
    }

    /// What the author calls it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The rule that the author names.
    pub fn rule(&self) -> Option<Rule> {
        self.rule
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// The live cells: column and row, from the upper left corner.
    pub fn cells(&self) -> &[(u32, u32)] {
        &self.cells
    }

    /// Adds a run of live cells, and makes room for it.
    fn add_run(&mut self, x: u32, y: u32, length: u32) -> Result<(), Problem> {
        let end = x.saturating_add(length);
        self.reach(end, y.saturating_add(1))?;
        if self.cells.len() + length as usize > CELLS_MAX {
            return Err(Problem::TooManyCells);
        }
        self.cells.extend((x..end).map(|x| (x, y)));
        Ok(())
    }

    /// Makes the rectangle at least so large.
    fn reach(&mut self, width: u32, height: u32) -> Result<(), Problem> {
        if width > SIDE_MAX || height > SIDE_MAX {
            return Err(Problem::TooLarge);
        }
        self.width = self.width.max(width);
        self.height = self.height.max(height);
        Ok(())
    }
}

/// The lines of a text with their numbers, from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

#[cfg(test)]
mod tests;
