//! `belljar actor call`: one call of one method of an actor. It is answered when it is as durable as the actor
//! promises, and shown as [`crate::answer`] says.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use belljar::{Actor, ActorError, Error, Method, ObjectRef, Runtime, engine};
use clap::Args;
use serde_json::{Value as Json, json};

use super::{Place, at_the_end};
use crate::answer::{self, Answer};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::output;

const EXAMPLES: &str = "\
A call that was interrupted may or may not have been carried out. With --call-id the same command can be given again:
a call of the same id is carried out once, and answered alike every time.

Examples:
  belljar actor call visits 'add(5)'
  belljar actor call visits 'add(5)' --call-id order-4711 --json
  belljar actor call visits add --args '[5]'
  belljar actor call stock store --args '[\"photo\"]' --object photo.png
  belljar actor call stock 'fetch(\"photo\")' --output photo.png";

/// Calls a method of an actor and prints what it returns
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ActorCallArgs {
    /// The actor's name
    name: String,
    /// The call in WAVE, such as `add(5)`; with --args the method's name
    #[arg(value_name = "CALL")]
    call: String,
    /// The arguments in JSON: an array, or an object by name
    #[arg(long, value_name = "JSON", value_parser = answer::parse_json)]
    args: Option<Json>,
    /// A file whose bytes are the next argument, as an object, after those of --args, which is an array then
    #[arg(long, value_name = "FILE")]
    object: Vec<PathBuf>,
    /// Where to write the bytes of the one object that the result names; the result itself is not shown
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// An id of your own, so that the call can be sent again without being carried out twice
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
}

/// Makes the call.
pub async fn call(args: &ActorCallArgs, at: Place<'_>) -> Result<Exit, Failure> {
    let runtime = at.runtime()?;
    let outcome = perform(args, &runtime).await;
    let (method, answer, bytes) = at_the_end(&runtime, outcome).await?;
    match (&args.output, bytes) {
        (Some(path), Some(bytes)) => {
            output::file(path, &bytes)?;
            if at.json {
                output::json(&json!({ "path": path, "size_bytes": bytes.len() }))?;
            }
            Ok(Exit::Good)
        }
        _ => answer.show(&method, at.json),
    }
}

async fn perform(args: &ActorCallArgs, runtime: &Runtime) -> Result<(Method, Answer, Option<Arc<[u8]>>), Failure> {
    let explained = |error: Error| explain(&args.name, error);
    let actor = runtime.actors().get(&args.name).await.map_err(explained)?;
    let objects = args.object.iter().map(|path| {
        let bytes = fs::read(path).map_err(|error| Failure::bad_input(format!("{}: {error}", path.display())))?;
        runtime.put(bytes).map_err(explained)
    });
    let objects = objects.collect::<Result<Vec<_>, _>>()?;
    let (method, result) = submit(args, &actor, &objects).await.map_err(explained)?;
    let answer = tokio::select! {
        answer = Answer::of(&result) => answer.map_err(explained)?,
        () = interrupted() => {
            result.cancel();
            return Err(Failure::new(Exit::Interrupted, "interrupted: the call was given up")
                .help("it had no effect, unless it was over at that moment; a call with --call-id can be sent again"));
        }
    };
    let bytes = match (&args.output, &answer) {
        (Some(_), Answer::Good(json)) => Some(result.bytes().await.map_err(|error| {
            explained(error)
                .help(format!("the call was carried out and returned {json}; give it again without --output"))
        })?),
        _ => None,
    };
    Ok((method, answer, bytes))
}

async fn submit(args: &ActorCallArgs, actor: &Actor, objects: &[ObjectRef]) -> Result<(Method, ObjectRef), Error> {
    let component = actor.component().await?;
    let (method, mut call) = match objects {
        [] => {
            let (method, arguments) = answer::parse_call(&component, &args.call, args.args.as_ref())?;
            let call = actor.call_json(&method.name, arguments.into());
            (method, call)
        }
        objects => {
            let method = component.method(&args.call)?.clone();
            let arguments = args.args.clone().unwrap_or_else(|| json!([]));
            let call = actor.call_json(&method.name, arguments);
            (method, objects.iter().fold(call, |call, object| call.object(object)))
        }
    };
    if let Some(id) = &args.call_id {
        call = call.id(id);
    }
    Ok((method, call.submit()))
}

/// The failure for a person: what happened, and what to do.
fn explain(actor: &str, error: Error) -> Failure {
    if let Some(fault) = error.fault() {
        return answer::faulted(fault).help(format!(
            "{actor} is what it was before the call; `belljar actor dead-letters {actor}` lists such messages"
        ));
    }
    let help = match &error {
        Error::Engine(error) => match &**error {
            engine::Error::Arguments { .. } | engine::Error::NotACall(_) => {
                Some("texts stand in quotation marks, as in 'hello(\"world\")'".to_owned())
            }
            _ => None,
        },
        Error::Actor(ActorError::Damaged { .. }) => Some(format!(
            "`belljar checkpoint verify` says what is damaged, `belljar checkpoint ls {actor}` what is kept"
        )),
        _ => None,
    };
    let failure = Failure::from(error);
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use belljar::{Fault, FaultKind};

    use super::*;

    #[test]
    fn a_fault_says_that_the_actor_is_unharmed() {
        let (plugin, method) = ("counter".into(), "add".into());
        let kind = FaultKind::Deadline { limit_ms: 500 };
        let fault = Fault { kind, plugin, method, guest_message: None, backtrace: Vec::new() };
        let failure = explain("visits", engine::Error::from(Box::new(fault)).into());
        assert_eq!(failure.exit(), Exit::WorkFailed);
        assert!(failure.to_string().contains("visits is what it was before the call"), "{failure}");
    }
}
