//! Calls of other actors, which need a grant: `actors = ["ledger", "account-*"]`.
//!
//! [`call`] sends a call and returns at once; [`Call::get`] waits for its result. Several calls are under way at
//! the same time, and [`wait`] tells which of them are done:
//!
//! ```
//! use belljar_guest::{actors, testing};
//!
//! testing::actor("ledger", |method, _| Ok(if method == "add" { "12" } else { "null" }.to_owned()));
//!
//! let total = actors::call::<i64>("ledger", "add", (5,))?.get()?;
//!
//! assert_eq!(total, 12);
//! # Ok::<(), actors::Error>(())
//! ```
//!
//! Arguments and results are what serde makes of Rust's types, and the host reads them by the method's own types.
//! Two things differ: a method's own `result` is read as an [`Outcome`], and a 64-bit integer or a float of which
//! every value counts as a [`Number`].

mod error;
mod outcome;

pub use crate::json::Number;
pub use error::Error;
pub use outcome::Outcome;

use crate::host::actors as host;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::time::Duration;

/// A call that was sent. It may be kept in the actor's state and asked in a later call.
///
/// Letting it go without [`Call::get`] is how an actor sends a call whose result it does not need: it is carried out
/// once all the same.
#[derive(Debug)]
pub struct Call<R> {
    id: CallId,
    result: PhantomData<fn() -> R>,
}

/// The id of a call, unique among those of this actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

/// Sends a call to the actor of this name. `arguments` is a tuple, such as `(5,)` or `()`, or a struct whose fields
/// are named as the method's parameters.
///
/// # Errors
///
/// [`Error::NotGranted`], [`Error::UnknownActor`], [`Error::BadCall`], and [`Error::Deadlock`].
pub fn call<R>(actor: &str, method: &str, arguments: impl Serialize) -> Result<Call<R>, Error> {
    let arguments = crate::json::arguments(&arguments).map_err(|error| Error::BadCall(error.to_string()))?;
    let id = host::call(actor, method, &arguments)?;
    Ok(Call { id: CallId(id), result: PhantomData })
}

impl<R> Call<R> {
    /// The id, for [`wait`].
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`], [`Error::Cancelled`] and [`Error::Deadlock`]; [`Error::BadResult`] for a result that is not
    /// of type `R`.
    pub fn get(self) -> Result<R, Error>
    where
        R: DeserializeOwned,
    {
        let id = self.id.0;
        // The result is taken now, so there is nothing to let go.
        std::mem::forget(self);
        let result = host::get(id)?;
        serde_json::from_str(&result).map_err(|error| Error::BadResult { result, why: error.to_string() })
    }

    /// Says that nobody waits for the result any more. The call may have been carried out.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCall`] for a call whose result was had already by its id.
    pub fn cancel(self) -> Result<(), Error> {
        let id = self.id.0;
        std::mem::forget(self);
        Ok(host::cancel(id)?)
    }
}

impl<R> Drop for Call<R> {
    fn drop(&mut self) {
        // One whose result was had by its id already is let go too.
        host::cancel(self.id.0).ok();
    }
}

/// Waits until `count` of the calls have a result, good or bad, or `timeout` is over; without one it waits as long
/// as the running call may. Returns the ids of those that have a result.
pub fn wait(calls: &[CallId], count: u32, timeout: Option<Duration>) -> Vec<CallId> {
    let ids: Vec<u64> = calls.iter().map(|call| call.0).collect();
    let timeout_ms = timeout.map(crate::timers::milliseconds);
    host::wait(&ids, count, timeout_ms).into_iter().map(CallId).collect()
}

/// The name of the actor that asks; empty for a task, which has none.
pub fn name() -> String {
    host::name()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// An actor that answers `echo` with its arguments and stops at everything else.
    fn install_echo() {
        testing::actor("echo", |method, arguments| match method {
            "echo" => Ok(arguments.to_owned()),
            other => Err(Error::Fault(format!("no {other} here"))),
        });
    }

    #[test]
    fn a_result_is_read_into_the_callers_type() {
        install_echo();

        let numbers: Vec<u32> = call("echo", "echo", (1, 2, 3)).unwrap().get().unwrap();

        assert_eq!(numbers, [1, 2, 3]);
    }

    #[test]
    fn a_result_of_another_type_is_an_error_that_shows_it() {
        install_echo();

        let error = call::<u32>("echo", "echo", ("five",)).unwrap().get().unwrap_err();

        assert!(error.to_string().contains("[\"five\"]"), "{error}");
    }

    #[test]
    fn a_fault_and_an_unknown_actor_are_errors() {
        install_echo();

        let fault = call::<()>("echo", "explode", ()).unwrap().get();
        let unknown = call::<()>("nobody", "echo", ()).err();

        assert_eq!(fault, Err(Error::Fault("no explode here".to_owned())));
        assert_eq!(unknown, Some(Error::UnknownActor("nobody".to_owned())));
    }

    #[test]
    fn waiting_returns_the_calls_that_have_a_result_and_no_others() {
        install_echo();
        let first = call::<Vec<u32>>("echo", "echo", (1,)).unwrap();
        let second = call::<Vec<u32>>("echo", "echo", (2,)).unwrap();
        let (first_id, second_id) = (first.id(), second.id());

        first.get().unwrap();
        let done = wait(&[first_id, second_id], 1, Some(Duration::from_secs(1)));

        assert_eq!(done, [second_id]);
        assert_eq!(second.get().unwrap(), [2]);
    }

    #[test]
    fn a_cancelled_call_has_no_result() {
        install_echo();
        let call = call::<Vec<u32>>("echo", "echo", (1,)).unwrap();
        let id = call.id();

        call.cancel().unwrap();

        assert_eq!(wait(&[id], 1, None), []);
    }
}
