//! What the tests of several modules share.

use std::fs;
use std::path::Path;

/// A file of a persisted format, which belongs to the tests. Where `BELLJAR_WRITE_GOLDEN` is set, one that is not there
/// yet is made of the bytes that `write` gives; one that is there is never changed.
pub(crate) fn golden(name: &str, write: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BELLJAR_WRITE_GOLDEN").is_some() && !path.exists() {
        fs::write(&path, write()).unwrap();
    }
    fs::read(path).unwrap()
}
