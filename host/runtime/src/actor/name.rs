//! Names of actors.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ActorError;

/// Bytes of an actor's name: 200.
pub const NAME_BYTES_MAX: usize = 200;

/// The name of an actor: letters, digits and `-_.:/@+`, beginning with a letter or a digit. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActorName(Arc<str>);

impl ActorName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActorName {
    type Err = ActorError;

    fn from_str(name: &str) -> Result<ActorName, ActorError> {
        let wrong =
            |reason: &str| ActorError::BadName { name: name.chars().take(40).collect(), reason: reason.to_owned() };
        let allowed = |character: char| character.is_alphanumeric() || "-_.:/@+".contains(character);
        match name.chars().next() {
            None => Err(wrong("it is empty")),
            Some(first) if !first.is_alphanumeric() => Err(wrong("it must begin with a letter or a digit")),
            _ if name.len() > NAME_BYTES_MAX => Err(wrong("it has more than 200 bytes")),
            _ if !name.chars().all(allowed) => Err(wrong("it may have letters, digits and `-_.:/@+`")),
            _ => Ok(ActorName(name.into())),
        }
    }
}

impl TryFrom<String> for ActorName {
    type Error = ActorError;

    fn try_from(name: String) -> Result<ActorName, ActorError> {
        name.parse()
    }
}

impl From<ActorName> for String {
    fn from(name: ActorName) -> String {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for ActorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_digits_and_a_few_signs() {
        for good in ["a", "account-7", "shard/3", "Größe", "2026:x@y.z+1"] {
            assert_eq!(good.parse::<ActorName>().unwrap().as_str(), good);
        }
        for bad in ["", " ", "-a", "a b", "a\n", "a*", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(matches!(bad.parse::<ActorName>(), Err(ActorError::BadName { .. })), "{bad:?}");
        }
    }
}
