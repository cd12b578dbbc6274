//! What can go wrong around a component, apart from what goes wrong inside it (that is a [`Fault`]).

use std::path::PathBuf;

use crate::Fault;
use crate::snapshot::ImageFileProblem;

/// An error of the engine. Each says what to change; [`Error::is_retryable`] says whether trying the same
/// thing again may help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The component is larger than one may be.
    #[error(
        "{name} is larger than the {limit_bytes} bytes that a component may have: build it without debug information, or split it"
    )]
    TooLarge {
        /// The file or the name that the bytes were loaded under.
        name: String,
        /// The limit, [`crate::COMPONENT_BYTES_MAX`].
        limit_bytes: u64,
    },
    /// The bytes are not a component.
    #[error("{name} is {found}, not a WebAssembly component: {remedy}")]
    NotAComponent {
        /// The file or the name that the bytes were loaded under.
        name: String,
        /// What the bytes are instead.
        found: &'static str,
        /// How to get a component.
        remedy: &'static str,
    },
    /// The component is malformed, or uses a WebAssembly feature that is switched off.
    #[error("{name} does not compile: {message}")]
    Compile {
        /// The component.
        name: String,
        /// The compiler's reason.
        message: String,
    },
    /// The component imports something that nobody implements.
    #[error("{name} imports `{import}`, which Belljar does not provide: {remedy}")]
    MissingImport {
        /// The component.
        name: String,
        /// The import, as the component names it.
        import: String,
        /// What can be done.
        remedy: String,
    },
    /// The component imports a capability that it was not granted.
    #[error("{name} imports `{import}`, which was not granted: add `{grant}` to its grants")]
    ImportNotGranted {
        /// The component.
        name: String,
        /// The import, as the component names it.
        import: String,
        /// The line to add to the manifest or the workflow.
        grant: String,
    },
    /// A grant itself cannot be used.
    #[error("the grant `{grant}` of {name} cannot be used: {message}")]
    BadGrant {
        /// The component.
        name: String,
        /// The grant.
        grant: String,
        /// Why.
        message: String,
    },
    /// No such method.
    #[error("{name} has no method `{method}`{}", its_methods(.available))]
    UnknownMethod {
        /// The component.
        name: String,
        /// What was asked for.
        method: String,
        /// The methods that it has.
        available: Vec<String>,
    },
    /// The method is there, and its signature cannot be called.
    #[error("the method `{method}` of {name} cannot be called: {reason}")]
    UnsupportedMethod {
        /// The component.
        name: String,
        /// The method.
        method: String,
        /// Why.
        reason: String,
    },
    /// A text that was to be a call in WAVE is none.
    #[error(transparent)]
    NotACall(crate::codec::CodecError),
    /// The arguments do not fit the method's parameters.
    #[error("arguments of `{method}`: {source}")]
    Arguments {
        /// The method.
        method: String,
        /// Where and why.
        source: crate::codec::CodecError,
    },
    /// A result could not be written down.
    #[error("result of `{method}`: {source}")]
    Results {
        /// The method.
        method: String,
        /// Where and why.
        source: crate::codec::CodecError,
    },
    /// The Rust types of a typed call do not fit the method's signature.
    #[error("`{method}` is `{signature}`, and the call's Rust types do not fit it: {message}")]
    TypeMismatch {
        /// The method.
        method: String,
        /// Its signature in WIT.
        signature: String,
        /// What differs.
        message: String,
    },
    /// The instance had a fault before and can take no more calls.
    #[error("this instance stopped at an earlier fault; make a new one")]
    InstanceGone,
    /// The guest was stopped.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
    /// The component keeps state where a snapshot cannot see it.
    #[error("the memory of {name} cannot be snapshotted: {}; use it as a task, if it keeps nothing", first_of(.obstacles))]
    NotSnapshotable {
        /// The component.
        name: String,
        /// Everything that is in the way.
        obstacles: Vec<String>,
    },
    /// A snapshot could not be taken, or an instance not be made of it.
    #[error("the snapshot of {name} failed: {message}")]
    Snapshot {
        /// The component.
        name: String,
        /// Why.
        message: String,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file that was to hold an actor's image holds something else. The image can be made again of the checkpoint.
    #[error("{path} is not the image that was looked for: {problem}; it is only a copy, and may be removed")]
    ImageFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: ImageFileProblem,
    },
    /// The engine could not be set up on this machine.
    #[error("the engine cannot be set up: {0}")]
    Setup(String),
}

impl Error {
    /// Whether the same call may succeed when it is tried again: true for faults that depend on time or load,
    /// false for everything that is wrong with the component, its grants or its arguments.
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::Fault(fault) => fault.is_retryable(),
            Error::Read { .. } | Error::Write { .. } | Error::InstanceGone => true,
            _ => false,
        }
    }

    /// The fault, if this is one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Error::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

/// The first obstacle stands for all; a description of the component lists them.
fn first_of(obstacles: &[String]) -> String {
    match obstacles {
        [] => String::new(),
        [only] => only.clone(),
        [first, others @ ..] => format!("{first} (and {} more: `belljar plugin inspect` lists them)", others.len()),
    }
}

fn its_methods(methods: &[String]) -> String {
    if methods.is_empty() {
        "; it exports no method at all".to_owned()
    } else {
        format!("; it has {}", methods.join(", "))
    }
}
