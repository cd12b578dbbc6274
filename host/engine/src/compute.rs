//! What an instance computes with in the host: a part of its state that no snapshot of its memory can carry; and what all
//! instances compute on.

use std::sync::Arc;

use belljar_compute::Threads;
use belljar_compute::automaton::Boards;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Jobs under way at once: 128. Each holds a thread of those that may block, which everybody needs. They share the
/// processors, so that it takes as many guests that compute without end to keep another one from beginning.
const JOBS_MAX: usize = 128;

/// What all guests of a runtime compute on.
#[derive(Debug)]
pub struct Processors {
    threads: Threads,
    places: Arc<Semaphore>,
}

impl Processors {
    /// So many threads, which are started when they are first needed.
    pub fn new(threads: usize) -> Processors {
        Processors { threads: Threads::new(threads), places: Arc::new(Semaphore::new(JOBS_MAX)) }
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Waits for a place among the jobs that are under way; who comes first gets it first. None is left of processors
    /// that are closed, which these never are.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }
}

/// Bytes that are no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DamagedCompute(String);

/// What an instance computes with, at one moment. A clone shares the contents.
#[derive(Debug, Clone)]
pub struct ComputeState {
    boards: Boards,
}

impl ComputeState {
    pub(crate) fn of(boards: &Boards) -> ComputeState {
        ComputeState { boards: boards.clone() }
    }

    pub(crate) fn into_boards(self) -> Boards {
        self.boards
    }

    /// Whether it is what an instance begins with. One that had boards once and freed them all does not give their
    /// numbers to others, which is state.
    pub fn is_fresh(&self) -> bool {
        self.boards.last_id() == 0
    }

    /// What it takes of the host's memory.
    pub fn memory_bytes(&self) -> u64 {
        self.boards.memory_bytes()
    }

    /// All of it as bytes, the same for the same state, to be decoded by the same version of Belljar or a later one.
    pub fn encode(&self) -> Vec<u8> {
        self.boards.encode()
    }

    /// The state that these bytes are, if it takes no more memory than this. It may take many times as much as the bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`ComputeState::encode`] gave, or ask for more.
    pub fn decode(bytes: &[u8], memory_bytes_max: u64) -> Result<ComputeState, DamagedCompute> {
        let boards = Boards::decode(bytes, memory_bytes_max).map_err(|error| DamagedCompute(error.to_string()))?;
        Ok(ComputeState { boards })
    }
}
