//! Foreign text in an error message.
//!
//! An error that names the bad input must not become as long as the input, nor let a NUL or a line
//! break of it into a log. [`Excerpt`] shows a quoted, escaped, bounded piece.

use std::fmt::{self, Display};

/// How many characters of a foreign text an error message shows.
pub const EXCERPT_CHARS_MAX: usize = 60;

/// Displays a text in quotes, with control characters escaped, cut to [`EXCERPT_CHARS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    shown: String,
    cut: bool,
}

impl Excerpt {
    /// Takes the beginning of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut chars = text.chars();
        let shown = chars.by_ref().take(EXCERPT_CHARS_MAX).collect();
        Self { shown, cut: chars.next().is_some() }
    }
}

impl Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown)?;
        if self.cut { write!(f, "…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_shown_whole_and_quoted() {
        assert_eq!(Excerpt::of("../etc").to_string(), "\"../etc\"");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(Excerpt::of("A\0\n").to_string(), "\"A\\0\\n\"");
    }

    #[test]
    fn a_long_text_is_cut_and_the_cut_is_marked() {
        let shown = Excerpt::of(&"x".repeat(1_000_000)).to_string();
        assert_eq!(shown.chars().count(), EXCERPT_CHARS_MAX + 3);
        assert!(shown.ends_with("\"…"));
    }
}
