//! What the terminal can show.

use std::io::IsTerminal as _;

/// The terminal's width in places; none where the standard output is none.
pub fn width() -> Option<usize> {
    std::io::stdout().is_terminal().then(|| comfy_table::Table::new().width().map(usize::from)).flatten()
}

/// Whether the standard output may have colours: it is a terminal, and `NO_COLOR` is not set.
pub fn colours_on_stdout() -> bool {
    std::io::stdout().is_terminal() && wanted()
}

/// Whether the standard error may have colours.
pub fn colours_on_stderr() -> bool {
    std::io::stderr().is_terminal() && wanted()
}

/// See <https://no-color.org>: any value but the empty one switches colours off.
fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
