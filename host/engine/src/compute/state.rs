//! What an instance computes with at one moment, and its bytes.
//!
//! The bytes are those of the boards alone where there is nothing else. Else they are little-endian: the magic `BJcs`, the
//! version as u16, which is 1, how many sections follow as u8, and those in the order of their kinds. A section is its kind
//! as u8 (0 boards, 1 tensors, 2 buffers and pipelines of the device), its length as u64, and so many bytes. What an instance
//! never had has none.

use std::collections::BTreeMap;

use belljar_compute::automaton::Boards;
use belljar_compute::device::{self, Image};
use belljar_compute::tensor::{self, Tensors};
use bytes::Bytes;

const MAGIC: [u8; 4] = *b"BJcs";
/// The format of these bytes that this build reads and writes.
const VERSION: u16 = 1;
const BOARDS: u8 = 0;
const TENSORS: u8 = 1;
const DEVICE: u8 = 2;
/// The length of a section, before it.
const LENGTH_BYTES: usize = size_of::<u64>();
/// More bytes than the header, those before each section and those of no boards are.
const HEAD_BYTES_MAX: u64 = 128;

/// Bytes that are no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DamagedCompute(String);

impl DamagedCompute {
    fn new(problem: impl ToString) -> DamagedCompute {
        DamagedCompute(problem.to_string())
    }
}

/// What an instance computes with, at one moment. A clone shares the contents.
#[derive(Debug, Clone)]
pub struct ComputeState {
    pub(super) boards: Boards,
    pub(super) tensors: Tensors,
    pub(super) image: Image,
}

impl ComputeState {
    /// Whether it is what an instance begins with. One that had something once and freed it all does not give the same
    /// numbers to others, which is state.
    pub fn is_fresh(&self) -> bool {
        self.boards.last_id() == 0 && self.tensors.is_fresh() && self.image.is_fresh()
    }

    /// What it takes of the host's memory.
    pub fn memory_bytes(&self) -> u64 {
        self.boards.memory_bytes() + self.tensors.memory_bytes() + self.image.size_bytes()
    }

    /// The most bytes in which something is encoded that takes so much memory.
    pub fn encoded_bytes_max(memory_bytes: u64) -> u64 {
        let beside =
            tensor::ENCODED_BESIDE_ELEMENTS_BYTES_MAX + device::ENCODED_BESIDE_BUFFERS_BYTES_MAX + HEAD_BYTES_MAX;
        memory_bytes.saturating_add(beside)
    }

    /// All of it as bytes, the same for the same state, to be decoded by the same version of Belljar or a later one.
    ///
    /// # Panics
    ///
    /// When it was taken of an instance that was not settled before, and the device has failed since.
    pub fn encode(&self) -> Vec<u8> {
        let (has_tensors, has_image) = (!self.tensors.is_fresh(), !self.image.is_fresh());
        if !has_tensors && !has_image {
            return self.boards.encode();
        }
        let has_boards = self.boards.last_id() != 0;
        let count = [has_boards, has_tensors, has_image].into_iter().map(u8::from).sum();
        let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &[count]].concat();
        if has_boards {
            section(&mut bytes, BOARDS, |bytes| bytes.extend(self.boards.encode()));
        }
        if has_tensors {
            // They may be a gigabyte, of which there is to be no second copy.
            section(&mut bytes, TENSORS, |bytes| {
                self.tensors.encode_into(bytes).expect("tensors that were settled are with the host");
            });
        }
        if has_image {
            section(&mut bytes, DEVICE, |bytes| bytes.extend(self.image.encode()));
        }
        bytes
    }

    /// The state that these bytes are, if it takes no more memory than this. It may take many times as much as the bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`ComputeState::encode`] gave, or ask for more.
    pub fn decode(bytes: &[u8], memory_bytes_max: u64) -> Result<ComputeState, DamagedCompute> {
        let mut sections = match bytes.strip_prefix(&MAGIC) {
            Some(rest) => sections(rest)?,
            None => BTreeMap::from([(BOARDS, bytes)]),
        };
        let boards = match sections.remove(&BOARDS) {
            Some(bytes) => Boards::decode(bytes, memory_bytes_max).map_err(DamagedCompute::new)?,
            None => Boards::new(memory_bytes_max),
        };
        let left_bytes = memory_bytes_max.saturating_sub(boards.memory_bytes());
        let tensors = match sections.remove(&TENSORS) {
            Some(bytes) => Tensors::decode(bytes, left_bytes).map_err(DamagedCompute::new)?,
            None => Tensors::new(left_bytes),
        };
        let left_bytes = left_bytes.saturating_sub(tensors.memory_bytes());
        let image = match sections.remove(&DEVICE) {
            Some(bytes) => {
                let image = Image::decode(&Bytes::copy_from_slice(bytes)).map_err(DamagedCompute::new)?;
                if image.size_bytes() > left_bytes {
                    let problem = format!("buffers of {} bytes do not fit into {left_bytes}", image.size_bytes());
                    return Err(DamagedCompute(problem));
                }
                image
            }
            None => Image::default(),
        };
        match sections.first_key_value() {
            Some((kind, _)) => Err(DamagedCompute(format!("this build knows nothing of kind {kind} to compute with"))),
            None => Ok(ComputeState { boards, tensors, image }),
        }
    }
}

