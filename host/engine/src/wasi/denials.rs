//! What a guest tried that it was not granted. A guest whose file could not be opened usually goes on to panic or
//! to return an error that says nothing of a grant; these notes say which one to add.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Uses without a grant that are kept for one call: 16; the first is the one that explains.
const DENIALS_MAX: usize = 16;

/// Uses without a grant, in order.
#[derive(Clone, Default)]
pub(crate) struct Denials(Arc<Mutex<Vec<Denial>>>);

/// One use without a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What the guest did.
    pub what: String,
    /// The line to add.
    pub remedy: String,
    /// Whether the guest may only have looked whether it was there: such a note explains a trap, and says nothing
    /// about an error that the guest returned.
    pub probe: bool,
}

impl Denials {
    pub(crate) fn first(&self) -> Option<Denial> {
        self.lock().first().cloned()
    }

    /// The first that was more than a look.
    pub(crate) fn first_use(&self) -> Option<Denial> {
        self.lock().iter().find(|denial| !denial.probe).cloned()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn note_http(&self, origin: &str) {
        self.note(format!("a request to {origin}"), format!("add `http = [\"{origin}\"]` to its grants"));
    }

    pub(crate) fn note_actor(&self, actor: &str) {
        self.note(format!("the actor {actor}"), format!("add `actors = [\"{actor}\"]` to its grants"));
    }

    pub(super) fn note(&self, what: String, remedy: String) {
        self.push(Denial { what, remedy, probe: false });
    }

    /// Notes what may have been only a look.
    pub(super) fn note_probe(&self, what: String, remedy: String) {
        self.push(Denial { what, remedy, probe: true });
    }

    fn push(&self, denial: Denial) {
        let mut denials = self.lock();
        if denials.len() < DENIALS_MAX {
            denials.push(denial);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Denial>> {
        // A list of notes is as good after a panic elsewhere as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_use_without_a_grant_explains_until_the_next_call() {
        let denials = Denials::default();
        assert_eq!(denials.first(), None);
        for port in 0..100 {
            denials.note_http(&format!("http://127.0.0.1:{port}"));
        }
        let first = denials.first().expect("something was denied");
        assert_eq!(first.what, "a request to http://127.0.0.1:0");
        assert_eq!(first.remedy, "add `http = [\"http://127.0.0.1:0\"]` to its grants");
        assert_eq!(denials.lock().len(), DENIALS_MAX);
        denials.clear();
        assert_eq!(denials.first(), None);
    }
}
