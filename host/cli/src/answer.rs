//! A call as it is written on the command line, and what the method returned.
//!
//! What the method returns goes to the standard output: an `ok` and a value without a `result` end with 0. An
//! `error` that the method returned is its answer too, but a failed one: it goes to the standard error (with
//! `--json` to the standard output, so that a script finds the answer in one place) and ends with 1.

use belljar::engine::{self, codec};
use belljar::{Component, Error, Fault, Method, ObjectRef, WitType};
use serde_json::{Map, Value as Json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::{human, output};

/// What a method returned.
#[derive(Debug)]
pub enum Answer {
    /// A value, or an `ok`, in the whole form of the method's type.
    Good(Json),
    /// An `error`, in the whole form of the method's type, and what to do about it if that is known.
    Failed { answer: Json, denial: Option<String> },
}

/// Reads arguments that are written as JSON.
pub fn parse_json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}; write JSON such as [5, \"text\"]"))
}

/// Checks a call against the types of a component. Without `arguments` the call is in WAVE, such as `add(5, 6)`; with
/// them it is the method's name. The arguments come back as JSON, one for each parameter.
pub fn parse_call(
    component: &Component,
    call: &str,
    arguments: Option<&Json>,
) -> Result<(Method, Vec<Json>), engine::Error> {
    let (method, values) = match arguments {
        Some(arguments) => component.parse_json(call, arguments)?,
        None => component.parse_wave(call)?,
    };
    let unwritten = |source| engine::Error::Arguments { method: method.name.clone(), source };
    let written = method.params.iter().zip(&values).map(|(param, value)| codec::to_json(value, &param.ty));
    let written = written.collect::<Result<_, _>>().map_err(unwritten)?;
    Ok((method.clone(), written))
}

impl Answer {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// Why there is none: a fault, or a call that could not be made.
    pub async fn of(result: &ObjectRef) -> Result<Answer, Error> {
        let answer = result.json().await?;
        match result.get::<Json>().await {
            Err(Error::Returned { denial, .. }) => Ok(Answer::Failed { answer, denial }),
            Err(error) => Err(error),
            Ok(_) => Ok(Answer::Good(answer)),
        }
    }

    /// Shows it, and says how the command ends.
    pub fn show(self, method: &Method, json: bool) -> Result<Exit, Failure> {
        match (self, json) {
            (Answer::Good(answer), true) => output::json(&answer)?,
            (Answer::Good(answer), false) => {
                if let Some(ty) = &method.result {
                    output::line(wave(method, ty, &answer)?)?;
                }
            }
            (Answer::Failed { answer, denial }, json) => {
                match (json, &method.result) {
                    (false, Some(ty)) => eprintln!("{}", human::printable(&wave(method, ty, &answer)?)),
                    _ => output::json(&answer)?,
                }
                if let Some(denial) = denial {
                    eprintln!("help: {}", human::printable(&denial));
                }
                return Ok(Exit::WorkFailed);
            }
        }
        Ok(Exit::Good)
    }
}

/// The failure of a call whose guest was stopped: what happened, and for a script all that is known about it.
pub fn faulted(fault: &Fault) -> Failure {
    let mut particulars = Map::new();
    particulars.insert("kind".to_owned(), fault.kind.name().into());
    particulars.insert("message".to_owned(), fault.kind.to_string().into());
    // The limits and other particulars of the kind stand beside its name.
    for part in [serde_json::to_value(&fault.kind), serde_json::to_value(fault)] {
        if let Ok(Json::Object(fields)) = part {
            particulars.extend(fields.into_iter().filter(|(name, _)| name != "kind" && name != "message"));
        }
    }
    Failure::new(Exit::WorkFailed, fault_text(fault)).particulars(particulars)
}

fn wave(method: &Method, ty: &WitType, answer: &Json) -> Result<String, Failure> {
    let failed = |source| Failure::from(engine::Error::Results { method: method.name.clone(), source });
    codec::to_wave(&codec::from_json(answer, ty).map_err(failed)?).map_err(failed)
}

fn fault_text(fault: &Fault) -> String {
    let mut text = format!("`{}` of {} {}\n  kind: {}", fault.method, fault.plugin, fault.kind, fault.kind.name());
    if let Some(words) = &fault.guest_message {
        text.push_str(&format!("\n  last words: {}", words.trim_end().replace('\n', "\n    ")));
    }
    if !fault.backtrace.is_empty() {
        text.push_str("\n  backtrace, innermost first:");
        for (at, frame) in fault.backtrace.iter().enumerate() {
            text.push_str(&format!("\n    {at}: {}", frame.function));
        }
    }
    text
}
