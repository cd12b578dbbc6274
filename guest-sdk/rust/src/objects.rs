//! Immutable bytes that the host holds for the plugin: how large data travels between steps without
//! a copy through every value. An instance reaches the objects that it was given as arguments and
//! those that it put itself, and no others.
//!
//! ```
//! use belljar_guest::objects;
//!
//! let object = objects::put(b"ten facts")?;
//! assert_eq!(object.size()?, 9);
//! assert_eq!(object.slice(4, 5)?, b"facts");
//! # Ok::<(), objects::Error>(())
//! ```

use crate::bindings::belljar::plugin::objects as wit;
use crate::host::objects as host;
use crate::json::Number;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::io::{self, Read, Seek, SeekFrom};

pub use wit::ObjectRef;

/// The one field of a reference, by which the host tells it from other records.
const FIELD: &str = "belljar-object";

/// Why an object could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This instance was not given an object of that id, or has freed it.
    #[error("object {0} was not given to this instance, or has been freed")]
    Unknown(u64),
    /// The range reaches past the end; the number is the object's size in bytes.
    #[error("the range reaches past the end of the object, which has {0} bytes")]
    OutOfRange(u64),
    /// The store has no room left; the text names the limit.
    #[error("the object store is full: {0}")]
    Full(String),
    /// The store failed to read or write; the text says how.
    #[error("the object store failed: {0}")]
    Storage(String),
}

/// Stores the bytes and returns a reference to them.
///
/// # Errors
///
/// [`Error::Full`] and [`Error::Storage`].
pub fn put(bytes: &[u8]) -> Result<ObjectRef, Error> {
    Ok(host::put(bytes)?)
}

/// Stores 32-bit floats, little-endian, and returns a reference to them.
///
/// # Errors
///
/// [`Error::Full`] and [`Error::Storage`].
pub fn put_f32(values: &[f32]) -> Result<ObjectRef, Error> {
    Ok(host::put_f32(values)?)
}

impl ObjectRef {
    /// All bytes of the object.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] and [`Error::Storage`].
    pub fn get(self) -> Result<Vec<u8>, Error> {
        Ok(host::get(self)?)
    }

    /// `length` bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for a range that reaches past the end, [`Error::Unknown`] and
    /// [`Error::Storage`].
    pub fn slice(self, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        Ok(host::slice(self, offset, length)?)
    }

    /// The object's size in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] and [`Error::Storage`].
    pub fn size(self) -> Result<u64, Error> {
        Ok(host::size(self)?)
    }

    /// All of an object that holds little-endian 32-bit floats.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for an object whose size is no multiple of four bytes,
    /// [`Error::Unknown`] and [`Error::Storage`].
    pub fn get_f32(self) -> Result<Vec<f32>, Error> {
        Ok(host::get_f32(self)?)
    }

    /// Reads the object piece by piece, for one that is larger than the plugin's memory should be.
    /// Every read is a call of the host: put a `BufReader` around it for small ones.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] and [`Error::Storage`].
    pub fn reader(self) -> Result<Reader, Error> {
        Ok(Reader { object: self, position: 0, size_bytes: self.size()? })
    }

    /// Says that this instance needs the object no more.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] and [`Error::Storage`].
    pub fn free(self) -> Result<(), Error> {
        Ok(host::free(self)?)
    }
}

/// As the host writes a reference in JSON, so that it can be an argument or a result of [`crate::actors::call`].
impl Serialize for ObjectRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ObjectRef", 1)?;
        fields.serialize_field(FIELD, &self.belljar_object)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for ObjectRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            #[serde(rename = "belljar-object")]
            id: Number<u64>,
        }
        Ok(Self { belljar_object: Written::deserialize(deserializer)?.id.0 })
    }
}

/// An object, read as a file is. [`ObjectRef::reader`] makes one.
#[derive(Debug)]
pub struct Reader {
    object: ObjectRef,
    position: u64,
    size_bytes: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size_bytes.saturating_sub(self.position);
        // A buffer's length always fits 64 bits.
        let length = left.min(buffer.len() as u64);
        if length == 0 {
            return Ok(0);
        }
        let bytes = self.object.slice(self.position, length).map_err(io::Error::other)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.position += length;
        Ok(bytes.len())
    }
}

impl Seek for Reader {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "cannot seek to before the start of an object")
        })?;
        Ok(self.position)
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Unknown(id) => Self::Unknown(id),
            wit::Error::OutOfRange(size_bytes) => Self::OutOfRange(size_bytes),
            wit::Error::Full(limit) => Self::Full(limit),
            wit::Error::Storage(why) => Self::Storage(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gives_the_object_in_pieces_and_then_nothing() {
        let mut reader = put(b"one two").unwrap().reader().unwrap();
        let mut piece = [0; 4];

        assert_eq!(reader.read(&mut piece).unwrap(), 4);
        assert_eq!(&piece, b"one ");
        assert_eq!(reader.read(&mut piece).unwrap(), 3);
        assert_eq!(&piece[..3], b"two");
        assert_eq!(reader.read(&mut piece).unwrap(), 0);
    }

    #[test]
    fn a_reader_seeks_from_the_end_but_not_to_before_the_start() {
        let mut reader = put(b"one two").unwrap().reader().unwrap();
        let mut word = String::new();

        reader.seek(SeekFrom::End(-3)).unwrap();
        reader.read_to_string(&mut word).unwrap();

        assert_eq!(word, "two");
        assert!(reader.seek(SeekFrom::Current(-8)).is_err());
    }

    #[test]
    fn a_reader_past_the_end_reads_nothing() {
        let mut reader = put(b"one").unwrap().reader().unwrap();

        reader.seek(SeekFrom::Start(10)).unwrap();

        assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn a_reference_is_written_and_read_as_the_host_does() {
        let object = ObjectRef { belljar_object: u64::MAX };

        let written = serde_json::to_string(&object).unwrap();
        let read = |text: &str| serde_json::from_str::<ObjectRef>(text).map(|read| read.belljar_object);

        assert_eq!(written, r#"{"belljar-object":18446744073709551615}"#);
        assert_eq!(read(&written).unwrap(), u64::MAX);
        assert_eq!(read(r#"{"belljar-object":"18446744073709551615"}"#).unwrap(), u64::MAX);
        assert!(read(r#"{"belljar-object":1,"other":2}"#).is_err());
    }

    #[test]
    fn a_freed_object_is_unknown() {
        let object = put(b"gone soon").unwrap();

        object.free().unwrap();

        assert_eq!(object.get(), Err(Error::Unknown(object.belljar_object)));
    }

    #[test]
    fn a_range_past_the_end_names_the_size() {
        let object = put(b"short").unwrap();

        assert_eq!(object.slice(3, 3), Err(Error::OutOfRange(5)));
        assert_eq!(object.slice(u64::MAX, 1), Err(Error::OutOfRange(5)));
    }

    #[test]
    fn floats_come_back_as_they_went() {
        let values = [1.5, -0.0, f32::MAX];

        let object = put_f32(&values).unwrap();

        assert_eq!(object.get_f32().unwrap(), values);
        assert_eq!(object.slice(0, 4).unwrap(), 1.5f32.to_le_bytes());
    }

    #[test]
    fn bytes_that_are_no_whole_floats_are_refused() {
        let object = put(b"seven b").unwrap();

        assert_eq!(object.get_f32(), Err(Error::OutOfRange(7)));
    }
}
