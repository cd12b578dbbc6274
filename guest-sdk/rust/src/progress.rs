//! How far a call has come, for the host's progress bars. Only the newest report is kept.

/// Says that `done` of `total` units are done. Without a total (`None`) the host shows a spinner.
/// `message` names what is being done now and may be empty.
///
/// ```
/// belljar_guest::progress::report(3, 10, "reading page 4");
/// belljar_guest::progress::report(3, None, "");
/// ```
pub fn report(done: u64, total: impl Into<Option<u64>>, message: &str) {
    crate::host::progress::report(done, total.into(), message);
}
