//! Log lines. The host adds the plugin, the call and the time. A line longer than the host's limit
//! (8 KiB by default) is cut, and more lines in a second than its limit (1,000 by default) stop the
//! call with a fault.
//!
//! The macros [`trace!`], [`debug!`], [`info!`], [`warn!`] and [`error!`] take what `format!` takes:
//!
//! ```
//! use belljar_guest::log;
//!
//! let facts = 736;
//! log::info!("found {facts} facts");
//! ```

pub use crate::bindings::belljar::plugin::log::Level;

/// Writes one line. Line breaks inside `message` are kept.
pub fn log(level: Level, message: &str) {
    crate::host::log::log(level, message);
}

#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};

/// Logs a formatted line with every detail, for whoever debugs the plugin.
#[doc(hidden)]
#[macro_export]
macro_rules! __trace {
    ($($arguments:tt)+) => {
        $crate::log::log($crate::log::Level::Trace, &::std::format!($($arguments)+))
    };
}

/// Logs a formatted line with details that explain a result.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($arguments:tt)+) => {
        $crate::log::log($crate::log::Level::Debug, &::std::format!($($arguments)+))
    };
}

/// Logs a formatted line that a person who watches would like to know.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($arguments:tt)+) => {
        $crate::log::log($crate::log::Level::Info, &::std::format!($($arguments)+))
    };
}

/// Logs a formatted line about something that is off, while the work goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($arguments:tt)+) => {
        $crate::log::log($crate::log::Level::Warn, &::std::format!($($arguments)+))
    };
}

/// Logs a formatted line about work, or a part of it, that failed.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($arguments:tt)+) => {
        $crate::log::log($crate::log::Level::Error, &::std::format!($($arguments)+))
    };
}