/// Writes a section, whose length is known when it is written.
fn section(bytes: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    bytes.push(kind);
    let length_at = bytes.len();
    bytes.extend([0; LENGTH_BYTES]);
    write(bytes);
    let length = (bytes.len() - length_at - LENGTH_BYTES) as u64;
    bytes[length_at..length_at + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

/// The sections by their kind, of what follows the magic.
fn sections(rest: &[u8]) -> Result<BTreeMap<u8, &[u8]>, DamagedCompute> {
    let early = || DamagedCompute::new("what an actor computes with ends early");
    let (version, mut rest) = rest.split_first_chunk().ok_or_else(early)?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        let problem = format!("what an actor computes with has format {version}, and this build reads {VERSION}");
        return Err(DamagedCompute(problem));
    }
    let (&count, after) = rest.split_first().ok_or_else(early)?;
    rest = after;
    let mut sections = BTreeMap::new();
    for _ in 0..count {
        let (&kind, after) = rest.split_first().ok_or_else(early)?;
        let (length, after) = after.split_first_chunk().ok_or_else(early)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| early())?;
        let (section, after) = after.split_at_checked(length).ok_or_else(early)?;
        if sections.last_key_value().is_some_and(|(last, _)| *last >= kind) {
            return Err(DamagedCompute(format!("kind {kind} of what an actor computes with is out of its place")));
        }
        sections.insert(kind, section);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(DamagedCompute::new("there is more after what an actor computes with"));
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use belljar_compute::automaton::{Edges, Settings, Size};
    use proptest::prelude::*;

    use super::*;

    fn boards() -> Boards {
        let (size, rule) = (Size::new(9, 5).unwrap(), "B3/S23".parse().unwrap());
        let mut boards = Boards::new(1 << 20);
        boards.random(Settings { size, rule, edges: Edges::Torus, ages: false }, 1, 0.5).unwrap();
        boards
    }

    fn computed() -> ComputeState {
        let mut tensors = Tensors::new(1 << 20);
        tensors.create(&[2], vec![1.0, -2.5]).unwrap();
        ComputeState { boards: boards(), tensors, image: Image::default() }
    }

    #[test]
    fn a_state_comes_back_from_its_bytes() {
        let bytes = computed().encode();
        assert_eq!(ComputeState::decode(&bytes, 1 << 20).unwrap().encode(), bytes);
    }

    #[test]
    fn without_tensors_the_bytes_are_those_of_the_boards() {
        let state = ComputeState { boards: boards(), tensors: Tensors::new(1 << 20), image: Image::default() };
        assert_eq!(state.encode(), boards().encode());
        assert_eq!(ComputeState::decode(&boards().encode(), 1 << 20).unwrap().encode(), boards().encode());
    }

    #[test]
    fn bytes_that_are_cut_or_of_another_version_are_refused() {
        let bytes = computed().encode();
        for length in 0..bytes.len() {
            assert!(ComputeState::decode(&bytes[..length], 1 << 20).is_err(), "{length}");
        }
        let mut later = bytes;
        later[MAGIC.len()] = 2;
        let error = ComputeState::decode(&later, 1 << 20).unwrap_err().to_string();
        assert!(error.contains("format 2"), "{error}");
    }

    #[test]
    fn boards_and_tensors_together_fit_into_the_limit() {
        let (state, bytes) = (computed(), computed().encode());
        assert!(ComputeState::decode(&bytes, state.memory_bytes()).is_ok());
        assert!(ComputeState::decode(&bytes, state.memory_bytes() - 1).is_err());
    }

    #[test]
    fn many_small_tensors_are_encoded_within_the_limit() {
        let mut tensors = Tensors::new(1 << 20);
        for _ in 0..1000 {
            let tensor = tensors.zeros(&[1; 8]).unwrap();
            tensors.require_gradient(tensor).unwrap();
        }
        let state = ComputeState { boards: Boards::new(0), tensors, image: Image::default() };
        assert!(state.encode().len() as u64 <= ComputeState::encoded_bytes_max(state.memory_bytes()));
    }

    proptest! {
        #[test]
        fn bytes_that_were_changed_are_refused_or_are_another_state(at in 0..200_usize, flip in 1..=255_u8) {
            let mut bytes = computed().encode();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(state) = ComputeState::decode(&bytes, 1 << 20) {
                let encoded = state.encode();
                prop_assert_eq!(ComputeState::decode(&encoded, 1 << 20).unwrap().encode(), encoded);
            }
        }
    }
}
