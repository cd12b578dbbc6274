//! Tables that fit the terminal. Numbers stand at the right. Where the terminal is too narrow, paths are shortened
//! from their beginning (the file's name says most) and texts from their end; where that is not enough, the widest
//! columns are left out, and a line below the table says which. Where the output is not a terminal nothing is
//! shortened, so that a script or a file gets everything.

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, TableComponent, presets};
use serde_json::Value as Json;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use crate::human;

/// A column is not shortened below this many places.
const COLUMN_WIDTH_MIN: usize = 10;
/// What a column takes beside its content: a space on either side.
const COLUMN_MARGIN: usize = 2;

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
                let start = kept.find('/').unwrap_or(0);
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
        let (columns, left_out) = self.layout(terminal_width);
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.remove_style(TableComponent::VerticalLines).set_style(TableComponent::HeaderLines, '─');
        if colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(columns.iter().map(|column| {
            let name = Cell::text(&self.header[column.at]).shortened(column.width);
            comfy_table::Cell::new(name).add_attribute(Attribute::Bold)
        }));
        for row in &self.rows {
            table.add_row(columns.iter().filter_map(|column| {
                let cell = row.get(column.at)?;
                let shown = comfy_table::Cell::new(cell.shortened(column.width));
                Some(match cell.kind {
                    Kind::Number => shown.set_alignment(CellAlignment::Right),
                    Kind::Good => shown.fg(Color::Green),
                    Kind::Bad => shown.fg(Color::Red),
                    Kind::Text | Kind::Path => shown,
                })
            }));
        }
        let mut text = table.trim_fmt();
        if !left_out.is_empty() {
            text.push_str(&format!("\nleft out, for a wider terminal or --json: {}", left_out.join(", ")));
        }
        text
    }

    /// The columns that are shown with their widths, and the names of the others.
    fn layout(&self, terminal_width: Option<usize>) -> (Vec<Column>, Vec<&str>) {
        let mut columns: Vec<Column> = (0..self.header.len()).map(|at| self.column(at)).collect();
        let Some(available) = terminal_width else { return (columns, Vec::new()) };
        let total = |columns: &[Column], width: fn(&Column) -> usize| -> usize {
            columns.iter().map(|column| width(column) + COLUMN_MARGIN).sum()
        };
        let mut left_out = Vec::new();
        while total(&columns, |column| column.floor) > available {
            // The first column says what a row is about.
            let texts = (1..columns.len()).filter(|at| columns[*at].floor < columns[*at].width);
            let Some(widest) = texts.max_by_key(|at| columns[*at].width) else { break };
            left_out.push(self.header[columns.remove(widest).at].as_str());
        }
        while total(&columns, |column| column.width) > available {
            let shortable = columns.iter_mut().filter(|column| column.width > column.floor);
            let Some(widest) = shortable.max_by_key(|column| column.width) else { break };
            widest.width -= 1;
        }
        (columns, left_out)
    }

    /// A column as wide as its content wants it.
    fn column(&self, at: usize) -> Column {
        let cells = || self.rows.iter().filter_map(|row| row.get(at));
        let width = cells().map(Cell::width).chain([self.header[at].width()]).max().unwrap_or_default();
        let of_numbers = cells().filter(|cell| cell.kind == Kind::Number).map(Cell::width).max();
        Column { at, width, floor: of_numbers.unwrap_or_default().max(COLUMN_WIDTH_MIN.min(width)) }
    }
}

/// A column that is shown.
#[derive(Debug)]
struct Column {
    /// Its place among all columns.
    at: usize,
    width: usize,
    /// The width below which it would say too little. Numbers are never cut.
    floor: usize,
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
        let expected = "
 item  facts  file
───────────────────────────────────────────────────────────────
 AAPL  1,234  /home/somebody/projects/filings/out/AAPL.parquet
 ÄÖ        7";
        assert_eq!(sample().render(None, false), expected[1..]);
    }

    #[test]
    fn a_narrow_terminal_shortens_paths_from_their_beginning() {
        let expected = "
 item  facts  file
─────────────────────────────────────────
 AAPL  1,234  …/filings/out/AAPL.parquet
 ÄÖ        7";
        assert_eq!(sample().render(Some(44), false), expected[1..]);
    }

    #[test]
    fn what_a_very_narrow_terminal_has_no_room_for_is_named() {
        let text = sample().render(Some(20), false);
        assert!(text.ends_with("\nleft out, for a wider terminal or --json: file"), "{text}");
        assert!(text.contains(" AAPL  1,234\n"), "{text}");
    }

    #[test]
    fn a_table_is_never_wider_than_a_terminal_that_has_room_for_its_numbers() {
        for width in 0..80 {
            let text = sample().render(Some(width), false);
            let table = text.lines().filter(|line| !line.starts_with("left out"));
            assert!(width < 13 || table.max_by_key(|line| line.width()).unwrap().width() <= width, "{width}: {text}");
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
