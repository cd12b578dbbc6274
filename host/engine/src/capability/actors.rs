//! `belljar:plugin/actors`: calls of other actors. The grant is checked here; who the actors are, and how a call reaches
//! them, is the embedding runtime's.

use std::sync::Arc;
use std::time::Duration;

use super::bindings::belljar::plugin::actors::{Error as GuestError, Host};
use super::{BoxFuture, HeldObject};
use crate::codec;
use crate::fault::{FaultKind, raise};
use crate::state::HostState;

/// Why a call of another actor has no result; the same cases as in the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum CallError {
    /// The actor was not granted.
    #[error("the actor {0} was not granted")]
    NotGranted(String),
    /// There is no such actor.
    #[error("there is no actor {0}")]
    UnknownActor(String),
    /// The call does not fit the actor.
    #[error("{0}")]
    BadCall(String),
    /// The actor was stopped while it worked on the call.
    #[error("{0}")]
    Fault(String),
    /// The call was cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// Waiting would never end.
    #[error("{0}")]
    Deadlock(String),
    /// There is no call of this id.
    #[error("there is no call {0}, or its result was taken already")]
    UnknownCall(u64),
}

/// A value on its way between actors: JSON, and the objects that it names and its sender holds.
#[derive(Clone, Default)]
pub struct Payload {
    /// The value as JSON.
    pub json: String,
    /// The objects.
    pub objects: Vec<Arc<dyn HeldObject>>,
}

/// What a function of this capability gives: a value or an error for the guest, or a fault that stops it.
pub type CallOutcome<T> = Result<Result<T, CallError>, FaultKind>;

/// Calls actors for one guest. The embedding runtime implements it.
pub trait ActorHost: Send + Sync {
    /// The guest's own name; none for what is no actor.
    fn name(&self) -> Option<String>;
    /// Sends a call with its arguments, and returns its id.
    fn call(&self, actor: String, method: String, arguments: Payload) -> BoxFuture<'_, CallOutcome<u64>>;
    /// Waits for a result.
    fn get(&self, call: u64) -> BoxFuture<'_, CallOutcome<Payload>>;
    /// Waits until this many of the calls have a result, or the time is over.
    fn wait(
        &self,
        calls: Vec<u64>,
        count: u32,
        timeout: Option<Duration>,
    ) -> BoxFuture<'_, Result<Vec<u64>, FaultKind>>;
    /// Gives up on a call.
    fn cancel(&self, call: u64) -> BoxFuture<'_, CallOutcome<()>>;
}

/// A host without actors.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoActors;

impl ActorHost for NoActors {
    fn name(&self) -> Option<String> {
        None
    }

    fn call(&self, actor: String, _: String, _: Payload) -> BoxFuture<'_, CallOutcome<u64>> {
        Box::pin(async move { Ok(Err(CallError::UnknownActor(actor))) })
    }

    fn get(&self, call: u64) -> BoxFuture<'_, CallOutcome<Payload>> {
        Box::pin(async move { Ok(Err(CallError::UnknownCall(call))) })
    }

    fn wait(&self, _: Vec<u64>, _: u32, _: Option<Duration>) -> BoxFuture<'_, Result<Vec<u64>, FaultKind>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn cancel(&self, call: u64) -> BoxFuture<'_, CallOutcome<()>> {
        Box::pin(async move { Ok(Err(CallError::UnknownCall(call))) })
    }
}

impl From<CallError> for GuestError {
    fn from(error: CallError) -> GuestError {
        match error {
            CallError::NotGranted(actor) => GuestError::NotGranted(actor),
            CallError::UnknownActor(actor) => GuestError::UnknownActor(actor),
            CallError::BadCall(message) => GuestError::BadCall(message),
            CallError::Fault(message) => GuestError::Fault(message),
            CallError::Cancelled => GuestError::Cancelled,
            CallError::Deadlock(circle) => GuestError::Deadlock(circle),
            CallError::UnknownCall(call) => GuestError::UnknownCall(call),
        }
    }
}

impl Host for HostState {
    async fn call(
        &mut self,
        actor: String,
        method: String,
        arguments: String,
    ) -> wasmtime::Result<Result<u64, GuestError>> {
        if !self.grants.may_call(&actor) {
            self.wasi.denials.note_actor(&actor);
            return Ok(Err(GuestError::NotGranted(actor)));
        }
        let named = codec::object_ids(&arguments).into_iter();
        let objects = named.filter_map(|id| self.objects.get(id).cloned()).collect();
        let arguments = Payload { json: arguments, objects };
        to_guest(self.services.actors.call(actor, method, arguments).await)
    }

    async fn get(&mut self, call: u64) -> wasmtime::Result<Result<String, GuestError>> {
        let result = match self.services.actors.get(call).await.map_err(raise)? {
            Ok(result) => result,
            Err(error) => return Ok(Err(error.into())),
        };
        self.objects.give_all(result.objects, self.limits.objects_held_max).map_err(raise)?;
        Ok(Ok(result.json))
    }

    async fn wait(&mut self, calls: Vec<u64>, count: u32, timeout_ms: Option<u64>) -> wasmtime::Result<Vec<u64>> {
        self.services.actors.wait(calls, count, timeout_ms.map(Duration::from_millis)).await.map_err(raise)
    }

    async fn cancel(&mut self, call: u64) -> wasmtime::Result<Result<(), GuestError>> {
        to_guest(self.services.actors.cancel(call).await)
    }

    async fn name(&mut self) -> wasmtime::Result<String> {
        Ok(self.services.actors.name().unwrap_or_default())
    }
}

fn to_guest<T>(outcome: CallOutcome<T>) -> wasmtime::Result<Result<T, GuestError>> {
    Ok(outcome.map_err(raise)?.map_err(GuestError::from))
}
