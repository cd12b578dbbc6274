//! A letter: one checkpoint of one actor, without its chunks and its plugin, which it names. It never changes,
//! and is named by its digest.

use super::head::{Unreadable, open, start};
use crate::checkpoint::Manifest;
use crate::checkpoint::transit::{DESCRIPTION_BYTES_MAX, MANIFEST_BYTES_MAX};
use crate::error::StoreError;

/// The format of letters that this build reads and writes.
pub const LETTER_FORMAT: u16 = 1;

const MAGIC: &[u8; 6] = b"BJLETT";

/// The most bytes that a letter has.
pub(super) const LETTER_BYTES_MAX: u64 = 6 + 2 + 4 + DESCRIPTION_BYTES_MAX + 4 + MANIFEST_BYTES_MAX;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Letter {
    /// What the actor is, opaque here.
    pub(super) description: String,
    /// The checkpoint, complete by itself.
    pub(super) manifest: Manifest,
}

impl Letter {
    /// # Errors
    /// [`StoreError::TooLarge`], and those of [`Manifest::to_bytes`].
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let manifest = self.manifest.to_bytes()?;
        let parts = [
            ("description", self.description.as_bytes(), DESCRIPTION_BYTES_MAX),
            ("checkpoint", &manifest, MANIFEST_BYTES_MAX),
        ];
        let mut out = start(MAGIC, LETTER_FORMAT);
        for (what, part, bytes_max) in parts {
            let size = part.len() as u64;
            if size > bytes_max {
                return Err(StoreError::TooLarge { what, size, limit: "its limit in bytes", limit_value: bytes_max });
            }
            // Both limits are far below the largest `u32`.
            out.extend_from_slice(&(size as u32).to_le_bytes());
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    /// Reads one whose digest was verified.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut fields = open(bytes, MAGIC, LETTER_FORMAT)?;
        let mut part = |what: &str| {
            let length = fields.u32(what)?;
            fields.bytes(length as usize, what)
        };
        let description =
            std::str::from_utf8(part("description")?).map_err(|_| "its description is not text".to_owned())?;
        let manifest = part("checkpoint")?;
        fields.end()?;
        let manifest = Manifest::from_bytes(manifest).map_err(|error| match error {
            StoreError::CheckpointVersion { found, supported, .. } => Unreadable::Version(found, supported),
            other => Unreadable::Damaged(other.to_string()),
        })?;
        match manifest.parent {
            None => Ok(Self { description: description.to_owned(), manifest }),
            Some(_) => Err("it is only a part of a checkpoint".to_owned().into()),
        }
    }
}
