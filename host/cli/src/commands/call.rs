//! `belljar call`: one call of one method, for trying a plugin out and for scripts.
//!
//! What the method returns is shown as [`crate::answer`] says.

use std::path::PathBuf;
use std::time::Duration;

use belljar::{Error, FaultKind, Manifest, Method, Plugin, Runtime, engine};
use clap::Args;
use serde_json::Value as Json;

use crate::answer::{self, Answer};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::interrupted;

const EXAMPLES: &str = "\
Examples:
  belljar call greeter.wasm 'add(5, 6)'
  belljar call greeter.wasm 'hello(\"world\")' --json
  belljar call greeter.wasm add --args '[5, 6]' --deadline 500ms
  belljar call reader.wasm 'count(\"/data/a.txt\")' --grant-read ./data=/data

The manifest beside the plugin (greeter.toml for greeter.wasm) applies, and the options add to it.
`belljar plugin inspect greeter.wasm` shows the methods.";

/// Calls one method of a plugin and prints what it returns
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CallArgs {
    /// The component; it need not have been made for Belljar
    #[arg(value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// The call in WAVE, such as `add(5, 6)`; with --args the method's name
    #[arg(value_name = "CALL")]
    call: String,
    /// The arguments in JSON: an array, or an object by name
    #[arg(long, value_name = "JSON", value_parser = answer::parse_json)]
    args: Option<Json>,
    /// Prints JSON; an error is `{"error": …}`
    #[arg(long)]
    pub json: bool,
    /// How long the call may take, such as `500ms` or `2m` [default: 60s, or what the manifest says]
    #[arg(long, value_name = "TIME", value_parser = parse_deadline)]
    deadline: Option<Duration>,
    /// A directory that the plugin may read, and where it sees it
    #[arg(long, value_name = "HOST=GUEST", value_parser = parse_directory)]
    grant_read: Vec<(PathBuf, String)>,
    /// A directory that the plugin may read and write, and where it sees it
    #[arg(long, value_name = "HOST=GUEST", value_parser = parse_directory)]
    grant_write: Vec<(PathBuf, String)>,
    /// An HTTP origin that the plugin may send requests to, such as `https://www.example.org`
    #[arg(long, value_name = "ORIGIN")]
    grant_http: Vec<String>,
    /// An environment variable that the plugin may see
    #[arg(long, value_name = "NAME")]
    grant_env: Vec<String>,
}

fn parse_deadline(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a call needs some time".to_owned()),
        Ok(deadline) => Ok(deadline),
        Err(error) => Err(format!("{error}; write a time with its unit, such as 500ms")),
    }
}

fn parse_directory(text: &str) -> Result<(PathBuf, String), String> {
    // The last `=`, because a host's path may well contain one.
    match text.rsplit_once('=') {
        Some((host, guest)) if !host.is_empty() && guest.starts_with('/') => Ok((host.into(), guest.to_owned())),
        _ => Err("write HOST=GUEST with an absolute GUEST, such as ./data=/data".to_owned()),
    }
}

