//! An actor's configuration: the JSON that its `init` is given.

use serde::de::DeserializeOwned;

/// Why a configuration was not read.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not valid: {0}")]
pub struct Error(#[from] serde_json::Error);

/// So that `?` ends an `init`, whose error is a text.
impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

/// Reads a configuration. None at all, which is an empty text or null, is read as `{}`, so a type of which every
/// field has a default needs nothing.
///
/// # Errors
///
/// The text is not JSON, or a field is missing, unknown or of another type. The error says which and where.
pub fn parse<T: DeserializeOwned>(config: &str) -> Result<T, Error> {
    let config = match config.trim() {
        "" | "null" => "{}",
        text => text,
    };
    Ok(serde_json::from_str(config)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Config {
        start: i64,
    }

    #[test]
    fn a_field_that_is_not_given_has_its_default() {
        for nothing in ["", "null", "{}"] {
            assert_eq!(parse::<Config>(nothing).unwrap(), Config { start: 0 }, "{nothing:?}");
        }
        assert_eq!(parse::<Config>(r#"{"start": 7}"#).unwrap(), Config { start: 7 });
    }

    #[test]
    fn a_misspelt_field_is_named() {
        let error: String = parse::<Config>(r#"{"strat": 7}"#).unwrap_err().into();

        assert!(error.contains("strat"), "{error}");
        assert!(error.contains("start"), "{error}");
    }
}
