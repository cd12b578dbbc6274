//! Timers, which are kept for the test to look at and never ring.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// A timer that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When it rings, in milliseconds after the start of the call that set it.
    pub delay_ms: u64,
    /// The method that is called then.
    pub method: String,
    /// The arguments, as JSON.
    pub arguments: String,
}

thread_local! {
    static TIMERS: RefCell<BTreeMap<String, Timer>> = RefCell::default();
}

pub fn set(name: &str, delay_ms: u64, method: &str, arguments: &str) {
    let timer = Timer { delay_ms, method: method.to_owned(), arguments: arguments.to_owned() };
    TIMERS.with_borrow_mut(|timers| timers.insert(name.to_owned(), timer));
}

pub fn cancel(name: &str) -> bool {
    TIMERS.with_borrow_mut(|timers| timers.remove(name)).is_some()
}

pub fn all() -> BTreeMap<String, Timer> {
    TIMERS.with_borrow(BTreeMap::clone)
}
