//! Log lines, of Belljar and of guests, on the standard error. While progress bars are shown, a line is written
//! above them.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::LogArgs;
use crate::failure::Failure;
use crate::terminal;

/// Starts logging.
///
/// # Errors
///
/// Bad input when `BELLJAR_LOG` or `RUST_LOG` cannot be understood.
pub fn init(args: LogArgs, bars: &MultiProgress) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(filter(args)?)
        .with_writer(AboveBars(bars.clone()))
        .with_ansi(terminal::colours_on_stderr())
        .without_time()
        .init();
    Ok(())
}

/// What the environment says, if it says something; else what the arguments say.
fn filter(args: LogArgs) -> Result<EnvFilter, Failure> {
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value));
    match named("BELLJAR_LOG").or_else(|| named("RUST_LOG")) {
        Some((name, directives)) => EnvFilter::try_new(&directives).map_err(|error| {
            Failure::bad_input(format!("{name}=`{directives}` cannot be understood: {error}"))
                .help(format!("write a level, or targets with levels: {name}=warn,belljar=debug"))
        }),
        None => Ok(EnvFilter::new(directives(args))),
    }
}

/// The compiler and the network libraries stay at warnings even when Belljar tells everything: nobody who debugs a
/// plugin looks for their lines.
fn directives(args: LogArgs) -> &'static str {
    match args {
        LogArgs { quiet: true, .. } => "error",
        LogArgs { verbose: 0, .. } => "warn,belljar::plugin=info",
        LogArgs { verbose: 1, .. } => "warn,belljar=info,belljar_engine=info,belljar_store=info,belljar::plugin=debug",
        _ => "warn,belljar=trace,belljar_engine=trace,belljar_store=trace",
    }
}

struct AboveBars(MultiProgress);

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = &'a AboveBars;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_of_arguments_is_a_filter() {
        for quiet in [false, true] {
            for verbose in 0..4 {
                let args = LogArgs { verbose, quiet };
                assert!(EnvFilter::try_new(directives(args)).is_ok(), "{args:?}");
            }
        }
    }
}
