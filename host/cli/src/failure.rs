//! Why a command could not do its work: one clear message, what to do about it, and the exit code that goes with
//! it. Library errors become failures here, in one place, so that the same cause has the same exit code in every
//! command.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;

use belljar::store::StoreError;
use belljar::workflow::WorkflowError;
use belljar::{ActorError, Error, engine};
use serde_json::{Map, Value as Json, json};

use crate::exit::Exit;
use crate::{diagnostics, human, output};

/// The end of a command that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// One message.
    Plain(Box<Plain>),
    /// A workflow that is wrong: all its problems, each in its line.
    Workflow(Arc<WorkflowError>),
    /// Whoever read the standard output has gone, as in `belljar status | head`. There is nobody to tell.
    OutputClosed,
}

/// A failure with one message.
#[derive(Debug)]
pub struct Plain {
    exit: Exit,
    message: String,
    help: Option<String>,
    /// What a script is told beside the message, such as the limit that a guest reached.
    particulars: Map<String, Json>,
}

impl Failure {
    /// A failure that ends the command with this code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure::Plain(Box::new(Plain { exit, message: message.into(), help: None, particulars: Map::new() }))
    }

    /// A mistake in what the command was given.
    pub fn bad_input(message: impl Into<String>) -> Failure {
        Failure::new(Exit::BadInput, message)
    }

    /// Adds what to do about it, which an error with a remedy of its own does not need.
    pub fn help(mut self, help: impl Into<String>) -> Failure {
        if let Failure::Plain(plain) = &mut self {
            plain.help = Some(help.into());
        }
        self
    }

    /// Adds what a script is told, in place of the kind and the message that it is told of every failure.
    pub fn particulars(mut self, particulars: Map<String, Json>) -> Failure {
        if let Failure::Plain(plain) = &mut self {
            plain.particulars = particulars;
        }
        self
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Plain(plain) => plain.exit,
            Failure::Workflow(_) => Exit::BadInput,
            Failure::OutputClosed => Exit::Good,
        }
    }

    /// Tells it on the standard error.
    pub fn tell(&self) {
        let text = match self {
            Failure::Plain(_) => format!("{self}\n"),
            Failure::Workflow(error) => diagnostics::render(error),
            Failure::OutputClosed => return,
        };
        // Where even the standard error is closed, the exit code has to do.
        io::stderr().write_all(text.as_bytes()).ok();
    }
}

impl Failure {
    /// Tells it on the standard output, for a script: `{"error": {"kind": …, "message": …}}`, with all problems of a
    /// workflow.
    pub fn tell_json(&self) {
        if !matches!(self, Failure::OutputClosed) {
            // The exit code tells it too, where the output cannot be written.
            output::json(&json!({ "error": self.json() })).ok();
        }
    }

    /// What a script is told of it.
    pub fn json(&self) -> Json {
        match self {
            Failure::Plain(plain) => plain.json(),
            Failure::Workflow(error) => {
                let problems = error.problems.iter().map(
                    |problem| json!({ "line": error.line(problem), "message": problem.message, "help": problem.help }),
                );
                json!({
                    "message": "the workflow cannot run",
                    "path": error.path.display().to_string(),
                    "problems": problems.collect::<Vec<_>>(),
                })
            }
            Failure::OutputClosed => json!({ "message": "the standard output was closed" }),
        }
    }
}

