//! Filings without inline XBRL: the first rows of their tables.
//!
//! Before 2019 filings were HTML as browsers of the day put up with, or plain text. A tokenizer that
//! follows the WHATWG rules reads them as a browser would. Of each table row with at least two cells that
//! say something, the first is the concept and the second the text; [`ROWS_MAX`] rows are taken. A row
//! that holds a table of its own is layout. A filing without such rows gives its short lines with a `$`
//! or a `%` instead.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use crate::decimal::Decimal;
use crate::error::Error;
use crate::limits::{ELEMENT_DEPTH_MAX, LINE_CHARS_MAX, ROWS_MAX};
use crate::submission::Document;

/// A row of a table or a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about: the first cell, or `line 1` to `line 10`.
    pub concept: String,
    /// What it says.
    pub text: String,
    /// The text as a number, where it plainly is one.
    pub value: Option<Decimal>,
}

/// The first rows, else lines, of a document; `in_envelope` when something around the document already
/// says that it is whole.
///
/// # Errors
/// [`Error::Truncated`] when an `<html>` does not end, [`Error::TooDeep`] when tables nest too deeply.
pub fn read(document: Document<'_>, in_envelope: bool) -> Result<Vec<Row>, Error> {
    let mut tables = Tables::default();
    tokenize(document.text, |event| tables.take(event));
    if tables.too_deep {
        return Err(Error::TooDeep { offset: document.offset });
    }
    if !in_envelope && !tables.html_ended && announces_html(document.text) {
        return Err(Error::Truncated {
            offset: document.offset + document.text.len(),
            inside: "before </html>".to_owned(),
        });
    }
    tables.end_tables();
    if tables.rows.is_empty() {
        return Ok(lines(document.text));
    }
    Ok(tables.rows)
}

fn tokenize(text: &str, mut take: impl FnMut(CallbackEvent<'_>)) {
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| {
        take(event);
        None::<Infallible>
    });
    // So that what is inside <script> and <style> is not taken for markup.
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(text, emitter).finish();
}

/// Whether a text in which no `</html>` was found should have one: it has an `<html>`, or begins as HTML
/// or XML does, or begins as markup and ends within a tag.
fn announces_html(text: &str) -> bool {
    let is_html = |window: &[u8]| window.eq_ignore_ascii_case(b"<html");
    let ends_within_a_tag = || text.rfind('<') > text.rfind('>');
    text.starts_with("<?")
        || text.starts_with("<!")
        || (text.starts_with('<') && ends_within_a_tag())
        || text.as_bytes().windows("<html".len()).any(is_html)
}

/// The rows of a document as its tags go by. The outermost table stands for the document itself, because
/// there are rows outside of any table, too.
struct Tables {
    open: Vec<Table>,
    rows: Vec<Row>,
    is_hidden: bool,
    html_ended: bool,
    too_deep: bool,
}

impl Default for Tables {
    fn default() -> Self {
        Self { open: vec![Table::default()], rows: Vec::new(), is_hidden: false, html_ended: false, too_deep: false }
    }
}

#[derive(Default)]
struct Table {
    /// The cells of the open row that say something.
    cells: Vec<String>,
    /// The text of the open cell.
    cell: Option<String>,
    /// Whether the open row holds a table.
    is_layout: bool,
}

