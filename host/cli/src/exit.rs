//! How the command ends: a few exit codes that scripts can rely on. They are part of the interface, so they are
//! written down once, here, and shown by `belljar --help`.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All good.
    Good = 0,
    /// The work failed: some items, a method that returned an error, a guest that was stopped.
    WorkFailed = 1,
    /// The command cannot be carried out as it was given: arguments, a workflow, a plugin.
    BadInput = 2,
    /// Belljar itself could not go on: a locked data directory, a full disk.
    CannotGoOn = 3,
    /// Somebody pressed Ctrl-C. The number is the shells' convention for it.
    Interrupted = 130,
}

/// What `belljar --help` says about exit codes.
pub const EXIT_CODES_HELP: &str = "\
Exit codes:
  0    all good
  1    the work failed: some items, a method that returned an error, a plugin that was stopped
  2    wrong arguments, a workflow or a plugin that cannot be used
  3    Belljar itself could not go on: a locked data directory, a full disk
  130  interrupted with Ctrl-C; the same command goes on where it stopped";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        for exit in [Exit::Good, Exit::WorkFailed, Exit::BadInput, Exit::CannotGoOn, Exit::Interrupted] {
            let line = format!("\n  {:<5}", exit as u8);
            assert!(EXIT_CODES_HELP.contains(&line), "{exit:?}");
        }
    }
}
