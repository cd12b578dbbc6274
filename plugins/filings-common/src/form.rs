//! The kind of a filing, checked.

use std::fmt::{self, Display};

use crate::Excerpt;

/// The longest name of a form, in characters.
pub const FORM_CHARS_MAX: usize = 20;

/// The name of a form such as `10-Q`, `8-K` or `DEF 14A`.
///
/// 1 to [`FORM_CHARS_MAX`] characters out of `A`–`Z`, `0`–`9`, `-` and single spaces between words.
/// It names a folder, so an amendment (`10-Q/A`) must be stored under a name without the slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Form(String);

/// Why a text is not the name of a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is not a form: a form such as \"10-Q\" or \"DEF 14A\" has 1 to {FORM_CHARS_MAX} characters \
     out of A-Z, 0-9, '-' and single spaces; an amendment's slash cannot be part of a folder's name"
)]
pub struct FormError {
    /// What was given.
    pub given: Excerpt,
}

impl Form {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`FormError`] when it could not be the name of a form's folder.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let plausible = (1..=FORM_CHARS_MAX).contains(&text.len())
            && text.split(' ').all(|word| {
                word.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && word.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-'))
            });
        if plausible {
            Ok(Self(text.to_owned()))
        } else {
            let given = Excerpt::of(text);
            Err(FormError { given })
        }
    }

    /// The form's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_common_forms_are_forms() {
        for name in ["10-Q", "10-K", "8-K", "S-1", "DEF 14A", "SC 13D", "4"] {
            assert_eq!(Form::parse(name).unwrap().to_string(), name);
        }
    }

    #[test]
    fn an_amendment_is_refused_with_the_reason() {
        let message = Form::parse("10-Q/A").unwrap_err().to_string();
        assert!(message.starts_with("\"10-Q/A\" is not a form"));
        assert!(message.contains("slash"));
    }

    #[test]
    fn what_could_leave_a_folder_is_no_form() {
        for text in ["", "..", "/", " ", "10-Q ", " 10-Q", "A  B", "10-q", "-Q", "A\0"] {
            assert!(Form::parse(text).is_err(), "{text:?} was taken for a form");
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_is_one_plain_component_of_a_path(text in "\\PC{0,22}|[A-Z0-9 ./\\-]{0,22}") {
            if let Ok(form) = Form::parse(&text) {
                let components: Vec<_> = Path::new(form.as_str()).components().collect();
                prop_assert_eq!(components.len(), 1);
                prop_assert!(matches!(components[0], Component::Normal(_)));
            }
        }
    }
}
