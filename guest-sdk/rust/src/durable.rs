//! State that outlives a change of the plugin's code. The host keeps an actor's memory by itself, but only the very
//! same code understands it. An actor that shall go on with its next version exports `belljar:plugin/durable`:
//!
//! ```ignore
//! belljar_guest::plugin!("
//!     package demo:notebook;
//!     world notebook {
//!         include belljar:plugin/actor@0.1.0;
//!         export belljar:plugin/durable@0.1.0;
//!         export write: func(note: string);
//!     }
//! ");
//!
//! impl Durable for Notebook {
//!     fn save() -> Vec<u8> {
//!         NOTES.with(|notes| durable::encode(2, notes))
//!     }
//!
//!     fn restore(state: Vec<u8>) -> Result<(), String> {
//!         let saved = durable::Saved::parse(&state)?;
//!         NOTES.set(match saved.version() {
//!             1 => saved.state::<Vec<String>>()?.into_iter().map(Note::undated).collect(),
//!             2 => saved.state()?,
//!             _ => return Err(saved.unknown_version(2)),
//!         });
//!         Ok(())
//!     }
//! }
//! ```
//!
//! [`plugin!`](crate::plugin!) names the trait `Durable`. The state is any bytes that the next version can read;
//! [`encode`] and [`Saved`] make it JSON with a version number of the author's.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Why a saved state was not read.
#[derive(Debug, thiserror::Error)]
#[error("the saved state cannot be read: {0}")]
pub struct Error(#[from] serde_json::Error);

/// So that `?` ends a `restore`, whose error is a text.
impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

/// A state as JSON, with a version number by which a later version of the plugin knows its form. Raise the number
/// with every change of that form.
///
/// # Panics
///
/// The state has no form in JSON, as a map whose keys are lists.
pub fn encode(version: u32, state: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(&Versioned { version, state }).expect("the state of a durable actor can be written as JSON")
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    state: &'a T,
}

/// A state that [`encode`] wrote, of which the version is known and the form is not yet.
#[derive(Debug, Deserialize)]
pub struct Saved<'a> {
    version: u32,
    #[serde(borrow)]
    state: &'a RawValue,
}

impl<'a> Saved<'a> {
    /// Reads the version number.
    ///
    /// # Errors
    ///
    /// The bytes are not what [`encode`] writes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The version number that was given to [`encode`].
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The state, read as the type that it had in that version.
    ///
    /// # Errors
    ///
    /// The state is not of that type. The error says what is wrong, and where.
    pub fn state<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_str(self.state.get())?)
    }

    /// What `restore` says of a state from a later version of the plugin.
    pub fn unknown_version(&self, known_max: u32) -> String {
        format!("the state has version {}, and this build of the plugin reads up to {known_max}", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_with_its_version() {
        let bytes = encode(2, &vec!["one", "two"]);

        let saved = Saved::parse(&bytes).unwrap();

        assert_eq!(saved.version(), 2);
        assert_eq!(saved.state::<Vec<String>>().unwrap(), ["one", "two"]);
        assert!(saved.state::<Vec<u32>>().is_err());
    }

    #[test]
    fn the_form_of_a_saved_state_stays_as_it_is() {
        assert_eq!(encode(1, &(5, "five")), br#"{"version":1,"state":[5,"five"]}"#);
    }

    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], b"\xff", b"[]", b"{\"version\": -1, \"state\": 0}", b"{\"version\": 1}"] {
            assert!(Saved::parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