impl Tables {
    fn take(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => self.begin(name),
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } if !self.is_hidden => {
                if let Some(Table { cell: Some(cell), .. }) = self.open.last_mut() {
                    cell.push_str(&String::from_utf8_lossy(value));
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, name: &[u8]) {
        let depth = self.open.len();
        let Some(table) = self.open.last_mut() else {
            return;
        };
        match name {
            b"table" if depth > ELEMENT_DEPTH_MAX => self.too_deep = true,
            b"table" => {
                table.is_layout = true;
                self.open.push(Table::default());
            }
            b"tr" => self.end_row(),
            b"td" | b"th" => {
                table.end_cell();
                table.cell = Some(String::new());
            }
            b"script" | b"style" => self.is_hidden = true,
            // Every other element may begin a new line; whether it does is the style's business, and
            // the elements that only change the font must not part a word.
            b"br" | b"p" | b"div" | b"li" => table.push_space(),
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"table" => {
                self.end_row();
                if self.open.len() > 1 {
                    self.open.pop();
                }
            }
            b"tr" => self.end_row(),
            b"td" | b"th" => {
                if let Some(table) = self.open.last_mut() {
                    table.end_cell();
                }
            }
            b"script" | b"style" => self.is_hidden = false,
            b"html" => self.html_ended = true,
            _ => {}
        }
    }

    /// Ends the row that is open in the innermost table.
    fn end_row(&mut self) {
        let Some(table) = self.open.last_mut() else {
            return;
        };
        table.end_cell();
        let cells = std::mem::take(&mut table.cells);
        let is_layout = std::mem::take(&mut table.is_layout);
        if !is_layout && self.rows.len() < ROWS_MAX {
            self.rows.extend(row(&cells));
        }
    }

    /// Ends what is open at the end of the document.
    fn end_tables(&mut self) {
        while !self.open.is_empty() {
            self.end_row();
            self.open.pop();
        }
    }
}

impl Table {
    fn end_cell(&mut self) {
        let text = collapse(&self.cell.take().unwrap_or_default());
        if !text.is_empty() {
            self.cells.push(text);
        }
    }

    fn push_space(&mut self) {
        if let Some(cell) = &mut self.cell {
            cell.push(' ');
        }
    }
}

/// The row of these cells, none of which is empty. Layouts of the time put a currency sign before a
/// number and the closing bracket after it into cells of their own; these belong to the number.
fn row(cells: &[String]) -> Option<Row> {
    let [concept, text, rest @ ..] = cells else {
        return None;
    };
    let mut rest = rest.iter();
    let mut text = text.clone();
    let is_sign = matches!(text.as_str(), "$" | "€" | "£" | "¥" | "$(" | "$ (" | "(");
    if is_sign && let Some(amount) = rest.next() {
        text.push(' ');
        text.push_str(amount);
    }
    let is_open = text.contains('(') && !text.contains(')');
    if is_open && rest.next().is_some_and(|next| next == ")") {
        text.push(')');
    }
    let value = plain_number(&text);
    Some(Row { concept: concept.clone(), text, value })
}

/// The number that a text plainly is: `81,797`, `$ 5.2`, `(1,234)`, `$(3)`.
fn plain_number(text: &str) -> Option<Decimal> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let without_sign = |text: &str| text.strip_prefix(['$', '€', '£', '¥']).map(str::to_owned);
    let text = without_sign(&text).unwrap_or(text);
    let (negative, amount) = match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) => (true, without_sign(inner).unwrap_or_else(|| inner.to_owned())),
        None => match text.strip_prefix(['-', '\u{2212}']) {
            Some(amount) => (true, amount.to_owned()),
            None => (false, text),
        },
    };
    let amount = ungrouped(&amount)?;
    let number = Decimal::parse(&amount, 0).filter(Decimal::fits_a_double)?;
    Some(if negative { number.negated() } else { number })
}

/// The text without its commas, if they group digits by three, and nothing but digits and a point.
fn ungrouped(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = text.starts_with(|c: char| c.is_ascii_digit() || c == '.') && !fraction.contains(',');
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut others = groups.peekable();
    let is_grouped =
        others.peek().is_none() || ((1..=3).contains(&first.len()) && others.all(|group| group.len() == 3));
    (is_plain && is_grouped).then(|| text.replace(',', ""))
}

/// The first short lines with a `$` or a `%`.
fn lines(text: &str) -> Vec<Row> {
    let mut shown = String::new();
    let mut is_hidden = false;
    tokenize(text, |event| match event {
        CallbackEvent::OpenStartTag { name: b"script" | b"style" } => is_hidden = true,
        CallbackEvent::EndTag { name: b"script" | b"style" } => is_hidden = false,
        CallbackEvent::OpenStartTag { name } | CallbackEvent::EndTag { name } => {
            if matches!(name, b"br" | b"p" | b"div" | b"li" | b"tr" | b"h1" | b"h2" | b"h3") {
                shown.push('\n');
            }
        }
        CallbackEvent::String { value } if !is_hidden => {
            shown.push_str(&String::from_utf8_lossy(value));
        }
        _ => {}
    });
    let worth_it = |line: &String| line.contains(['$', '%']) && line.chars().count() < LINE_CHARS_MAX;
    shown
        .lines()
        .map(collapse)
        .filter(worth_it)
        .take(ROWS_MAX)
        .zip(1..)
        .map(|(text, number)| Row { concept: format!("line {number}"), text, value: None })
        .collect()
}

