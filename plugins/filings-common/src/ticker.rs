//! A company's stock symbol, checked.

use std::fmt::{self, Display};

use crate::Excerpt;

/// The longest ticker, in characters.
pub const TICKER_CHARS_MAX: usize = 10;

/// A stock symbol such as `AAPL` or `BRK.B`.
///
/// 1 to [`TICKER_CHARS_MAX`] characters out of `A`–`Z`, `0`–`9`, `.` and `-`, the first a letter or
/// a digit, never two dots in a row. So a ticker is one plain component of a path or a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticker(String);

/// Why a text is not a ticker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TickerError {
    /// The text would be a ticker in upper case.
    #[error("{given} is not a ticker: tickers are upper-case; did you mean {meant}?")]
    LowerCase {
        /// What was given.
        given: Excerpt,
        /// The ticker that it would be.
        meant: Ticker,
    },
    /// The text is no ticker in any case.
    #[error(
        "{given} is not a ticker: a ticker has 1 to {TICKER_CHARS_MAX} characters out of A-Z, 0-9, \
         '.' and '-', begins with a letter or a digit, and has no '..' in it"
    )]
    Malformed {
        /// What was given.
        given: Excerpt,
    },
}

impl Ticker {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`TickerError`], with a hint where only the case is wrong. A caller who wants `aapl` accepted
    /// raises the case itself: a step that is given a lower-case name was given a name that no other
    /// step uses.
    pub fn parse(text: &str) -> Result<Self, TickerError> {
        if is_ticker(text) {
            return Ok(Self(text.to_owned()));
        }
        let given = Excerpt::of(text);
        let upper = text.to_ascii_uppercase();
        if is_ticker(&upper) {
            let meant = Self(upper);
            Err(TickerError::LowerCase { given, meant })
        } else {
            Err(TickerError::Malformed { given })
        }
    }

    /// The ticker's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_ticker(text: &str) -> bool {
    (1..=TICKER_CHARS_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
        && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn symbols_of_real_companies_are_tickers() {
        for symbol in ["A", "AAPL", "BRK.B", "BF-B", "0700.HK"] {
            assert_eq!(Ticker::parse(symbol).unwrap().as_str(), symbol);
        }
    }

    #[test]
    fn lower_case_is_refused_with_the_ticker_that_was_meant() {
        let error = Ticker::parse("aapl").unwrap_err();
        assert_eq!(error.to_string(), "\"aapl\" is not a ticker: tickers are upper-case; did you mean AAPL?");
    }

    #[test]
    fn what_could_leave_a_folder_is_no_ticker() {
        for text in [
            "",
            ".",
            "..",
            "A..B",
            "../../etc/passwd",
            "/etc/passwd",
            "A/B",
            "A\\B",
            "AAPL\0",
            "-RF",
            ".HIDDEN",
            "ELEVENCHARS",
            "ÄPL",
            "A B",
            "AAPL\n",
        ] {
            assert!(
                matches!(Ticker::parse(text), Err(TickerError::Malformed { .. })),
                "{text:?} was taken for a ticker"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_is_one_plain_component_of_a_path(text in "\\PC{0,12}|[A-Z0-9./\\-]{0,12}") {
            if let Ok(ticker) = Ticker::parse(&text) {
                let components: Vec<_> = Path::new(ticker.as_str()).components().collect();
                prop_assert_eq!(components.len(), 1);
                prop_assert!(matches!(components[0], Component::Normal(_)));
                prop_assert_eq!(ticker.to_string(), text);
            }
        }

        #[test]
        fn every_word_of_the_alphabet_passes(text in "[A-Z0-9][A-Z0-9-]{0,4}(\\.[A-Z0-9-]{1,4})?") {
            prop_assert!(Ticker::parse(&text).is_ok());
        }

        #[test]
        fn a_message_is_one_short_line_however_strange_the_text(text in any::<String>()) {
            if let Err(error) = Ticker::parse(&text) {
                let message = error.to_string();
                prop_assert!(!message.contains(['\n', '\0']));
                prop_assert!(message.len() < 2_000);
            }
        }
    }
}
