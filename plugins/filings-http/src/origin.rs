//! The URL below which a server keeps the filings, checked.
//!
//! The host parses every URL in full before it sends anything, and compares its origin with the grants.
//! What is checked here is only what would make a *wrong* URL out of a path that is appended: a query, a
//! fragment, white space; and a password, which would end up in logs.

use std::fmt::{self, Display};

use filings_common::{Excerpt, Form, Ticker};

/// The longest base URL, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 2_048;

/// An `http` or `https` URL that paths can be appended to, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is not a base URL: give http:// or https://, a host and maybe a path, such as \
     https://example.org/filings, without query, fragment, password or spaces, in at most \
     {ORIGIN_BYTES_MAX} bytes"
)]
pub struct OriginError {
    /// What was given.
    pub given: Excerpt,
}

impl Origin {
    /// Checks `text`; slashes at its end are dropped.
    ///
    /// # Errors
    /// [`OriginError`] when nothing can be appended to it.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let trimmed = text.trim_end_matches('/');
        let rest = ["http://", "https://"].into_iter().find_map(|scheme| trimmed.strip_prefix(scheme));
        let plausible = trimmed.len() <= ORIGIN_BYTES_MAX
            && rest.is_some_and(|rest| {
                !rest.is_empty()
                    && !rest.starts_with('/')
                    && rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'@' | b'\\'))
            });
        if plausible {
            Ok(Self(trimmed.to_owned()))
        } else {
            let given = Excerpt::of(text);
            Err(OriginError { given })
        }
    }

    /// The URL of the folder that holds the filings of one form by one company.
    #[must_use]
    pub fn folder(&self, ticker: &Ticker, form: &Form) -> String {
        // A ticker has only characters that a URL may hold; a form may have spaces besides.
        let form = form.as_str().replace(' ', "%20");
        format!("{self}/{ticker}/{form}")
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folder(origin: &str, form: &str) -> String {
        let (ticker, form) = (Ticker::parse("BRK.B").unwrap(), Form::parse(form).unwrap());
        Origin::parse(origin).unwrap().folder(&ticker, &form)
    }

    #[test]
    fn paths_are_appended_with_one_slash() {
        let expected = "https://example.org/filings/BRK.B/10-Q";
        assert_eq!(folder("https://example.org/filings", "10-Q"), expected);
        assert_eq!(folder("https://example.org/filings//", "10-Q"), expected);
    }

    #[test]
    fn a_port_and_an_address_are_fine() {
        let expected = "http://127.0.0.1:8000/BRK.B/DEF%2014A";
        assert_eq!(folder("http://127.0.0.1:8000/", "DEF 14A"), expected);
    }

    #[test]
    fn what_would_make_a_wrong_url_is_refused() {
        let long = format!("http://{}", "a".repeat(ORIGIN_BYTES_MAX));
        for text in [
            "",
            "https://",
            "https:///filings",
            "file:///etc",
            "example.org",
            "https://example.org?x=1",
            "https://example.org/#x",
            "https://me:secret@example.org",
            "https://example.org/a b",
            "https://example.org\n",
            "https://exämple.org",
            &long,
        ] {
            assert!(Origin::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_is_kept_but_for_slashes_at_the_end(text in "(https?://)?\\PC{0,20}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert_eq!(origin.to_string(), text.trim_end_matches('/'));
            }
        }
    }
}
