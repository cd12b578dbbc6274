//! Numbers that the host gathers for each plugin. Names are dotted lower-case words, such as
//! `facts.numeric`; the host keeps at most 256 names per plugin and drops further ones.

/// Adds `value` to a counter that only grows. The host drops negative and NaN values.
pub fn counter(name: &str, value: f64) {
    crate::host::metrics::counter(name, value);
}

/// Sets a value that may go up and down.
pub fn gauge(name: &str, value: f64) {
    crate::host::metrics::gauge(name, value);
}

/// Records one observation of a quantity, such as a duration in seconds. The host keeps count, sum,
/// minimum and maximum.
pub fn observe(name: &str, value: f64) {
    crate::host::metrics::observe(name, value);
}
