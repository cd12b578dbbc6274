//! Child processes, and what xtask itself says. Output of xtask goes to the standard error, in the
//! manner of cargo, so that it stands well between cargo's own lines.

use anyhow::{Context, bail};
use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

/// What cargo and its users set for a build of the host, and what would spoil one for a guest:
/// flags for another target, another compiler, another folder.
const HOST_BUILD_VARIABLES: [&str; 12] = [
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// Says what is being done: a verb, and the rest of the sentence.
pub fn step(verb: &str, rest: impl std::fmt::Display) {
    eprintln!("{verb:>12} {rest}");
}

/// The cargo that runs this xtask, for the host's workspace.
pub fn cargo() -> Command {
    // Cargo sets the variable for what it runs. Without it, the one on the path is as good.
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// The same cargo for a guest, without what was set for the host.
pub fn guest_cargo() -> Command {
    let mut cargo = cargo();
    for variable in HOST_BUILD_VARIABLES {
        cargo.env_remove(variable);
    }
    cargo
}

/// Runs the command, whose output the user sees.
///
/// # Errors
///
/// It cannot be started, or it fails; the error names the command.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// Runs the command and returns what it printed.
///
/// # Errors
///
/// It cannot be started, it fails (the error then holds what it said on its standard error), or it
/// prints something other than text.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let output =
        command.stderr(Stdio::piped()).output().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}\n{}", line(command), output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed something other than text", line(command)))
}

/// The command as it would be typed, with the program's name in place of its path.
fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_named_with_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo no luck >&2; exit 3"])).unwrap_err();

        let text = error.to_string();
        assert!(text.contains("sh -c"), "{text}");
        assert!(text.contains("no luck"), "{text}");
        assert!(text.contains('3'), "{text}");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error = run(&mut Command::new("/nowhere/no-such-program")).unwrap_err();

        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
