//! A session as bytes: what a checkpoint keeps of an owner's buffers and pipelines. Pipelines are kept as their
//! source, because what a driver makes of it is good for that driver only.
//!
//! # Format
//! All numbers are little-endian.
//!
//! | bytes | are |
//! | --- | --- |
//! | 8 | the magic `BJDEVICE` |
//! | 4 | the version, 1 |
//! | 4 | the length of the header |
//! | … | the header in postcard: next id, buffers (id, size, kind), pipelines (id, entry point, source) |
//! | … | the contents of the buffers whose kind is `Bytes`, in the header's order |
//!
//! There is no checksum: the checkpoint that this is a part of has one.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::commands::ALIGNMENT_BYTES;
use super::error::DeviceError;
use super::session::{BUFFERS_MAX, PIPELINES_MAX};
use super::shader::{ENTRY_POINT_BYTES_MAX, SOURCE_BYTES_MAX};

const MAGIC: &[u8; 8] = b"BJDEVICE";
const VERSION: u32 = 1;
/// What ids begin with.
pub(super) const FIRST_ID: u64 = 1;

/// More bytes than an image has beside the contents of its buffers.
pub const ENCODED_BESIDE_BUFFERS_BYTES_MAX: u64 = PREFIX_BYTES as u64
    + BUFFERS_MAX as u64 * ENTRY_BYTES_MAX
    + PIPELINES_MAX as u64 * (SOURCE_BYTES_MAX + ENTRY_POINT_BYTES_MAX + ENTRY_BYTES_MAX);

/// More bytes than a buffer has in the header, or a pipeline beside its texts.
const ENTRY_BYTES_MAX: u64 = 64;
/// Bytes before the header.
const PREFIX_BYTES: usize = 16;

/// The buffers and pipelines of a session at one moment, under their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The id that the next buffer or pipeline gets.
    pub(super) next_id: u64,
    pub(super) buffers: BTreeMap<u64, BufferImage>,
    pub(super) pipelines: BTreeMap<u64, PipelineImage>,
}

/// What is kept of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BufferImage {
    /// Nothing was ever written; its size in bytes.
    Zeros(u64),
    /// Its contents.
    Bytes(Bytes),
    /// Its contents had been lost with a worker; its size in bytes.
    Lost(u64),
}

impl BufferImage {
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Zeros(size) | Self::Lost(size) => *size,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    fn contents(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Zeros(_) | Self::Lost(_) => None,
        }
    }
}

/// What is kept of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PipelineImage {
    pub(super) entry_point: String,
    pub(super) source: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    next_id: u64,
    buffers: Vec<(u64, u64, Kind)>,
    pipelines: Vec<(u64, PipelineImage)>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Kind {
    Zeros,
    Bytes,
    Lost,
}

