//! Names for the functions that are added, which must differ from all names that a component exports already.

use std::collections::BTreeSet;

/// What all names begin with; a number follows that no export of the component has there.
const STEM: &str = "belljar-snapshot-";

/// The numbers that must not follow the stem.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeSet<usize>);

impl Taken {
    /// Takes note of an export of the component, or of any module or component in it.
    pub(super) fn note(&mut self, export: &str) {
        // Names of components are compared without regard to case.
        let Some((stem, rest)) = export.split_at_checked(STEM.len()) else { return };
        let number = rest.split('-').next().and_then(|number| number.parse().ok());
        if let (true, Some(number)) = (stem.eq_ignore_ascii_case(STEM), number) {
            self.0.insert(number);
        }
    }

    /// A prefix that none of the names noted begins with.
    pub(super) fn free_prefix(&self) -> Prefix {
        // Of n + 1 numbers, n can be taken at most; the set's numbers come in ascending order.
        let number = self.0.iter().enumerate().take_while(|(index, taken)| index == *taken).count();
        Prefix(format!("{STEM}{number}"))
    }
}

/// The beginning of the names of one component's added functions.
#[derive(Debug, Clone)]
pub(super) struct Prefix(String);

impl Prefix {
    /// The export of a core module that reads its globals.
    pub(super) fn core_getter(&self) -> String {
        format!("{}-get", self.0)
    }

    /// The export of a core module that writes its globals.
    pub(super) fn core_setter(&self) -> String {
        format!("{}-set", self.0)
    }

    /// The export of a component that reads the globals of its core instance `ordinal`, counted among all core
    /// instances with mutable globals in it and in its nested instances.
    pub(super) fn getter(&self, ordinal: usize) -> String {
        format!("{}-get-{ordinal}", self.0)
    }

    /// The export of a component that writes them.
    pub(super) fn setter(&self, ordinal: usize) -> String {
        format!("{}-set-{ordinal}", self.0)
    }
}
