//! What was wrong with single facts.

use std::fmt::Display;

use crate::limits::PROBLEMS_LISTED_MAX;

/// A bounded list of problems in the order in which they were met.
#[derive(Debug, Default)]
pub struct Problems {
    listed: Vec<String>,
    unlisted: usize,
}

impl Problems {
    /// Adds a problem with what stands at byte `offset` of the file.
    pub fn add(&mut self, offset: usize, what: impl Display) {
        if self.listed.len() < PROBLEMS_LISTED_MAX {
            self.listed.push(format!("byte {offset}: {what}"));
        } else {
            self.unlisted += 1;
        }
    }

    /// The sentences, with a last one that counts what was not listed.
    #[must_use]
    pub fn into_sentences(self) -> Vec<String> {
        let Self { mut listed, unlisted } = self;
        if unlisted > 0 {
            listed.push(format!("{unlisted} more problems are not listed (PROBLEMS_LISTED_MAX)"));
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_limit_problems_are_counted() {
        let mut problems = Problems::default();
        for offset in 0..PROBLEMS_LISTED_MAX + 3 {
            problems.add(offset, "odd");
        }
        let sentences = problems.into_sentences();
        assert_eq!(sentences.len(), PROBLEMS_LISTED_MAX + 1);
        assert_eq!(sentences[1], "byte 1: odd");
        assert!(sentences[PROBLEMS_LISTED_MAX].starts_with("3 more"));
    }
}