impl Plain {
    fn json(&self) -> Json {
        let kind = match self.exit {
            Exit::BadInput => "bad_input",
            Exit::CannotGoOn => "cannot_go_on",
            Exit::Interrupted => "interrupted",
            Exit::Good | Exit::WorkFailed => "failed",
        };
        let mut json = self.particulars.clone();
        json.entry("kind").or_insert_with(|| kind.into());
        json.entry("message").or_insert_with(|| self.message.as_str().into());
        if let Some(help) = &self.help {
            json.insert("help".to_owned(), help.as_str().into());
        }
        json.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Plain(plain) => {
                write!(f, "error: {}", human::printable(&plain.message))?;
                match &plain.help {
                    Some(help) => write!(f, "\nhelp: {}", human::printable(help).replace('\n', "\n      ")),
                    None => Ok(()),
                }
            }
            Failure::Workflow(error) => write!(f, "error: {error}"),
            Failure::OutputClosed => f.write_str("error: the standard output was closed"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Workflow(error) => Failure::Workflow(error),
            error => Failure::new(exit_of(&error), error.to_string()),
        }
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Failure {
        Failure::new(exit_of_engine(&error), error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::new(exit_of_store(&error), error.to_string())
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Engine(error) => exit_of_engine(error),
        Error::Store(error) => exit_of_store(error),
        Error::Actor(error) => exit_of_actor(error),
        Error::Workflow(_) | Error::Manifest { .. } | Error::Argument { .. } => Exit::BadInput,
        Error::Input { cause, .. } => exit_of(cause),
        Error::Setup(_) | Error::ShutDown => Exit::CannotGoOn,
        _ => Exit::WorkFailed,
    }
}

fn exit_of_actor(error: &ActorError) -> Exit {
    match error {
        ActorError::InitRefused { .. } | ActorError::DeadLetter { .. } | ActorError::MailboxFull { .. } => {
            Exit::WorkFailed
        }
        ActorError::Damaged { .. } | ActorError::Diverged { .. } | ActorError::Interrupted { .. } => Exit::CannotGoOn,
        // What is left is about names, arguments, and what does not go with this actor.
        _ => Exit::BadInput,
    }
}

fn exit_of_engine(error: &engine::Error) -> Exit {
    match error {
        engine::Error::Fault(_) | engine::Error::Results { .. } | engine::Error::InstanceGone => Exit::WorkFailed,
        engine::Error::Setup(_) => Exit::CannotGoOn,
        // What is left is wrong with the file, its grants or the arguments.
        _ => Exit::BadInput,
    }
}

fn exit_of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::NoDataDir { .. }
        | StoreError::NoCatalog { .. }
        | StoreError::Foreign { .. }
        | StoreError::Version { .. }
        | StoreError::MissingObject { .. }
        | StoreError::InvalidDigest { .. }
        | StoreError::BundleDamaged { .. }
        | StoreError::BucketUrl { .. }
        | StoreError::BucketUnconditional { .. }
        | StoreError::NotInBucket { .. }
        | StoreError::LeaseLost { .. }
        | StoreError::OlderThanBucket { .. }
        | StoreError::CheckpointVersion { .. }
        | StoreError::NameTaken { .. }
        | StoreError::UnknownActor { .. }
        | StoreError::UnknownRecord { .. } => Exit::BadInput,
        _ => Exit::CannotGoOn,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_message_comes_with_its_remedy() {
        let failure = Failure::bad_input("there is no run 7").help("`belljar status` lists the runs\nthat there are");
        assert_eq!(
            failure.to_string(),
            "error: there is no run 7\nhelp: `belljar status` lists the runs\n      that there are"
        );
        assert_eq!(failure.exit(), Exit::BadInput);
    }

    #[test]
    fn what_the_user_named_wrongly_is_bad_input() {
        let missing = StoreError::NoDataDir { path: PathBuf::from(".belljar") };
        assert_eq!(Failure::from(missing).exit(), Exit::BadInput);
        let unknown = engine::Error::UnknownMethod { name: "a".into(), method: "b".into(), available: Vec::new() };
        assert_eq!(Failure::from(Error::from(unknown)).exit(), Exit::BadInput);
        let manifest = Error::Manifest { path: PathBuf::from("a.toml"), message: "unknown field".into() };
        assert_eq!(Failure::from(manifest).exit(), Exit::BadInput);
        let workflow = WorkflowError { path: PathBuf::from("a.toml"), text: "".into(), problems: Vec::new() };
        assert_eq!(Failure::from(Error::from(workflow)).exit(), Exit::BadInput);
    }

    #[test]
    fn what_stops_belljar_itself_is_told_apart() {
        let locked = StoreError::Locked { path: PathBuf::from(".belljar"), pid: Some(1) };
        assert_eq!(Failure::from(Error::from(locked)).exit(), Exit::CannotGoOn);
        let full = StoreError::DiskFull { path: PathBuf::from(".belljar") };
        assert_eq!(Failure::from(full).exit(), Exit::CannotGoOn);
        assert_eq!(Failure::from(Error::Setup("no threads".into())).exit(), Exit::CannotGoOn);
    }

    #[test]
    fn an_actor_that_is_not_there_is_bad_input_and_a_log_that_cannot_be_written_is_not() {
        let actor = |error| Failure::from(Error::Actor(error)).exit();
        assert_eq!(actor(ActorError::Unknown { name: "a".into() }), Exit::BadInput);
        assert_eq!(actor(ActorError::NameTaken { name: "a".into() }), Exit::BadInput);
        assert_eq!(actor(ActorError::InitRefused { name: "a".into(), message: "no".into() }), Exit::WorkFailed);
        assert_eq!(actor(ActorError::Interrupted { message: "the disk is full".into() }), Exit::CannotGoOn);
    }

    #[test]
    fn a_script_is_told_the_kind_the_message_the_remedy_and_the_particulars() {
        let json = |failure| match failure {
            Failure::Plain(plain) => plain.json(),
            other => panic!("{other:?}"),
        };
        let expected = json!({ "kind": "bad_input", "message": "no run 7", "help": "count" });
        assert_eq!(json(Failure::bad_input("no run 7").help("count")), expected);
        let particulars = Map::from_iter([("kind".to_owned(), json!("memory")), ("limit_bytes".to_owned(), json!(5))]);
        let expected = json!({ "kind": "memory", "limit_bytes": 5, "message": "too much" });
        assert_eq!(json(Failure::new(Exit::WorkFailed, "too much").particulars(particulars)), expected);
    }

    #[test]
    fn an_error_that_a_method_returned_is_failed_work_also_as_the_cause_of_another() {
        let returned = Error::Returned { plugin: "a".into(), method: "b".into(), error: "no".into(), denial: None };
        let input = Error::Input { method: "c".into(), argument: 1, cause: Arc::new(returned.clone()) };
        assert_eq!(Failure::from(returned).exit(), Exit::WorkFailed);
        assert_eq!(Failure::from(input).exit(), Exit::WorkFailed);
    }
}
