//! What can go wrong in the runtime.

use std::path::PathBuf;
use std::sync::Arc;

use belljar_engine::capability::{CallError, ObjectError};
use belljar_store::StoreError;

use crate::ActorError;
use crate::workflow::WorkflowError;

/// An error of the runtime. Cheap to clone: everyone who waits for a failed task gets it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A component could not be loaded, linked or called.
    #[error(transparent)]
    Engine(Arc<belljar_engine::Error>),
    /// Something on disk failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// An object could not be stored or read.
    #[error("an object: {0}")]
    Object(#[from] ObjectError),
    /// A workflow is wrong.
    #[error(transparent)]
    Workflow(Arc<WorkflowError>),
    /// Something is wrong around an actor.
    #[error(transparent)]
    Actor(#[from] crate::ActorError),
    /// A method returned an error: its answer, not a fault.
    #[error("`{method}` of {plugin} returned the error {error}{}", hint(.denial))]
    Returned {
        /// The plugin.
        plugin: String,
        /// The method.
        method: String,
        /// The error as JSON; a text error without its quotes.
        error: String,
        /// What the plugin tried that it was not granted, if it did.
        denial: Option<String>,
    },
    /// A task depended on one that failed.
    #[error("argument {argument} of `{method}` comes from a task that failed: {cause}")]
    Input {
        /// The method that could not start.
        method: String,
        /// Which argument, counted from 1.
        argument: usize,
        /// Why the other task failed.
        cause: Arc<Error>,
    },
    /// The task was cancelled.
    #[error("the task was cancelled")]
    Cancelled,
    /// The object was freed.
    #[error("the object was freed; keep the reference until its last use")]
    Freed,
    /// A value does not have the Rust type that was asked for.
    #[error("the result of `{method}` is not of the type that was asked for: {message}")]
    ResultType {
        /// The method.
        method: String,
        /// What differs.
        message: String,
    },
    /// An argument cannot be written as JSON.
    #[error("argument {argument} of `{method}` cannot be passed: {message}")]
    Argument {
        /// The method.
        method: String,
        /// Which argument, counted from 1.
        argument: usize,
        /// Why.
        message: String,
    },
    /// A pool has no room for another task.
    #[error("every worker's queue is full ({queue_max} tasks each); wait for results, or give the pool more workers")]
    QueueFull {
        /// The length of a queue.
        queue_max: usize,
    },
    /// A manifest is wrong.
    #[error("the manifest {path}: {message}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
    /// The same run is going on in this process already.
    #[error("this run is going on already, in this process; wait for its end")]
    RunInProgress,
    /// The runtime could not be set up.
    #[error("the runtime cannot be set up: {0}")]
    Setup(String),
    /// The runtime was shut down while the call ran.
    #[error("the runtime was shut down")]
    ShutDown,
}

impl Error {
    /// Whether the same call may succeed when it is tried again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::Engine(error) => error.is_retryable(),
            Error::Store(error) => error.is_retryable(),
            Error::Actor(error) => error.is_retryable(),
            Error::Input { cause, .. } => cause.is_retryable(),
            Error::Returned { .. } | Error::QueueFull { .. } => true,
            _ => false,
        }
    }

    /// What a guest that called an actor is told.
    pub(crate) fn as_call_error(&self) -> CallError {
        match self {
            Error::Actor(ActorError::Unknown { name } | ActorError::BadName { name, .. }) => {
                CallError::UnknownActor(name.clone())
            }
            Error::Engine(error) if error.fault().is_none() => CallError::BadCall(error.to_string()),
            Error::Argument { .. } | Error::Actor(ActorError::MessageTooLarge { .. }) => {
                CallError::BadCall(self.to_string())
            }
            Error::Cancelled => CallError::Cancelled,
            other => CallError::Fault(other.to_string()),
        }
    }

    /// The fault that stopped a guest, if that is what happened.
    pub fn fault(&self) -> Option<&belljar_engine::Fault> {
        match self {
            Error::Engine(error) => error.fault(),
            _ => None,
        }
    }
}

impl From<belljar_engine::Error> for Error {
    fn from(error: belljar_engine::Error) -> Error {
        Error::Engine(Arc::new(error))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        Error::Store(Arc::new(error))
    }
}

impl From<WorkflowError> for Error {
    fn from(error: WorkflowError) -> Error {
        Error::Workflow(Arc::new(error))
    }
}

fn hint(denial: &Option<String>) -> String {
    denial.as_ref().map(|denial| format!(" ({denial})")).unwrap_or_default()
}
