//! Messages that an actor sends to itself later. A timer is a part of the actor's state: it is undone with the call
//! that set it if that call faults, outlives crashes and hibernation, and rings at most once. An actor that wants
//! to be called again and again sets the timer anew each time that it rings.
//!
//! ```
//! use belljar_guest::timers;
//! use std::time::Duration;
//!
//! timers::set("tick", Duration::from_secs(60), "tick", ())?;
//! assert!(timers::cancel("tick"));
//! assert!(!timers::cancel("tick"));
//! # Ok::<(), timers::Error>(())
//! ```

use serde::Serialize;
use std::time::Duration;

/// Why a timer was not set.
#[derive(Debug, thiserror::Error)]
#[error("the arguments of the timer cannot be written as JSON: {0}")]
pub struct Error(#[from] serde_json::Error);

/// So that `?` ends a method whose error is a text.
impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

/// Sets a timer, in place of the one of the same name if there is one. When `delay` has passed since the start of
/// the running call, `method` of this actor is called with `arguments`, which are given as for
/// [`actors::call`](crate::actors::call). The delay is rounded up to milliseconds.
///
/// An actor may have 1,024 timers; one more is a fault, and so is any in a task.
///
/// # Errors
///
/// The arguments have no form in JSON, as a map whose keys are lists.
pub fn set(name: &str, delay: Duration, method: &str, arguments: impl Serialize) -> Result<(), Error> {
    let arguments = crate::json::arguments(&arguments)?;
    crate::host::timers::set(name, milliseconds(delay), method, &arguments);
    Ok(())
}

/// Takes a timer away; false if there was none of this name.
pub fn cancel(name: &str) -> bool {
    crate::host::timers::cancel(name)
}

/// Rounded up, so that nobody is called or told too early. More than 64 bits hold is as good as never.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Timer};
    use std::collections::BTreeMap;

    #[test]
    fn a_timer_takes_the_place_of_the_one_of_its_name() {
        set("tick", Duration::from_secs(1), "tick", ()).unwrap();
        set("tick", Duration::from_secs(2), "tick", (5,)).unwrap();

        let expected = Timer { delay_ms: 2_000, method: "tick".to_owned(), arguments: "[5]".to_owned() };
        assert_eq!(testing::timers(), BTreeMap::from([("tick".to_owned(), expected)]));
    }

    #[test]
    fn a_delay_is_rounded_up_and_has_a_largest_value() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_millis(7)), 7);
        assert_eq!(milliseconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn arguments_without_a_form_in_json_are_refused() {
        let unfit = BTreeMap::from([(vec![1], 2)]);

        let error = set("tick", Duration::ZERO, "tick", (unfit,)).unwrap_err();

        assert!(error.to_string().contains("JSON"), "{error}");
        assert!(testing::timers().is_empty());
    }
}
