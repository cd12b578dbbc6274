//! `belljar:plugin/timers`: messages that an actor sends to itself later. Keeping them is the embedding runtime's.

use std::time::Duration;

use super::bindings::belljar::plugin::timers::Host;
use crate::fault::{FaultKind, raise};
use crate::state::HostState;

/// Keeps the timers of one actor. The embedding runtime implements it. It is called on the guest's thread, so it must
/// not block.
pub trait TimerHost: Send + Sync {
    /// Sets a timer, in place of the one of this name.
    ///
    /// # Errors
    ///
    /// The fault that stops the guest, when it has too many or the arguments are no JSON.
    fn set(&self, name: String, delay: Duration, method: String, arguments: String) -> Result<(), FaultKind>;
    /// Takes a timer away; false if there is none.
    fn cancel(&self, name: &str) -> bool;
}

impl HostState {
    fn timers(&self) -> wasmtime::Result<&dyn TimerHost> {
        self.services.timers.as_deref().ok_or_else(|| {
            raise(FaultKind::Misuse { message: "only an actor has timers; spawn this plugin as one".to_owned() })
        })
    }
}

impl Host for HostState {
    fn set(&mut self, name: String, delay_ms: u64, method: String, arguments: String) -> wasmtime::Result<()> {
        self.timers()?.set(name, Duration::from_millis(delay_ms), method, arguments).map_err(raise)
    }

    fn cancel(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(self.timers()?.cancel(&name))
    }
}
