//! Asking another program for its version, without trusting it to answer.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take to answer: 10 s, as a Python program from a cold disk may need some.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// The first line that a program prints; none if it is not there, fails, or does not answer.
pub async fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let asking = Command::new(program)
        .args(arguments)
        // Asking `rustc` of rustup's may otherwise download a whole toolchain.
        .env("RUSTUP_AUTO_INSTALL", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(ANSWER_TIME_MAX, asking).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let line = text.lines().next()?.trim();
    (answer.status.success() && !line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_line_is_the_answer() {
        assert_eq!(ask("sh", &["-c", "echo one; echo two"]).await.as_deref(), Some("one"));
    }

    #[tokio::test]
    async fn a_program_that_fails_or_is_not_there_gives_none() {
        assert_eq!(ask("sh", &["-c", "echo one; exit 1"]).await, None);
        assert_eq!(ask("no-such-program-here", &[]).await, None);
    }
}
