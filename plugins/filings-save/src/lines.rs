//! The facts of an object that holds one in each line.
//!
//! The object is read as a stream with one line in memory at a time, each line bounded, so that the
//! plugin's memory does not depend on the size of the filing.

use std::io::{self, BufRead, Read};

use crate::fact::Fact;

/// The longest line, in bytes. The extraction cuts a fact's text at 1 MiB, which escaping can make six
/// times as long.
pub const LINE_SIZE_BYTES_MAX: u64 = 16 << 20;

/// Why the facts cannot be read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// A line is no fact.
    #[error("line {line} of the facts is not a fact: {reason} (column {column})")]
    NotAFact {
        /// Which line.
        line: u64,
        /// What is wrong with it.
        reason: String,
        /// Where in the line.
        column: usize,
    },
    /// A line is too long.
    #[error("line {line} of the facts is longer than {LINE_SIZE_BYTES_MAX} bytes (LINE_SIZE_BYTES_MAX)")]
    TooLong {
        /// Which line.
        line: u64,
    },
    /// The object cannot be read.
    #[error("cannot read line {line} of the facts: {source}")]
    Io {
        /// Which line.
        line: u64,
        /// The report.
        source: io::Error,
    },
}

/// Reads facts from JSON Lines. After an error there is nothing more.
pub struct FactLines<R> {
    source: R,
    buffer: Vec<u8>,
    line: u64,
    failed: bool,
}

impl<R: BufRead> FactLines<R> {
    /// Reads from `source`.
    pub fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), line: 0, failed: false }
    }

    /// The next line's fact; nothing at the end.
    fn read_next(&mut self) -> Result<Option<Fact>, LineError> {
        self.line += 1;
        let line = self.line;
        self.buffer.clear();
        // One byte more than allowed tells a line that is too long from one that just fits.
        let mut bounded = self.source.by_ref().take(LINE_SIZE_BYTES_MAX + 1);
        let length = bounded.read_until(b'\n', &mut self.buffer).map_err(|source| LineError::Io { line, source })?;
        if length == 0 {
            return Ok(None);
        }
        if length as u64 > LINE_SIZE_BYTES_MAX {
            return Err(LineError::TooLong { line });
        }
        match serde_json::from_slice(&self.buffer) {
            Ok(fact) => Ok(Some(fact)),
            Err(error) => Err(LineError::NotAFact { line, reason: reason(&error), column: error.column() }),
        }
    }
}

impl<R: BufRead> Iterator for FactLines<R> {
    type Item = Result<Fact, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.read_next();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// The error's text without its place: that is a place in the line, which would read as one in the
/// whole object.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::fact::{Date, Kind};

    const REVENUE: &str = r#"{"kind":"numeric","concept":"us-gaap:Revenues","value":81797000000,"text":"81,797","unit":"USD","period_start":"2023-04-02","period_end":"2023-07-01","instant":null,"dimensions":{},"context":"c-1","scale":6,"decimals":"-6"}"#;

    fn facts(text: impl AsRef<[u8]>) -> Result<Vec<Fact>, LineError> {
        FactLines::new(Cursor::new(text)).collect()
    }

    fn refusal(text: &str) -> String {
        facts(text).unwrap_err().to_string()
    }

    #[test]
    fn each_line_is_a_fact() {
        let facts = facts(format!("{REVENUE}\n{REVENUE}\n")).unwrap();
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].kind, Kind::Numeric);
        assert_eq!(facts[0].value, Some(81_797_000_000.0));
        assert_eq!(facts[0].period_end, Date::parse("2023-07-01"));
        assert_eq!(facts[0].decimals.as_deref(), Some("-6"));
    }

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(facts(REVENUE).unwrap().len(), 1);
        assert_eq!(facts("").unwrap().len(), 0);
    }

    #[test]
    fn a_value_is_the_double_nearest_to_its_digits() {
        for digits in [
            "0.1",
            "12345678901234567890.5",
            "9007199254740993",
            "-0.000000000000000000001234567890123456789",
            "1.7976931348623157e308",
        ] {
            let line = REVENUE.replace("81797000000", digits);
            let nearest: f64 = digits.parse().unwrap();
            assert_eq!(facts(line).unwrap()[0].value, Some(nearest), "{digits}");
        }
    }

    #[test]
    fn a_line_that_is_no_fact_is_named_by_its_number() {
        let message = refusal(&format!("{REVENUE}\n{{\"kind\":\"numeric\"\n"));
        assert!(message.starts_with("line 2 of the facts is not a fact: "), "{message}");
        assert!(!message.contains("at line 1"), "{message}");
    }

    #[test]
    fn what_would_become_a_wrong_row_is_refused() {
        for (from, to, hint) in [
            ("\"numeric\"", "\"number\"", "number"),
            ("\"2023-07-01\"", "\"2023-06-31\"", "a date YYYY-MM-DD"),
            ("\"scale\":6", "\"scale\":2147483648", "i32"),
            ("81797000000", "1e999", "out of range"),
            ("81797000000", "\"81797000000\"", "f64"),
            ("\"unit\"", "\"units\"", "unknown field `units`"),
            ("\"concept\"", "\"context\"", "context"),
        ] {
            let message = refusal(&REVENUE.replace(from, to));
            assert!(message.contains(hint), "{from} as {to}: {message}");
        }
    }

    #[test]
    fn a_facts_object_that_breaks_off_is_refused() {
        let message = refusal(&REVENUE[..REVENUE.len() - 1]);
        assert!(message.contains("EOF"), "{message}");
    }

    #[test]
    fn a_line_past_the_limit_is_refused_before_it_is_all_read() {
        let endless = io::BufReader::new(io::repeat(b' '));
        let mut lines = FactLines::new(endless);
        let error = lines.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("LINE_SIZE_BYTES_MAX"));
        assert!(lines.next().is_none(), "reading went on after an error");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>()) {
            let _ = facts(bytes);
        }

        #[test]
        fn a_damaged_line_is_read_or_refused(position in 0..REVENUE.len(), byte in any::<u8>()) {
            let mut line = REVENUE.as_bytes().to_vec();
            line[position] = byte;
            let _ = facts(line);
        }

        #[test]
        fn any_text_arrives_as_it_was(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).unwrap();
            let line = REVENUE.replace("\"81,797\"", &quoted);
            prop_assert_eq!(&facts(line).unwrap()[0].text, &text);
        }
    }
}