impl Image {
    /// What the buffers take on the device, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.buffers.values().map(BufferImage::size_bytes).fold(0, u64::saturating_add)
    }

    /// The buffers whose contents are lost.
    pub fn lost_buffers(&self) -> Vec<u64> {
        let lost = self.buffers.iter().filter(|(_, buffer)| matches!(buffer, BufferImage::Lost(_)));
        lost.map(|(&id, _)| id).collect()
    }

    /// Whether there is nothing, and never was: ids are not given again.
    pub fn is_fresh(&self) -> bool {
        self.next_id <= FIRST_ID
    }

    /// The image as bytes, in the format that stands at the head of this module.
    pub fn encode(&self) -> Vec<u8> {
        let kind = |buffer: &BufferImage| match buffer {
            BufferImage::Zeros(_) => Kind::Zeros,
            BufferImage::Bytes(_) => Kind::Bytes,
            BufferImage::Lost(_) => Kind::Lost,
        };
        let header = Header {
            next_id: self.next_id,
            buffers: self.buffers.iter().map(|(&id, buffer)| (id, buffer.size_bytes(), kind(buffer))).collect(),
            pipelines: self.pipelines.iter().map(|(&id, pipeline)| (id, pipeline.clone())).collect(),
        };
        let header = postcard::to_allocvec(&header).expect("plain numbers and text have a form in postcard");
        let length = u32::try_from(header.len()).expect("buffers and pipelines are too few for a longer header");
        let contents = || self.buffers.values().filter_map(BufferImage::contents);
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + header.len() + contents().map(Bytes::len).sum::<usize>());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&header);
        contents().for_each(|contents| bytes.extend_from_slice(contents));
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote. The contents of the buffers are not copied.
    ///
    /// # Errors
    /// [`DeviceError::BadImage`] when the bytes are damaged, or of another version.
    pub fn decode(bytes: &Bytes) -> Result<Self, DeviceError> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| bad("it is too short"))?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(|| bad("it is too short"))?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(|| bad("it is too short"))?;
        if magic != MAGIC {
            return Err(bad("it does not begin with the magic"));
        }
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(bad(format!("version {version} is not {VERSION}")));
        }
        let length = u32::from_le_bytes(*length) as usize;
        let header = rest.get(..length).ok_or_else(|| bad("its header is cut short"))?;
        let header: Header = postcard::from_bytes(header).map_err(bad)?;
        if header.buffers.len() > BUFFERS_MAX || header.pipelines.len() > PIPELINES_MAX {
            return Err(bad("it has more buffers or pipelines than a session may have"));
        }
        let mut contents = bytes.slice(PREFIX_BYTES + length..);
        let mut image = Self { next_id: header.next_id, ..Self::default() };
        for (id, size, kind) in header.buffers {
            if size == 0 || !size.is_multiple_of(ALIGNMENT_BYTES) {
                return Err(bad(format!("a buffer of {size} bytes")));
            }
            let buffer = match kind {
                Kind::Zeros => BufferImage::Zeros(size),
                Kind::Lost => BufferImage::Lost(size),
                Kind::Bytes => {
                    let size = usize::try_from(size).ok().filter(|&size| size <= contents.len());
                    BufferImage::Bytes(contents.split_to(size.ok_or_else(|| bad("a buffer is cut short"))?))
                }
            };
            image.check_id(id)?;
            image.buffers.insert(id, buffer);
        }
        for (id, pipeline) in header.pipelines {
            image.check_id(id)?;
            let (source, entry_point) = (pipeline.source.len() as u64, pipeline.entry_point.len() as u64);
            if source > SOURCE_BYTES_MAX || entry_point > ENTRY_POINT_BYTES_MAX {
                return Err(bad("a pipeline is too large"));
            }
            image.pipelines.insert(id, pipeline);
        }
        if contents.is_empty() { Ok(image) } else { Err(bad("there are bytes after its end")) }
    }

    fn check_id(&self, id: u64) -> Result<(), DeviceError> {
        let is_new = !self.buffers.contains_key(&id) && !self.pipelines.contains_key(&id);
        if id < self.next_id && is_new { Ok(()) } else { Err(bad(format!("id {id} is there twice, or not given yet"))) }
    }
}

fn bad(error: impl ToString) -> DeviceError {
    DeviceError::BadImage(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Image {
        let pipeline = PipelineImage { entry_point: "main".into(), source: "@compute".into() };
        Image {
            next_id: 9,
            buffers: [
                (1, BufferImage::Bytes(Bytes::from_static(&[1, 2, 3, 4]))),
                (2, BufferImage::Zeros(8)),
                (5, BufferImage::Lost(12)),
            ]
            .into(),
            pipelines: [(3, pipeline)].into(),
        }
    }

    const GOLDEN: &[u8] = include_bytes!("../../tests/golden/device_v1.bin");

    #[test]
    fn the_golden_image_is_what_this_build_writes() {
        assert_eq!(example().encode(), GOLDEN);
    }

    #[test]
    fn the_golden_image_is_read() {
        assert_eq!(Image::decode(&Bytes::from_static(GOLDEN)).expect("a good image"), example());
    }

    #[test]
    fn an_image_that_is_cut_short_anywhere_is_refused() {
        let bytes = Bytes::from(example().encode());
        for length in 0..bytes.len() {
            assert!(matches!(Image::decode(&bytes.slice(..length)), Err(DeviceError::BadImage(_))), "{length}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_image(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(Image::decode(&bytes.into()).is_err());
        }

        #[test]
        fn a_damaged_image_is_an_image_or_an_error(at in 0..GOLDEN.len(), byte in any::<u8>()) {
            let mut bytes = GOLDEN.to_vec();
            bytes[at] = byte;
            if let Ok(image) = Image::decode(&bytes.into()) {
                let again = image.encode();
                prop_assert_eq!(Image::decode(&again.into()).expect("what was written can be read"), image);
            }
        }
    }
}
