//! Run-length encoded patterns, as Golly reads and writes them:
//!
//! ```text
//! #N Glider
//! x = 3, y = 3, rule = B3/S23
//! bo$2bo$3o!
//! ```
//!
//! `b` is a dead cell, `o` a live one, `$` ends a row, and a number before one of them repeats it; what is dead at the
//! end of a row is left out, and `!` ends the pattern. Lines that begin with `#` are comments, of which `#N` names the
//! pattern. A rule may go on with `:` and the grid that it is meant for; the game's own configuration decides that.
//! The header's size holds unless cells go beyond it.

use super::{Error, Pattern, Problem, lines};
use crate::bits::Bits;
use crate::engine::Edges;
use crate::rule::Rule;
use std::fmt::Write;

/// No line of cells is longer, as the format asks for.
const LINE_LENGTH_MAX: usize = 70;

/// What Golly puts before the generation.
const GENERATION: &str = "#CXRLE Gen=";

pub fn parse(text: &str) -> Result<Pattern, Error> {
    let mut pattern = Pattern::default();
    let mut has_header = false;
    let mut body = Body::default();
    let mut last = 1;
    for (line, content) in lines(text) {
        last = line;
        if let Some(comment) = content.strip_prefix('#') {
            if let Some(name) = comment.strip_prefix('N') {
                pattern.name = Some(name.trim().to_owned());
            }
        } else if !has_header && !content.trim().is_empty() {
            header(content, &mut pattern).map_err(|problem| Error { line, column: 1, problem })?;
            has_header = true;
        } else {
            for (column, character) in (1..).zip(content.chars()) {
                let is_over = body.take(character, &mut pattern);
                if is_over.map_err(|problem| Error { line, column, problem })? {
                    return Ok(pattern);
                }
            }
        }
    }
    let problem = if has_header { Problem::NoEnd } else { Problem::Nothing };
    Err(Error { line: last, column: 1, problem })
}

/// Reads `x = 3, y = 3, rule = B3/S23`, of which the rule may be missing.
fn header(line: &str, pattern: &mut Pattern) -> Result<(), Problem> {
    let mut sides = [None; 2];
    // The rule comes last, and its grid has a comma of its own.
    for part in line.splitn(3, ',') {
        let (name, value) = part.split_once('=').ok_or(Problem::BadHeader)?;
        let value = value.trim();
        let side = || value.parse::<u32>().map_err(|_| Problem::BadHeader);
        match name.trim() {
            "x" | "X" => sides[0] = Some(side()?),
            "y" | "Y" => sides[1] = Some(side()?),
            "rule" | "Rule" => {
                let rule = value.split_once(':').map_or(value, |(rule, _)| rule);
                pattern.rule = Some(rule.parse()?);
            }
            _ => return Err(Problem::BadHeader),
        }
    }
    match sides {
        [Some(width), Some(height)] => pattern.reach(width, height),
        _ => Err(Problem::BadHeader),
    }
}

/// How far the cells have been read.
#[derive(Default)]
struct Body {
    x: u32,
    y: u32,
    /// The number that stands before what comes next, if one does.
    count: Option<u32>,
}

impl Body {
    /// Reads one character more; true at the end of the pattern.
    fn take(&mut self, character: char, pattern: &mut Pattern) -> Result<bool, Problem> {
        if let Some(digit) = character.to_digit(10) {
            // A number that is too large for 32 bits is too large for every limit, too.
            self.count = Some(self.count.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            return Ok(false);
        }
        if character.is_whitespace() {
            return Ok(false);
        }
        let count = self.count.take().unwrap_or(1);
        match character {
            'b' | '.' => self.x = self.x.saturating_add(count),
            'o' => {
                pattern.add_run(self.x, self.y, count)?;
                self.x += count;
            }
            '$' => {
                self.y = self.y.saturating_add(count);
                self.x = 0;
            }
            '!' => return Ok(true),
            other => return Err(Problem::UnknownCharacter(other)),
        }
        Ok(false)
    }
}

/// Writes cells as Golly does, with the rule, the grid that the edges are in Golly, and the generation if it is not
/// the first.
pub fn write(cells: &Bits, name: Option<&str>, rule: Rule, edges: Edges, generation: u64) -> String {
    let (width, height) = (cells.width(), cells.height());
    let grid = match edges {
        Edges::Torus => format!(":T{width},{height}"),
        Edges::Dead => format!(":P{width},{height}"),
        Edges::Plane => String::new(),
    };
    let mut lines = Lines::default();
    if let Some(name) = name {
        lines.text += &format!("#N {name}\n");
    }
    if generation > 0 {
        lines.text += &format!("{GENERATION}{generation}\n");
    }
    lines.text += &format!("x = {width}, y = {height}, rule = {rule}{grid}\n");
    let (mut row, mut end) = (0, 0);
    for (x, y, length) in runs(cells) {
        if y > row {
            lines.run(y - row, '$');
            (row, end) = (y, 0);
        }
        lines.run(x - end, 'b');
        lines.run(length, 'o');
        end = x + length;
    }
    lines.run(1, '!');
    lines.text.push('\n');
    lines.text
}

/// The runs of live cells: the place of the first cell, and how many they are.
fn runs(cells: &Bits) -> impl Iterator<Item = (u32, u32, u32)> {
    let mut cells = cells.live_cells().peekable();
    std::iter::from_fn(move || {
        let (x, y) = cells.next()?;
        let mut length = 1;
        while cells.next_if_eq(&(x + length, y)).is_some() {
            length += 1;
        }
        Some((x, y, length))
    })
}

/// Runs, in lines that are not too long.
#[derive(Default)]
struct Lines {
    text: String,
    /// The length of the last line.
    length: usize,
}

impl Lines {
    fn run(&mut self, count: u32, kind: char) {
        let mut run = String::new();
        match count {
            0 => return,
            1 => run.push(kind),
            _ => write!(run, "{count}{kind}").expect("a string takes every text"),
        }
        if self.length + run.len() > LINE_LENGTH_MAX {
            self.text.push('\n');
            self.length = 0;
        }
        self.text += &run;
        self.length += run.len();
    }
}