/// Makes the call.
pub async fn call(args: &CallArgs) -> Result<Exit, Failure> {
    let outcome = tokio::select! {
        outcome = perform(args) => outcome,
        () = interrupted() => return Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    match outcome {
        Ok((method, answer)) => answer.show(&method, args.json),
        Err(error) => Err(explain(args, error)),
    }
}

async fn perform(args: &CallArgs) -> Result<(Method, Answer), Error> {
    let plugin = load(args).await?;
    let (method, arguments) = answer::parse_call(plugin.component(), &args.call, args.args.as_ref())?;
    let mut task = plugin.task(&method.name);
    for argument in arguments {
        task = task.arg(argument);
    }
    Ok((method, Answer::of(&task.submit()).await?))
}

async fn load(args: &CallArgs) -> Result<Plugin, Error> {
    let Manifest { mut grants, mut limits } = Manifest::beside(&args.plugin)?;
    for (host, guest) in &args.grant_read {
        grants = grants.read(host, guest);
    }
    for (host, guest) in &args.grant_write {
        grants = grants.write(host, guest);
    }
    grants.http.extend_from_slice(&args.grant_http);
    grants.env.extend_from_slice(&args.grant_env);
    if let Some(deadline) = args.deadline {
        // A part of a millisecond counts as a whole one: a deadline of 0 would mean that nothing may run.
        limits.deadline_ms = u64::try_from(deadline.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    }
    Runtime::builder().build()?.load_with(&args.plugin, grants, limits).await
}

/// The failure for a person: what happened, and which option or line of the manifest to change.
fn explain(args: &CallArgs, error: Error) -> Failure {
    let manifest = args.plugin.with_extension("toml");
    let (manifest, plugin) = (manifest.display(), args.plugin.display());
    if let Some(fault) = error.fault() {
        let failure = answer::faulted(fault);
        return match fault_help(&fault.kind, &manifest.to_string()) {
            Some(help) => failure.help(help),
            None => failure,
        };
    }
    let help = match &error {
        Error::Engine(error) => match &**error {
            engine::Error::UnknownMethod { .. } | engine::Error::UnsupportedMethod { .. } => {
                Some(format!("`belljar plugin inspect {plugin}` shows the methods with their types"))
            }
            engine::Error::ImportNotGranted { grant, .. } => {
                Some(format!("add --grant-http ORIGIN, or write into {manifest}:\n[grants]\n{grant}"))
            }
            engine::Error::Arguments { .. } => Some(format!(
                "texts stand in quotation marks, as in 'hello(\"world\")'; \
                 `belljar plugin inspect {plugin}` shows the types"
            )),
            _ => None,
        },
        // With a runtime that could be set up, this is a granted origin that is none.
        Error::Setup(message) if !args.grant_http.is_empty() && message.starts_with('`') => {
            return Failure::bad_input(message.clone());
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn fault_help(kind: &FaultKind, manifest: &str) -> Option<String> {
    let raise = |limit: &str| format!("to allow more, write into {manifest}:\n[limits]\n{limit}");
    match kind {
        FaultKind::Deadline { limit_ms } | FaultKind::Blocked { limit_ms } => {
            let more_ms = limit_ms.saturating_mul(10);
            Some(format!("--deadline {more_ms}ms gives it more time; {}", raise(&format!("deadline_ms = {more_ms}"))))
        }
        FaultKind::Memory { limit_bytes, .. } => {
            Some(raise(&format!("memory_bytes_max = {}", limit_bytes.saturating_mul(4))))
        }
        FaultKind::Table { limit, .. } => Some(raise(&format!("table_elements_max = {}", limit.saturating_mul(4)))),
        FaultKind::Instances { limit } => Some(raise(&format!("instances_max = {}", limit.saturating_mul(4)))),
        FaultKind::LogRate { limit } => Some(raise(&format!("log_lines_per_second_max = {}", limit.saturating_mul(4)))),
        FaultKind::NotGranted { .. } => Some(
            "on the command line: --grant-read HOST=GUEST, --grant-write HOST=GUEST, --grant-env NAME, \
             --grant-http ORIGIN"
                .to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use belljar::Fault;
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(arguments: &[&str]) -> Result<CallArgs, clap::Error> {
        let cli = Cli::try_parse_from([&["belljar", "call", "a.wasm", "add"], arguments].concat())?;
        match cli.command {
            Command::Call(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    fn fault(kind: FaultKind) -> Error {
        let fault = Fault {
            kind,
            plugin: "hostile".into(),
            method: "spin".into(),
            guest_message: Some("here\nI go".into()),
            backtrace: Vec::new(),
        };
        Error::from(engine::Error::from(Box::new(fault)))
    }

    #[test]
    fn grants_name_both_sides() {
        let args = parse(&["--grant-read", "a=b/c=/data", "--grant-write", ".=/out"]).unwrap();
        assert_eq!(args.grant_read, [(PathBuf::from("a=b/c"), "/data".to_owned())]);
        assert_eq!(args.grant_write, [(PathBuf::from("."), "/out".to_owned())]);
        for wrong in ["data", "=/data", "data=", "data=relative"] {
            assert!(parse(&["--grant-read", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_deadline_has_a_unit_and_is_not_zero() {
        assert_eq!(parse(&["--deadline", "500ms"]).unwrap().deadline, Some(Duration::from_millis(500)));
        for wrong in ["500", "0s", "soon", "-1s"] {
            assert!(parse(&["--deadline", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arguments_in_json_are_checked_at_once() {
        assert_eq!(parse(&["--args", "[5]"]).unwrap().args, Some(json!([5])));
        assert!(parse(&["--args", "[5"]).is_err());
    }

    #[test]
    fn a_fault_says_what_stopped_the_guest_and_what_to_change() {
        let failure = explain(&parse(&[]).unwrap(), fault(FaultKind::Deadline { limit_ms: 500 }));
        assert_eq!(failure.exit(), Exit::WorkFailed);
        let text = failure.to_string();
        for expected in ["deadline of 500 ms", "kind: deadline", "last words: here\n    I go", "--deadline 5000ms"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
