//! The name of bytes: their BLAKE3 hash. A `Digest` is always a whole one; text becomes a digest by
//! parsing, once, and a digest that has been parsed can be used in a file name without a check.

use std::fmt;
use std::io::Read;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// The BLAKE3 hash of some bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; blake3::OUT_LEN]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest whose 32 bytes these are, as a binary format holds them.
    pub fn from_bytes(bytes: [u8; blake3::OUT_LEN]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; blake3::OUT_LEN] {
        &self.0
    }

    /// The digest of everything that `reader` gives, without holding it all in memory.
    pub(crate) fn of_reader(reader: impl Read) -> std::io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = StoreError;

    /// # Errors
    /// [`StoreError::InvalidDigest`] unless `text` is 64 lower-case hexadecimal digits. Upper case is
    /// refused so that a digest has one spelling, as a file name and as a key.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let digest = blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes()));
        match digest {
            Ok(digest) if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => Ok(digest),
            _ => Err(StoreError::InvalidDigest { text: text.chars().take(80).collect() }),
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_blake3_in_hexadecimal() {
        // The test vector for the empty input of the BLAKE3 specification.
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(Digest::of_reader(&b""[..]).unwrap(), Digest::of(b""));
    }

    #[test]
    fn other_spellings_are_refused() {
        let digest = Digest::of(b"facts").to_string();
        for text in ["", "../../etc/passwd", &digest[1..], &digest.to_uppercase()] {
            assert!(matches!(text.parse::<Digest>(), Err(StoreError::InvalidDigest { .. })));
        }
    }

    proptest! {
        #[test]
        fn text_and_json_give_the_digest_back(bytes: Vec<u8>) {
            let digest = Digest::of(&bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
            let json = serde_json::to_string(&digest).unwrap();
            prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text: String) {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
