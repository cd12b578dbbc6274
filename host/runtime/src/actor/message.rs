//! What is sent to an actor.

use std::sync::Arc;

use belljar_engine::Instance;
use belljar_engine::capability::BoxFuture;
use belljar_store::Ticket;
use tokio::sync::{oneshot, watch};

use super::CheckpointInfo;
use super::fork::Replacement;
use super::info::ActorInfo;
use super::parcel::Parcel;
use super::record::Origin;
use crate::{Error, ObjectRef};

/// A call on its way to an actor.
pub(crate) struct Message {
    pub origin: Origin,
    pub work: Work,
    pub reply: Reply,
    /// Becomes true when nobody waits for the result any more.
    pub cancelled: Option<watch::Receiver<bool>>,
    /// The last record of the actor that sent it. If that will never be durable, the message was never sent.
    pub depends: Option<Ticket>,
}

/// What a message asks for.
pub(crate) enum Work {
    /// A method with arguments.
    Call { method: Arc<str>, arguments: Arguments },
    /// A call with Rust types, which nothing is written down of.
    Typed(TypedWork),
}

/// The arguments of a call.
#[derive(Default)]
pub(crate) struct Arguments {
    /// A JSON array, or an object by parameter name.
    pub parcel: Parcel,
    /// Those that are passed by reference, by their place in the array, where there is nothing yet.
    pub references: Vec<(usize, ObjectRef)>,
}

impl From<Parcel> for Arguments {
    fn from(parcel: Parcel) -> Arguments {
        Arguments { parcel, ..Arguments::default() }
    }
}

/// A call with Rust types, as a closure that makes it and passes its result on.
pub(crate) type TypedWork = Box<dyn for<'a> FnOnce(&'a mut Instance) -> BoxFuture<'a, Result<(), Error>> + Send>;

/// Takes the result, exactly as the method returned it.
pub(crate) type Reply = Box<dyn FnOnce(Result<Answer, Error>) + Send>;

/// A result, and the signature's say whether it is a `result`.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub method: Arc<str>,
    pub result: Parcel,
    pub is_result: bool,
}

/// Something that the host wants of an actor, between two messages.
pub(crate) enum Order {
    /// Go to sleep: take a checkpoint and give the instance back.
    Hibernate(Done<()>),
    /// Take a checkpoint now, durably.
    Checkpoint(Done<CheckpointInfo>),
    /// Work on what waits, then take no more calls.
    Stop(Done<()>),
    /// Stop at once.
    Kill(Done<()>),
    /// Tell what you are.
    Describe(Done<ActorInfo>),
    /// The BLAKE3 of memory and globals.
    Digest(Done<belljar_engine::Digest>),
    /// Go on as something else.
    Replace(Box<Replacement>, Done<()>),
    /// Look at the timers.
    Ring,
}

/// Where the answer to an order goes.
pub(crate) type Done<T> = oneshot::Sender<Result<T, Error>>;

impl Order {
    /// Tells whoever gave the order that it will not be carried out.
    pub(crate) fn refuse(self, error: &Error) {
        match self {
            Order::Hibernate(tell) | Order::Stop(tell) | Order::Kill(tell) => drop(tell.send(Err(error.clone()))),
            Order::Checkpoint(tell) => drop(tell.send(Err(error.clone()))),
            Order::Describe(tell) => drop(tell.send(Err(error.clone()))),
            Order::Digest(tell) => drop(tell.send(Err(error.clone()))),
            Order::Replace(_, tell) => drop(tell.send(Err(error.clone()))),
            Order::Ring => {}
        }
    }
}
