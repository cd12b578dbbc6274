//! For a plugin's unit tests, on the machine's own target: stands in for what the plugin deals with beyond the
//! host. Everything here belongs to the thread that calls it, so tests cannot disturb each other.

use crate::actors::Error;
use crate::stand_in;
use std::collections::BTreeMap;

pub use crate::stand_in::timers::Timer;

/// Has calls of the actor `name` answered by `answer`, which is given the method and the arguments as JSON, and
/// returns the result as JSON. It is asked when the call is sent, and its error is had from the call's `get`.
pub fn actor(name: &str, answer: impl Fn(&str, &str) -> Result<String, Error> + 'static) {
    stand_in::actors::install(name, Box::new(answer));
}

/// The timers that are set, by name. None of them rings by itself.
pub fn timers() -> BTreeMap<String, Timer> {
    stand_in::timers::all()
}
