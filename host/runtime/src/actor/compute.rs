//! What an actor computes with in the host, as its checkpoints keep it: encoded, in chunks of the packs, beside the pages of
//! its memory.

use belljar_engine::ComputeState;
use belljar_store::StoreError;
use belljar_store::checkpoint::{CHUNK_BYTES_MAX, Packs, Pin};
use serde::{Deserialize, Serialize};

use super::objects::ObjectName;
use super::record::Settings;
use super::state::ActorState;

/// Bytes of the host's memory that an actor that keeps its state may compute with: 1 GiB, which is as much as a checkpoint
/// has room for beside the actor's objects.
pub const KEPT_COMPUTE_BYTES_MAX: u64 = 1 << 30;

/// What a checkpoint says of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeptCompute {
    /// The chunks.
    pub name: ObjectName,
    /// What they hold, until the instance has it.
    #[serde(skip)]
    pub at_hand: Option<ComputeState>,
}

impl PartialEq for KeptCompute {
    fn eq(&self, other: &KeptCompute) -> bool {
        self.name == other.name
    }
}

impl KeptCompute {
    /// Makes it durable. The pin keeps the chunks until a record that names them is. It blocks.
    pub(crate) fn save(state: &ComputeState, packs: &Packs) -> Result<(KeptCompute, Pin), StoreError> {
        let bytes = state.encode();
        let chunks: Vec<&[u8]> = bytes.chunks(CHUNK_BYTES_MAX).collect();
        let name = ObjectName::of(&bytes);
        let put = packs.put(&chunks)?;
        let pin = packs.pin(name.digests().collect())?;
        drop(put);
        Ok((KeptCompute { name, at_hand: None }, pin))
    }

    /// Has it at hand, if it takes no more memory than this. It blocks.
    fn open(&mut self, packs: &Packs, memory_bytes_max: u64) -> Result<(), StoreError> {
        if let Some(problem) = self.name.problem() {
            return Err(damaged(problem));
        }
        let size_bytes = self.name.size_bytes;
        if size_bytes > ComputeState::encoded_bytes_max(memory_bytes_max) {
            return Err(damaged(format!("{size_bytes} bytes are more than the {memory_bytes_max} that it may take")));
        }
        let chunks = packs.get(self.name.digests())?;
        let bytes = self.name.digests().map(|digest| &chunks[&digest][..]).collect::<Vec<_>>().concat();
        // What is decoded takes as much again.
        drop(chunks);
        let state = ComputeState::decode(&bytes, memory_bytes_max).map_err(|error| damaged(error.to_string()))?;
        self.at_hand = Some(state);
        Ok(())
    }
}

/// Why an actor of these settings cannot have what it computed with under others, if it cannot.
pub(crate) fn obstacle(computed: &ComputeState, settings: &Settings) -> Option<String> {
    let (bytes, limit_bytes) = (computed.memory_bytes(), settings.limits.compute_bytes_max);
    if bytes == 0 {
        // Numbers of boards and tensors that were freed do not matter to whoever can have none.
        None
    } else if !settings.grants.compute {
        Some("it has boards, tensors or buffers, and the new version is not granted compute".to_owned())
    } else if bytes > limit_bytes {
        Some(format!(
            "its boards, tensors and buffers take {bytes} bytes, and `compute_bytes_max` is now {limit_bytes}"
        ))
    } else {
        None
    }
}

impl ActorState {
    /// Has at hand what the guest computed with, if it takes no more memory than this. It blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError::ChunkMissing`], [`StoreError::CheckpointDamaged`], and those of reading.
    pub(crate) fn open_compute(&mut self, packs: &Packs, memory_bytes_max: u64) -> Result<(), StoreError> {
        let Some(compute) = &mut self.compute else { return Ok(()) };
        let settings = self.spawned.settings().map_err(damaged)?;
        if !settings.grants.compute {
            // Whoever lets an actor of elsewhere in has looked at its grants.
            return Err(damaged("the actor was never granted compute".to_owned()));
        }
        compute.open(packs, memory_bytes_max)
    }
}

fn damaged(problem: String) -> StoreError {
    StoreError::CheckpointDamaged { place: "what the actor computes with".to_owned(), problem }
}
