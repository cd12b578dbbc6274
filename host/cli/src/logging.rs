//! Log lines, of Belljar and of plugins, on the standard error. While progress bars are shown, a line is written
//! above them. A plugin's line is its own words behind its name; it cannot command the terminal.

use std::fmt;
use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::args::LogArgs;
use crate::failure::Failure;
use crate::{human, terminal};

/// The target of what plugins log.
const PLUGINS: &str = "belljar::plugin";

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
        .event_format(Lines(Format::default().without_time()))
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

/// The form of a line: a plugin's is `INFO filings-extract AAPL: 736 facts`, all others have the usual form.
struct Lines(Format<Full, ()>);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != PLUGINS {
            return self.0.format_event(context, writer, event);
        }
        let mut line = PluginLine::default();
        event.record(&mut line);
        line.write(writer, *event.metadata().level())
    }
}

/// The fields of a plugin's line.
#[derive(Debug, Default)]
struct PluginLine {
    plugin: String,
    label: String,
    message: String,
}

impl PluginLine {
    fn write(&self, mut writer: Writer<'_>, level: tracing::Level) -> fmt::Result {
        let (bold, plain) = if writer.has_ansi_escapes() { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        let space = if self.label.is_empty() { "" } else { " " };
        let (label, message) = (human::printable(&self.label), human::printable(&self.message));
        writeln!(writer, "{level:>5} {bold}{}{space}{label}:{plain} {message}", human::printable(&self.plugin))
    }
}

impl Visit for PluginLine {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "plugin" => self.plugin = value.to_owned(),
            "label" => self.label = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // The message is formatted arguments, whose debug form is their text.
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
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
    fn a_plugins_line_is_its_words_behind_its_name() {
        let line = PluginLine {
            plugin: "filings-extract".to_owned(),
            label: "AAPL".to_owned(),
            message: "736 facts\u{1b}[2J".to_owned(),
        };
        let mut text = String::new();
        line.write(Writer::new(&mut text), tracing::Level::INFO).unwrap();
        assert_eq!(text, " INFO filings-extract AAPL: 736 facts\u{fffd}[2J\n");
    }

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
