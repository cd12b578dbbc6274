//! Patterns as plain text: a line for each row, `.` for a dead cell and `O` for a live one, which `*` is read as, too.
//! What is dead at the end of a row may be left out. Lines that begin with `!` are comments, and `!Name:` names the
//! pattern.

use super::{Error, Pattern, Problem, lines};
use crate::bits::Bits;

/// The comment that names the pattern.
const NAME: &str = "!Name:";

pub fn parse(text: &str) -> Result<Pattern, Error> {
    let mut pattern = Pattern::default();
    let mut y = 0;
    for (line, row) in lines(text) {
        if let Some(name) = row.strip_prefix(NAME) {
            pattern.name = Some(name.trim().to_owned());
        }
        if row.starts_with('!') {
            continue;
        }
        let mut end = 0;
        for (column, (x, character)) in (1..).zip((0..).zip(row.trim_end().chars())) {
            let error = |problem| Error { line, column, problem };
            match character {
                '.' => pattern.reach(x + 1, y + 1),
                'O' | 'o' | '*' => pattern.add_run(x, y, 1),
                other => Err(Problem::UnknownCharacter(other)),
            }
            .map_err(error)?;
            end = column;
        }
        pattern.reach(0, y + 1).map_err(|problem| Error { line, column: end + 1, problem })?;
        y += 1;
    }
    if y == 0 {
        return Err(Error { line: 1, column: 1, problem: Problem::Nothing });
    }
    Ok(pattern)
}

/// Writes cells with a comment of one line above them. Rows are complete, so that the size can be read again.
pub fn write(cells: &Bits, name: Option<&str>, comment: &str) -> String {
    let rows = cells.height() as usize * (cells.width() as usize + 1);
    let mut text = String::with_capacity(rows + comment.len() + 2);
    if let Some(name) = name {
        text += &format!("{NAME} {name}\n");
    }
    text += &format!("!{comment}\n");
    for y in 0..cells.height() {
        text.extend((0..cells.width()).map(|x| if cells.is_alive(x, y) { 'O' } else { '.' }));
        text.push('\n');
    }
    text
}
