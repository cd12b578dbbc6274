//! Tables that fit the terminal. Numbers stand at the right, paths are shortened from their beginning (the file's
//! name says most) and texts from their end, and only as far as the terminal is too narrow. Where the output is not
//! a terminal nothing is shortened, so that a script or a file gets everything.

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, presets};
use serde_json::Value as Json;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use crate::human;

/// A column is not shortened below this many places.
const COLUMN_WIDTH_MIN: usize = 12;
/// What a column takes beside its content: a space on either side and a line.
const COLUMN_MARGIN: usize = 3;

/// A table that is being put together.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// What stands in one place of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Path,
    Number,
    Good,
    Bad,
}

impl Cell {
    /// A text, on one line.
    pub fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        let text = if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text };
        Cell { text, kind: Kind::Text }
    }

    /// A quantity, to be aligned at the right.
    pub fn number(text: impl Into<String>) -> Cell {
        Cell { kind: Kind::Number, ..Cell::text(text) }
    }

    /// A status, in the colour of its meaning.
    pub fn status(text: impl Into<String>, meaning: Option<bool>) -> Cell {
        let kind = match meaning {
            Some(true) => Kind::Good,
            Some(false) => Kind::Bad,
            None => Kind::Text,
        };
        Cell { kind, ..Cell::text(text) }
    }

    /// A value of JSON, as it reads best in a table.
    pub fn json(value: &Json) -> Cell {
        match value {
            Json::Null => Cell::text(""),
            Json::Number(number) => Cell::number(human::number(number)),
            Json::String(text) => match human::decimal(text) {
                Some(number) => Cell::number(number),
                None if text.contains('/') && !text.contains(' ') => Cell { kind: Kind::Path, ..Cell::text(text) },
                None => Cell::text(text),
            },
            other => Cell::text(other.to_string()),
        }
    }

    fn width(&self) -> usize {
        self.text.width()
    }

    fn shortened(&self, width_max: usize) -> String {
        match self.kind {
            _ if self.width() <= width_max => self.text.clone(),
            Kind::Path => {
                let kept = tail(&self.text, width_max.saturating_sub(1));
                // Half a folder's name says nothing: start at a separator where there is one.
                let start = kept[1.min(kept.len())..].find('/').map_or(0, |at| at + 1);
                format!("…{}", &kept[start..])
            }
            _ => format!("{}…", head(&self.text, width_max.saturating_sub(1))),
        }
    }
}

impl Table {
    /// A table with these columns.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Table {
        Table { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row, with one cell for each column.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as text, no wider than the terminal if the output is one. `colours` says whether it may have any.
    pub fn render(&self, terminal_width: Option<usize>, colours: bool) -> String {
        let widths = self.widths(terminal_width);
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
        if colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(self.header.iter().map(|name| comfy_table::Cell::new(name).add_attribute(Attribute::Bold)));
        for row in &self.rows {
            table.add_row(row.iter().zip(&widths).map(|(cell, width)| {
                let shown = comfy_table::Cell::new(cell.shortened(*width));
                match cell.kind {
                    Kind::Number => shown.set_alignment(CellAlignment::Right),
                    Kind::Good => shown.fg(Color::Green),
                    Kind::Bad => shown.fg(Color::Red),
                    Kind::Text | Kind::Path => shown,
                }
            }));
        }
        table.to_string()
    }

    /// The width of each column: what its content wants, less what the terminal does not have. The widest columns
    /// give first; numbers and headers are never cut.
    fn widths(&self, terminal_width: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|name| name.width()).collect();
        let mut floors: Vec<usize> = widths.iter().map(|width| (*width).max(COLUMN_WIDTH_MIN)).collect();
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate().take(widths.len()) {
                widths[at] = widths[at].max(cell.width());
                if cell.kind == Kind::Number {
                    floors[at] = floors[at].max(cell.width());
                }
            }
        }
        let Some(terminal_width) = terminal_width else { return widths };
        let available = terminal_width.saturating_sub(widths.len() * COLUMN_MARGIN + 1);
        let mut excess = widths.iter().sum::<usize>().saturating_sub(available);
        while excess > 0 {
            let shortable = (0..widths.len()).filter(|at| widths[*at] > floors[*at]);
            let Some(widest) = shortable.max_by_key(|at| widths[*at]) else { break };
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }
}

/// The beginning of a text, at most this wide.
fn head(text: &str, width_max: usize) -> &str {
    let mut width = 0;
    let end = text.char_indices().find(|(_, c)| {
        width += c.width().unwrap_or(0);
        width > width_max
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// The end of a text, at most this wide.
fn tail(text: &str, width_max: usize) -> &str {
    let mut width = 0;
    let before = text.char_indices().rev().find(|(_, c)| {
        width += c.width().unwrap_or(0);
        width > width_max
    });
    &text[before.map_or(0, |(at, c)| at + c.len_utf8())..]
}

/// A text of several lines, each moved in by two places.
pub fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["item", "facts", "file"]);
        let path = "/home/somebody/projects/filings/out/AAPL.parquet";
        table.row(vec![Cell::text("AAPL"), Cell::json(&json!(1234)), Cell::json(&json!(path))]);
        table.row(vec![Cell::text("ÄÖ"), Cell::json(&json!(7)), Cell::json(&Json::Null)]);
        table
    }

    #[test]
    fn without_a_terminal_everything_is_there() {
        let text = sample().render(None, false);
        assert!(text.contains("/home/somebody/projects/filings/out/AAPL.parquet"), "{text}");
        assert!(text.contains("│ 1,234 │"), "{text}");
        assert!(text.contains("│     7 │"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_narrow_terminal_shortens_paths_from_their_beginning() {
        let text = sample().render(Some(50), false);
        assert!(text.contains("…/filings/out/AAPL.parquet"), "{text}");
        assert!(text.contains("1,234"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 50), "{text}");
    }

    #[test]
    fn every_width_gives_a_table_of_even_lines() {
        for width in 0..80 {
            let text = sample().render(Some(width), false);
            let widths: Vec<usize> = text.lines().map(UnicodeWidthStr::width).collect();
            assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{width}: {text}");
        }
    }

    #[test]
    fn colours_are_there_when_they_may_be() {
        let mut table = Table::new(["status"]);
        table.row(vec![Cell::status("failed", Some(false))]);
        assert!(table.render(None, true).contains('\u{1b}'));
    }

    #[test]
    fn a_text_with_line_breaks_stays_on_one_line() {
        assert_eq!(Cell::text("a\nb"), Cell::text("a b"));
        assert_eq!(Cell::text("a long text").shortened(6), "a lon…");
    }

    #[test]
    fn shortening_never_splits_a_character() {
        for width in 0..12 {
            assert!(Cell::json(&json!("日本語/ファイル/名")).shortened(width).width() <= width.max(1));
        }
    }
}
