//! How values are kept in columns, and how large they may be: JSON as text, digests in hexadecimal,
//! states by name. What is too large is refused before the transaction begins, except for error messages,
//! which are cut: losing the end of a message is better than losing the record of a failure.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest::Digest;
use crate::error::StoreError;

/// The largest JSON value of a record (parameters, an item's value, a step's output), in bytes. Larger
/// results belong in objects.
pub const JSON_BYTES_MAX: usize = 4 << 20;

/// The longest name (of a workflow, a run's key, an item, a step, a status, a worker), in bytes.
pub const NAME_BYTES_MAX: usize = 4096;

/// The longest error message that is kept, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 << 10;

/// A value that is kept as JSON text.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Json).map_err(FromSqlError::other)
    }
}

/// The text of a JSON value.
///
/// # Errors
/// [`StoreError::TooLarge`] past [`JSON_BYTES_MAX`].
pub(super) fn json(what: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    let text = serde_json::to_string(value).map_err(|e| StoreError::Catalog { source: Box::new(e) })?;
    check(what, &text, "JSON_BYTES_MAX", JSON_BYTES_MAX)?;
    Ok(text)
}

/// The name itself.
///
/// # Errors
/// [`StoreError::TooLarge`] past [`NAME_BYTES_MAX`].
pub(super) fn name<'a>(what: &'static str, text: &'a str) -> Result<&'a str, StoreError> {
    check(what, text, "NAME_BYTES_MAX", NAME_BYTES_MAX)?;
    Ok(text)
}

/// The message, cut where it is too long.
pub(super) fn message(text: &str) -> &str {
    &text[..text.floor_char_boundary(MESSAGE_BYTES_MAX)]
}

fn check(what: &'static str, text: &str, limit: &'static str, limit_bytes: usize) -> Result<(), StoreError> {
    if text.len() <= limit_bytes {
        return Ok(());
    }
    Err(StoreError::TooLarge { what, size: text.len() as u64, limit, limit_value: limit_bytes as u64 })
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(FromSqlError::other)
    }
}

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

/// An enum whose variants are kept, and shown as JSON, under their snake-case names.
macro_rules! named_states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// The name under which it is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_str()? {
                    $($text => Ok(Self::$variant),)+
                    other => Err(rusqlite::types::FromSqlError::Other(
                        format!("`{other}` is not a {}", stringify!($name)).into(),
                    )),
                }
            }
        }
    };
}
pub(super) use named_states;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_between_characters() {
        let long = "é".repeat(MESSAGE_BYTES_MAX);
        let kept = message(&format!("x{long}")).to_owned();
        assert_eq!(kept.len(), MESSAGE_BYTES_MAX - 1);
        assert_eq!(message("short"), "short");
    }

    #[test]
    fn json_past_its_limit_is_refused_by_name() {
        let value = "x".repeat(JSON_BYTES_MAX - 2);
        assert_eq!(json("an output", &value).unwrap().len(), JSON_BYTES_MAX);
        let refused = json("an output", &format!("{value}x")).unwrap_err();
        assert!(refused.to_string().contains("an output"));
        assert!(refused.to_string().contains("JSON_BYTES_MAX"));
    }
}