/// The text with single spaces, as a browser shows it.
fn collapse(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(html: &str) -> Vec<(String, String, Option<String>)> {
        read(Document::new(html, 0), true)
            .unwrap()
            .into_iter()
            .map(|row| (row.concept, row.text, row.value.map(|value| value.to_string())))
            .collect()
    }

    fn row_of(concept: &str, text: &str, value: Option<&str>) -> (String, String, Option<String>) {
        (concept.to_owned(), text.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn tag_soup_is_read_as_a_browser_would() {
        let html = "<TABLE><TR><TD>Net&nbsp;sales<TD ALIGN=right>$<TD>52,896<TR><TD><FONT>Loss</FONT>\
            <TD>&nbsp;<TD>(1,234<TD>)<TR><TD>only one</TABLE><tr><td>Rate<td>4.5%";
        assert_eq!(
            rows(html),
            [
                row_of("Net sales", "$ 52,896", Some("52896")),
                row_of("Loss", "(1,234)", Some("-1234")),
                row_of("Rate", "4.5%", None),
            ]
        );
    }

    #[test]
    fn layout_tables_do_not_hide_what_they_hold() {
        let html = "<table><tr><td>Left<td>Right<table><tr><td>Cash<td>7</table></table>";
        assert_eq!(rows(html), [row_of("Cash", "7", Some("7"))]);
    }

    #[test]
    fn scripts_and_comments_are_not_shown() {
        let html = "<script>document.write('<tr><td>a<td>b')</script><!-- <tr><td>c<td>d -->\
            <tr><td>e<td><style>td { color: $red }</style>f";
        assert_eq!(rows(html), [row_of("e", "f", None)]);
    }

    #[test]
    fn there_are_ten_rows_at_most() {
        let html = "<tr><td>a<td>1".repeat(25);
        assert_eq!(rows(&html).len(), ROWS_MAX);
    }

    #[test]
    fn without_rows_the_lines_with_amounts_count() {
        let text = format!("Acme\nSales $ 5\n{}$ 5\n<b>Up</b> 3%<p>Costs $ 4</p>", "long ".repeat(30));
        assert_eq!(
            rows(&text),
            [row_of("line 1", "Sales $ 5", None), row_of("line 2", "Up 3%", None), row_of("line 3", "Costs $ 4", None),]
        );
        assert!(rows("nothing").is_empty());
    }

    #[test]
    fn plain_numbers_are_numbers_and_nothing_else_is() {
        for (text, expected) in [
            ("81,797", "81797"),
            ("(1,234)", "-1234"),
            ("$ 5.2", "5.2"),
            ("$(3)", "-3"),
            ("($3)", "-3"),
            ("-0.5", "-0.5"),
            (".25", "0.25"),
            ("1234", "1234"),
        ] {
            assert_eq!(plain_number(text).unwrap().as_str(), expected, "{text:?}");
        }
        for text in ["", "$", "—", "5%", "1,23", "1234,567", "(5", "1.2.3", "2014-2015", "$-", "1,", "--5"] {
            assert_eq!(plain_number(text), None, "{text:?}");
        }
    }

    #[test]
    fn html_that_does_not_end_is_truncated() {
        let read = |text, in_envelope| read(Document::new(text, 5), in_envelope);
        for text in ["<HTML><tr><td>a<td>b", "<!DOCTYPE html><ht", "<?xml versi", "<", "<ht"] {
            let Err(Error::Truncated { offset, .. }) = read(text, false) else {
                panic!("{text} is not truncated");
            };
            assert_eq!(offset, 5 + text.len());
            assert!(read(text, true).is_ok());
        }
        assert!(read("<HTML></Html >", false).is_ok());
        assert!(read("plain text of 1996", false).is_ok());
    }
}
