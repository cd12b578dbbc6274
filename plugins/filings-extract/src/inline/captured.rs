//! The text inside facts, each character kept once however deeply facts nest.
//!
//! While anything that needs its text is open, all text goes to one buffer, and a fact remembers from
//! where to where its own text reaches. So a filing whose facts nest a thousand deep takes no more
//! memory than its length. Text inside `ix:exclude` is in the buffer too, because it may hold facts of
//! its own, and is skipped by what is outside.

use std::iter;
use std::ops::Range;

/// All captured text of a filing.
#[derive(Debug, Default)]
pub struct Captured {
    text: String,
    excluded: Vec<Range<usize>>,
    open: usize,
}

/// From where to where the text of one element reaches, and which of the exclusions are inside it.
#[derive(Clone, Debug, Default)]
pub struct Span {
    text: Range<usize>,
    excluded: Range<usize>,
}

/// An element that has begun and not ended.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    text: usize,
    excluded: usize,
}

impl Captured {
    /// Whether any text is wanted now.
    pub fn is_open(&self) -> bool {
        self.open > 0
    }

    /// Begins an element whose text is wanted.
    pub fn begin(&mut self) -> Mark {
        self.open += 1;
        Mark { text: self.text.len(), excluded: self.excluded.len() }
    }

    /// Ends the element that began at `mark`.
    pub fn end(&mut self, mark: Mark) -> Span {
        self.open -= 1;
        Span { text: mark.text..self.text.len(), excluded: mark.excluded..self.excluded.len() }
    }

    /// Begins text that the elements now open must not have; returns what `end_exclude` needs.
    pub fn begin_exclude(&mut self) -> usize {
        // Registered at its start, so that an element beginning inside does not count it as its own.
        let start = self.text.len();
        self.excluded.push(start..start);
        self.excluded.len() - 1
    }

    /// Ends the exclusion.
    pub fn end_exclude(&mut self, exclusion: usize) {
        self.excluded[exclusion].end = self.text.len();
    }

    /// Takes text, with line ends as XML wants them: `\n` for `\r\n` and `\r`.
    pub fn push_text(&mut self, text: &str) {
        let mut lines = text.split('\r');
        self.text.extend(lines.next());
        for line in lines {
            self.text.push('\n');
            self.text.push_str(line.strip_prefix('\n').unwrap_or(line));
        }
    }

    /// Takes text that is not changed any more.
    pub fn push_decoded(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The pieces that the text of an element consists of.
    pub fn pieces<'c>(&'c self, span: &'c Span) -> impl Iterator<Item = &'c str> {
        let end = span.text.end;
        let skipped = self.excluded[span.excluded.clone()].iter().cloned();
        let mut from = span.text.start;
        skipped.chain(iter::once(end..end)).filter_map(move |skip| {
            // An exclusion inside another one ends before `from`.
            let piece = &self.text[from..skip.start.max(from)];
            from = skip.end.max(from);
            (!piece.is_empty()).then_some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(captured: &Captured, span: &Span) -> String {
        captured.pieces(span).collect()
    }

    #[test]
    fn nested_elements_share_their_text() {
        let mut captured = Captured::default();
        let outer = captured.begin();
        captured.push_text("a");
        let inner = captured.begin();
        captured.push_text("b");
        let inner = captured.end(inner);
        captured.push_text("c");
        let outer = captured.end(outer);
        assert_eq!(text(&captured, &inner), "b");
        assert_eq!(text(&captured, &outer), "abc");
        assert_eq!(captured.text.len(), 3);
        assert!(!captured.is_open());
    }

    #[test]
    fn excluded_text_is_missing_outside_and_there_inside() {
        let mut captured = Captured::default();
        let outer = captured.begin();
        let exclusion = captured.begin_exclude();
        let inner = captured.begin();
        captured.push_text("page");
        let nested = captured.begin_exclude();
        captured.push_text(" 7");
        captured.end_exclude(nested);
        let inner = captured.end(inner);
        captured.push_text("!");
        captured.end_exclude(exclusion);
        captured.push_text("rest");
        let outer = captured.end(outer);
        assert_eq!(text(&captured, &inner), "page");
        assert_eq!(text(&captured, &outer), "rest");
    }

    #[test]
    fn line_ends_are_normalised_and_decoded_ones_kept() {
        let mut captured = Captured::default();
        let mark = captured.begin();
        captured.push_text("a\r\nb\rc");
        captured.push_decoded("\r");
        let span = captured.end(mark);
        assert_eq!(text(&captured, &span), "a\nb\nc\r");
    }
}
