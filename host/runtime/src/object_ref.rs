//! References to results that may not be there yet.

use std::sync::Arc;

use belljar_engine::capability::HeldObject;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::Error;
use crate::objects::StoredObject;

/// A reference to the result of a task, or to bytes that were put. It is there at once; the result comes later.
/// Clones refer to the same result, which lives until the last of them is dropped or one of them
/// [frees](ObjectRef::free) it.
#[derive(Clone)]
pub struct ObjectRef {
    state: watch::Receiver<State>,
    fill: watch::Sender<State>,
}

/// Where a result is to be put.
pub(crate) struct Slot(watch::Sender<State>);

#[derive(Clone)]
enum State {
    Pending,
    Ready(Content),
    Failed(Error),
}

/// What a reference refers to.
#[derive(Clone)]
pub(crate) enum Content {
    /// Bytes that somebody put.
    Bytes(StoredObject),
    /// What a method returned.
    Value(Returned),
}

/// A method's result: JSON text in the object store, so that it counts against the store's memory limit and can
/// be spilled, and the objects that it names.
#[derive(Clone)]
pub(crate) struct Returned {
    pub plugin: Arc<str>,
    pub method: Arc<str>,
    pub json: StoredObject,
    /// Whether the method's type is a `result`, which has to be unwrapped.
    pub is_result: bool,
    pub objects: Vec<Arc<dyn HeldObject>>,
    pub denial: Option<String>,
}

impl Returned {
    /// The result as the method gave it.
    pub(crate) fn json(&self) -> Result<Json, Error> {
        serde_json::from_slice(&self.json.bytes()?).map_err(|error| self.mismatch(&error))
    }

    /// The result without its `ok`.
    ///
    /// # Errors
    ///
    /// [`Error::Returned`] for an `error`.
    pub(crate) fn unwrapped(&self) -> Result<Json, Error> {
        let mut json = self.json()?;
        if !self.is_result {
            return Ok(json);
        }
        match json.get_mut("error") {
            None => Ok(json.get_mut("ok").map(Json::take).unwrap_or_default()),
            Some(error) => Err(Error::Returned {
                plugin: self.plugin.to_string(),
                method: self.method.to_string(),
                error: error.as_str().map_or_else(|| error.to_string(), str::to_owned),
                denial: self.denial.clone(),
            }),
        }
    }

    fn mismatch(&self, error: &serde_json::Error) -> Error {
        Error::ResultType { method: self.method.to_string(), message: error.to_string() }
    }
}

impl Slot {
    /// Puts in what the work yields, unless the reference is cancelled or freed before: then the work is dropped,
    /// and a guest with it.
    pub(crate) async fn fill_with(self, work: impl Future<Output = Result<Content, Error>>) -> Filled {
        let mut given_up = self.0.subscribe();
        tokio::select! {
            biased;
            _ = given_up.wait_for(|state| !matches!(state, State::Pending)) => Filled::GivenUp,
            outcome = work => {
                settle(&self.0, outcome.map_or_else(State::Failed, State::Ready));
                Filled::Done
            }
        }
    }
}

/// How the wait for a result ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// With the result.
    Done,
    /// The reference was cancelled or freed before.
    GivenUp,
}

impl Filled {
    pub(crate) fn is_given_up(self) -> bool {
        self == Filled::GivenUp
    }
}

/// The bytes of an object. What has to come from disk is read elsewhere.
async fn read(object: Arc<dyn HeldObject>) -> Result<Arc<[u8]>, Error> {
    if object.in_memory() {
        return Ok(object.read()?);
    }
    Ok(tokio::task::spawn_blocking(move || object.read()).await.map_err(|_| Error::ShutDown)??)
}

/// Ends the wait with this state, if it has not ended yet.
fn settle(fill: &watch::Sender<State>, with: State) {
    fill.send_if_modified(|state| {
        let pending = matches!(state, State::Pending);
        if pending {
            *state = with;
        }
        pending
    });
}

impl ObjectRef {
    /// A reference to what is there already.
    pub(crate) fn ready_with(content: Content) -> ObjectRef {
        let (fill, state) = watch::channel(State::Ready(content));
        ObjectRef { state, fill }
    }

    /// A reference to what will be put into the slot.
    pub(crate) fn pending() -> (ObjectRef, Slot) {
        let (fill, state) = watch::channel(State::Pending);
        (ObjectRef { state, fill: fill.clone() }, Slot(fill))
    }

    /// Waits for the result and reads it as a Rust type. A `result` is unwrapped: its `ok` is read, its `error`
    /// is [`Error::Returned`].
    ///
    /// # Errors
    ///
    /// What made the task fail; [`Error::Cancelled`], [`Error::Freed`]; [`Error::ResultType`].
    pub async fn get<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self.content().await? {
            Content::Value(returned) => {
                serde_json::from_value(returned.unwrapped()?).map_err(|error| returned.mismatch(&error))
            }
            Content::Bytes(_) => Err(Error::ResultType {
                method: "put".to_owned(),
                message: "it is an object of bytes; read it with `bytes`".to_owned(),
            }),
        }
    }

    /// Waits for the result as JSON, exactly as the method returned it: a `result` is `{"ok": …}` or
    /// `{"error": …}`.
    pub async fn json(&self) -> Result<Json, Error> {
        match self.content().await? {
            Content::Value(returned) => returned.json(),
            Content::Bytes(object) => Ok(serde_json::json!({ "belljar-object": object.id() })),
        }
    }

    /// Waits and reads the bytes: those that were put, or those of the one object that the result names.
    pub async fn bytes(&self) -> Result<Arc<[u8]>, Error> {
        match self.content().await? {
            Content::Bytes(object) => read(Arc::new(object)).await,
            Content::Value(returned) => match &returned.objects[..] {
                [object] => {
                    returned.unwrapped()?;
                    read(object.clone()).await
                }
                objects => Err(Error::ResultType {
                    method: returned.method.to_string(),
                    message: format!("it names {} objects, and bytes can be read of one", objects.len()),
                }),
            },
        }
    }

    /// Whether the result is there, good or bad.
    pub fn is_ready(&self) -> bool {
        !matches!(*self.state.borrow(), State::Pending)
    }

    /// Waits until the result is there, good or bad.
    pub async fn ready(&self) {
        let mut state = self.state.clone();
        // This reference has a sender itself, so the wait cannot fail.
        state.wait_for(|state| !matches!(state, State::Pending)).await.ok();
    }

    /// Stops the task if it still runs: its guest is dropped within a tick. Whoever waits gets
    /// [`Error::Cancelled`].
    pub fn cancel(&self) {
        settle(&self.fill, State::Failed(Error::Cancelled));
    }

    /// Gives the result up for all clones, and its memory back to the store. A running task is stopped.
    pub fn free(&self) {
        self.fill.send_replace(State::Failed(Error::Freed));
    }

    pub(crate) async fn content(&self) -> Result<Content, Error> {
        self.ready().await;
        match &*self.state.borrow() {
            State::Ready(content) => Ok(content.clone()),
            State::Failed(error) => Err(error.clone()),
            State::Pending => Err(Error::ShutDown),
        }
    }
}

impl Drop for Slot {
    /// A task that is dropped before its end, as at a shutdown, must not leave anyone waiting.
    fn drop(&mut self) {
        settle(&self.0, State::Failed(Error::ShutDown));
    }
}

impl std::fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &*self.state.borrow() {
            State::Pending => "pending",
            State::Ready(_) => "ready",
            State::Failed(_) => "failed",
        };
        write!(f, "ObjectRef({state})")
    }
}
