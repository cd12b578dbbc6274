//! What an actor keeps between calls. The host keeps an actor's whole memory, so its state is an ordinary value
//! that outlives the call; this module gives such a value a place that needs neither `unsafe` nor a lock.
//!
//! ```
//! use belljar_guest::state;
//!
//! state! {
//!     static VISITORS: Vec<String> = Vec::new();
//! }
//!
//! VISITORS.with(|visitors| visitors.push("Ada".to_owned()));
//! assert_eq!(VISITORS.get(), ["Ada"]);
//! ```
//!
//! A call that faults leaves no trace: the host puts the memory back as it was before the call. A method's error
//! (`result<_, E>`) is an ordinary answer, and what the method had changed by then stays changed.
//!
//! On the machine's own target every thread has a state of its own, so unit tests cannot disturb each other.

use std::cell::RefCell;
use std::thread::LocalKey;

/// A value that is kept between calls. [`state!`](crate::state!) declares one.
pub struct State<T: 'static>(&'static LocalKey<RefCell<T>>);

impl<T> State<T> {
    /// Refers to the place of the value.
    #[doc(hidden)]
    pub const fn new(place: &'static LocalKey<RefCell<T>>) -> Self {
        Self(place)
    }

    /// What `work` makes of the value, which it may change.
    ///
    /// # Panics
    ///
    /// If `work` itself asks for the same state.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        self.0.with(|place| {
            let mut value = place.try_borrow_mut().expect("a state is not asked for while it is being worked on");
            work(&mut value)
        })
    }

    /// Puts another value in the place of the present one.
    ///
    /// # Panics
    ///
    /// Inside of [`State::with`].
    pub fn set(&self, value: T) {
        self.with(|present| *present = value);
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// Inside of [`State::with`].
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(|value| value.clone())
    }
}

/// Declares what an actor keeps between calls, with the value that a new actor has: see [`state`](mod@crate::state).
#[macro_export]
macro_rules! state {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $value:expr;)+) => {$(
        $(#[$attribute])*
        $visibility static $name: $crate::state::State<$type> = {
            ::std::thread_local! {
                static PLACE: ::std::cell::RefCell<$type> = ::std::cell::RefCell::new($value);
            }
            $crate::state::State::new(&PLACE)
        };
    )+};
}

#[cfg(test)]
mod tests {
    state! {
        static COUNT: u32 = 5;
        static NAMES: Vec<String> = vec!["first".to_owned()];
    }

    #[test]
    fn a_state_starts_with_its_value_and_keeps_changes() {
        assert_eq!(COUNT.get(), 5);

        let before = COUNT.with(|count| std::mem::replace(count, 6));
        NAMES.with(|names| names.push("second".to_owned()));

        assert_eq!(before, 5);
        assert_eq!(COUNT.get(), 6);
        assert_eq!(NAMES.get(), ["first", "second"]);
    }

    #[test]
    fn a_thread_has_a_state_of_its_own() {
        COUNT.set(100);

        let seen_elsewhere = std::thread::spawn(|| COUNT.get()).join().unwrap();

        assert_eq!(seen_elsewhere, 5);
    }

    #[test]
    #[should_panic(expected = "a state is not asked for while it is being worked on")]
    fn a_state_inside_of_itself_is_refused() {
        COUNT.with(|_| COUNT.get());
    }
}
