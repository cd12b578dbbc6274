//! The result of a method that returns a `result`. The host writes it as `{"ok": …}` or `{"error": …}`, and serde's
//! own form of Rust's `Result` is another one.

use serde::Deserialize;

/// What a method returned whose type is `result<T, E>`:
///
/// ```
/// use belljar_guest::actors::{self, Outcome};
/// # belljar_guest::testing::actor("account", |_, _| Ok(r#"{"error": "too little"}"#.to_owned()));
///
/// let outcome = actors::call::<Outcome<(), String>>("account", "withdraw", (5,))?.get()?;
///
/// assert_eq!(Result::from(outcome), Err("too little".to_owned()));
/// # Ok::<(), actors::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Outcome<T, E> {
    /// The method's `ok`.
    Ok(T),
    /// The method's `error`.
    Error(E),
}

impl<T, E> From<Outcome<T, E>> for Result<T, E> {
    fn from(outcome: Outcome<T, E>) -> Self {
        match outcome {
            Outcome::Ok(value) => Ok(value),
            Outcome::Error(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_are_read_with_and_without_a_value() {
        let number: Outcome<u32, String> = serde_json::from_str(r#"{"ok": 5}"#).unwrap();
        let nothing: Outcome<(), ()> = serde_json::from_str(r#"{"error": null}"#).unwrap();

        assert_eq!(Result::from(number), Ok(5));
        assert_eq!(Result::from(nothing), Err(()));
    }
}
