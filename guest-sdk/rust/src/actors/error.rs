//! Why a call of another actor has no result.

use crate::bindings::belljar::plugin::actors as wit;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The actor is not among the granted ones; the text names it. Add it to `actors` among the plugin's grants.
    #[error("calling the actor was not granted: {0}")]
    NotGranted(String),
    /// There is no actor of this name; the text names it.
    #[error("there is no such actor: {0}")]
    UnknownActor(String),
    /// The actor has no such method, or the arguments are not of its types; the text says what is wrong.
    #[error("the call is not valid: {0}")]
    BadCall(String),
    /// The actor was stopped while it worked on the call; its state is as before. The text says why. The same call
    /// may well end in the same way.
    #[error("the actor was stopped: {0}")]
    Fault(String),
    /// The call was cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// Waiting would never end, because that actor waits for this one; the text names the circle.
    #[error("waiting would never end: {0}")]
    Deadlock(String),
    /// This actor made no call of that id, or has had its result already.
    #[error("this actor has no call {0} under way")]
    UnknownCall(u64),
    /// The result is not of the type that the caller expected.
    #[error("the result is not of the expected type: {why}: {result}")]
    BadResult {
        /// The result, as JSON.
        result: String,
        /// What is wrong with it, and where.
        why: String,
    },
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NotGranted(actor) => Self::NotGranted(actor),
            wit::Error::UnknownActor(actor) => Self::UnknownActor(actor),
            wit::Error::BadCall(why) => Self::BadCall(why),
            wit::Error::Fault(why) => Self::Fault(why),
            wit::Error::Cancelled => Self::Cancelled,
            wit::Error::Deadlock(circle) => Self::Deadlock(circle),
            wit::Error::UnknownCall(call) => Self::UnknownCall(call),
        }
    }
}

/// So that `?` ends a method whose error is a text.
impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}
