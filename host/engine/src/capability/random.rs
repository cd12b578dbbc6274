//! `belljar:plugin/random`: a generator for each instance, seeded from the operating system when it is
//! first used, or set to where an actor's was. ChaCha with 12 rounds, the field's usual trade of speed and strength.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::bindings::belljar::plugin::random::Host;
use crate::fault::{FaultKind, raise};
use crate::state::HostState;

/// Bytes of one request: 64 KiB.
pub(crate) const RANDOM_BYTES_MAX: u32 = 64 << 10;

/// Where a generator is in its sequence: enough to go on with the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomState {
    /// The seed.
    pub seed: [u8; 32],
    /// How many 32-bit words were drawn.
    pub position: u128,
}

impl RandomState {
    /// The start of a new sequence, from the operating system's random numbers.
    ///
    /// # Errors
    ///
    /// A text, when it gives none.
    pub fn fresh() -> Result<RandomState, String> {
        let generator = ChaCha12Rng::try_from_os_rng().map_err(|error| error.to_string())?;
        Ok(RandomState { seed: generator.get_seed(), position: 0 })
    }
}

/// An instance's generator.
#[derive(Default)]
pub(crate) struct Random {
    generator: Option<ChaCha12Rng>,
}

impl Random {
    /// A generator that goes on from here.
    pub(crate) fn from_state(state: RandomState) -> Random {
        let mut generator = ChaCha12Rng::from_seed(state.seed);
        generator.set_word_pos(state.position);
        Random { generator: Some(generator) }
    }

    /// Where the generator is; none before its first use.
    pub(crate) fn state(&self) -> Option<RandomState> {
        let generator = self.generator.as_ref()?;
        Some(RandomState { seed: generator.get_seed(), position: generator.get_word_pos() })
    }

    fn generator(&mut self) -> wasmtime::Result<&mut ChaCha12Rng> {
        let seeded = match self.generator.take() {
            Some(generator) => generator,
            None => ChaCha12Rng::try_from_os_rng().map_err(|error| {
                raise(FaultKind::Host { message: format!("the operating system gives no random numbers: {error}") })
            })?,
        };
        Ok(self.generator.insert(seeded))
    }
}

impl Host for HostState {
    fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        if length > RANDOM_BYTES_MAX {
            let message = format!("asked for {length} random bytes at once; the most is {RANDOM_BYTES_MAX}");
            return Err(raise(FaultKind::Misuse { message }));
        }
        let mut bytes = vec![0; length as usize];
        self.random.generator()?.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn next(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.generator()?.next_u64())
    }
}
