//! `belljar:plugin/progress`: how far a call is.

use super::Event;
use super::bindings::belljar::plugin::progress::Host;
use crate::capability::log::cut;
use crate::state::HostState;

impl Host for HostState {
    fn report(&mut self, done: u64, total: Option<u64>, message: String) {
        let message = cut(&message, self.limits.log_line_bytes_max as usize);
        self.log.emit(Event::Progress { done, total, message });
    }
}
