//! `belljar:plugin/random`: a generator for each instance, seeded from the operating system when it is
//! first used. ChaCha with 12 rounds, the field's usual trade of speed and strength.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::bindings::belljar::plugin::random::Host;
use crate::fault::{FaultKind, raise};
use crate::state::HostState;

/// Bytes of one request: 64 KiB.
pub(crate) const RANDOM_BYTES_MAX: u32 = 64 << 10;

/// An instance's generator.
#[derive(Default)]
pub(crate) struct Random {
    generator: Option<ChaCha12Rng>,
}

impl Random {
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
