//! `belljar doctor`: what this machine has, what follows from it, and how to get what is missing. It looks and
//! changes nothing, apart from compiled code that its self-test puts into the cache.
//!
//! Each file here looks at one topic and returns [`Check`]s; nothing but the self-test can fail.

mod actors;
mod belljar;
mod compute;
mod guests;
mod machine;
mod tool;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::args::DataDirArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  belljar doctor
  belljar doctor --json | jq -r '.checks[] | select(.state != \"ok\") | .name'

Ends with 3 if Belljar cannot run here, else with 0: what is missing may not be needed.";

/// Says what this machine has, and how to get what is missing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Check {
    topic: &'static str,
    name: String,
    state: State,
    /// What is there, or what follows from its absence.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Good.
    Ok,
    /// There, and not as it should be.
    Warning,
    /// Not there; whoever does not need it need not care.
    Missing,
    /// Belljar cannot run here.
    Failed,
}

impl Check {
    fn new(topic: &'static str, name: &str, state: State, found: impl Into<String>) -> Check {
        Check { topic, name: name.to_owned(), state, found: found.into(), remedy: None }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Check {
        self.remedy = Some(remedy.into());
        self
    }
}

/// Looks at everything.
pub async fn doctor(args: &DoctorArgs) -> Result<Exit, Failure> {
    let mut checks = machine::checks();
    checks.extend(actors::checks(&args.data_dir.data_dir));
    checks.extend(guests::checks().await);
    checks.extend(compute::checks().await);
    checks.extend(belljar::checks().await);
    let exit = exit_of(&checks);
    if args.json {
        output::json(&json!({ "version": env!("CARGO_PKG_VERSION"), "checks": checks }))?;
    } else {
        output::line(text(&checks).trim_end())?;
    }
    Ok(exit)
}

fn exit_of(checks: &[Check]) -> Exit {
    if checks.iter().any(|check| check.state == State::Failed) { Exit::CannotGoOn } else { Exit::Good }
}

fn text(checks: &[Check]) -> String {
    let name_width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    let mut topic = "";
    for check in checks {
        if check.topic != topic {
            topic = check.topic;
            text.push_str(&format!("\n{topic}\n"));
        }
        let state = match check.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Missing => "missing",
            State::Failed => "FAILED",
        };
        text.push_str(&format!("  {state:<7}  {:<name_width$}  {}\n", check.name, check.found));
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("  {:7}  {:name_width$}  → {remedy}\n", "", ""));
        }
    }
    text.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_headings_and_a_remedy_stands_below_its_check() {
        let checks = [
            Check::new("Machine", "memory", State::Ok, "8 GB"),
            Check::new("Guests", "cargo", State::Missing, "no plugin in Rust can be built").remedy("install it"),
        ];
        let expected = "\
Machine
  ok       memory  8 GB

Guests
  missing  cargo   no plugin in Rust can be built
                   → install it
";
        assert_eq!(text(&checks), expected);
    }

    #[test]
    fn only_a_failure_makes_the_command_fail() {
        let check = |state| [Check::new("Machine", "memory", state, "")];
        assert_eq!(exit_of(&check(State::Missing)), Exit::Good);
        assert_eq!(exit_of(&check(State::Failed)), Exit::CannotGoOn);
    }

    #[tokio::test]
    async fn on_the_machine_of_this_test_belljar_runs() {
        let checks = belljar::checks().await;
        assert_eq!(exit_of(&checks), Exit::Good, "{checks:?}");
    }
}
