//! The sections that a bundle is made of. Each has a tag, a length, its bytes and a checksum over all three;
//! the last one holds the BLAKE3 hash of everything before it.

use std::io::{self, Read, Write};

use super::fields::{CHECKSUM_BYTES, first_half};
use super::transit::{COMPONENT_BYTES_MAX, DESCRIPTION_BYTES_MAX, MANIFEST_BYTES_MAX, TRAVELLING_CHUNK_BYTES_MAX};

/// The format of bundles that this build reads and writes.
pub const BUNDLE_FORMAT: u16 = 1;

const MAGIC: &[u8; 6] = b"BJBNDL";

/// What a section holds. They come in this order; only chunks come more than once, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Description = 1,
    Component,
    Checkpoint,
    Chunk,
    End,
}

impl Tag {
    fn of(byte: u8) -> Option<Self> {
        [Self::Description, Self::Component, Self::Checkpoint, Self::Chunk, Self::End]
            .into_iter()
            .find(|tag| *tag as u8 == byte)
    }

    /// The most bytes of the section.
    fn bytes_max(self) -> u64 {
        match self {
            Self::Description => DESCRIPTION_BYTES_MAX,
            Self::Component => COMPONENT_BYTES_MAX,
            Self::Checkpoint => MANIFEST_BYTES_MAX,
            Self::Chunk => TRAVELLING_CHUNK_BYTES_MAX,
            Self::End => blake3::OUT_LEN as u64,
        }
    }

    /// What errors call the section.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Component => "component",
            Self::Checkpoint => "checkpoint",
            Self::Chunk => "chunks",
            Self::End => "end",
        }
    }
}

/// Why a bundle could not be written or read.
#[derive(Debug)]
pub(super) enum Problem {
    Io(io::Error),
    Version(u16),
    Damaged { section: &'static str, problem: String },
    TooLarge { section: Tag, bytes: u64, bytes_max: u64 },
}

impl From<io::Error> for Problem {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// That something is wrong with a section.
pub(super) fn damaged(tag: Tag, problem: impl Into<String>) -> Problem {
    Problem::Damaged { section: tag.name(), problem: problem.into() }
}

/// Writes sections.
pub(super) struct SectionWriter<W> {
    out: W,
    all: blake3::Hasher,
}

impl<W: Write> SectionWriter<W> {
    /// Starts a bundle.
    pub(super) fn start(out: W) -> Result<Self, Problem> {
        let mut writer = Self { out, all: blake3::Hasher::new() };
        writer.write(MAGIC)?;
        writer.write(&BUNDLE_FORMAT.to_le_bytes())?;
        Ok(writer)
    }

    /// Writes a section that consists of these parts.
    pub(super) fn section(&mut self, tag: Tag, parts: &[&[u8]]) -> Result<(), Problem> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        if bytes > tag.bytes_max() {
            return Err(Problem::TooLarge { section: tag, bytes, bytes_max: tag.bytes_max() });
        }
        let mut own = blake3::Hasher::new();
        for part in [&[tag as u8], &bytes.to_le_bytes()[..]].into_iter().chain(parts.iter().copied()) {
            own.update(part);
            self.write(part)?;
        }
        Ok(self.write(&first_half(own.finalize().as_bytes()))?)
    }

    /// Writes the last section.
    pub(super) fn end(mut self) -> Result<W, Problem> {
        let all = self.all.finalize();
        self.section(Tag::End, &[all.as_bytes()])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.all.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Reads sections.
pub(super) struct SectionReader<R> {
    input: R,
    all: blake3::Hasher,
}

impl<R: Read> SectionReader<R> {
    /// Starts to read a bundle.
    pub(super) fn start(input: R) -> Result<Self, Problem> {
        const SECTION: &str = "header";
        let mut reader = Self { input, all: blake3::Hasher::new() };
        if reader.array(SECTION)? != *MAGIC {
            return Err(Problem::Damaged { section: SECTION, problem: "it does not start as one".to_owned() });
        }
        match u16::from_le_bytes(reader.array(SECTION)?) {
            BUNDLE_FORMAT => Ok(reader),
            found => Err(Problem::Version(found)),
        }
    }

    /// The next section, which must be this one.
    pub(super) fn expect(&mut self, tag: Tag) -> Result<Vec<u8>, Problem> {
        match self.next(tag)? {
            (found, bytes) if found == tag => Ok(bytes),
            (found, _) => Err(damaged(tag, format!("the section with the {} comes in its place", found.name()))),
        }
    }

    /// The chunks, one section at a time, up to the end, which must fit and be the end of the input.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let all = self.all.finalize();
        match self.next(Tag::Chunk)? {
            (Tag::Chunk, bytes) => Ok(Some(bytes)),
            (Tag::End, bytes) if bytes != all.as_bytes() => Err(damaged(Tag::End, "the hash of all does not fit")),
            (Tag::End, _) => match self.input.read(&mut [0])? {
                0 => Ok(None),
                _ => Err(damaged(Tag::End, "something follows it")),
            },
            (found, _) => Err(damaged(found, "it comes a second time")),
        }
    }

    /// The next section; `expected` is what errors call it as long as it has no tag.
    fn next(&mut self, expected: Tag) -> Result<(Tag, Vec<u8>), Problem> {
        let start: [u8; 1 + size_of::<u64>()] = self.array(expected.name())?;
        let [tag, length @ ..] = start;
        let tag =
            Tag::of(tag).ok_or_else(|| damaged(expected, format!("the unknown section {tag} is in its place")))?;
        let length = u64::from_le_bytes(length);
        if length > tag.bytes_max() {
            return Err(damaged(tag, format!("{length} bytes are more than {}", tag.bytes_max())));
        }
        let mut bytes = Vec::new();
        // The buffer grows with what there is to read, and not with what the length promises.
        if (&mut self.input).take(length).read_to_end(&mut bytes)? as u64 != length {
            return Err(damaged(tag, "the file ends"));
        }
        self.all.update(&bytes);
        let own = blake3::Hasher::new().update(&start).update(&bytes).finalize();
        match self.array::<CHECKSUM_BYTES>(tag.name())? == first_half(own.as_bytes()) {
            true => Ok((tag, bytes)),
            false => Err(damaged(tag, "its checksum does not fit")),
        }
    }

    fn array<const N: usize>(&mut self, section: &'static str) -> Result<[u8; N], Problem> {
        let mut array = [0; N];
        self.input.read_exact(&mut array).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => Problem::Damaged { section, problem: "the file ends".to_owned() },
            _ => Problem::Io(e),
        })?;
        self.all.update(&array);
        Ok(array)
    }
}
