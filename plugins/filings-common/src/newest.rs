//! Which of a company's filings is the newest.
//!
//! The candidates come from outside (the names in a folder, the entries of an index), so there may be
//! names among them that are no accessions: those are passed over and reported, never guessed at.

use std::fmt::{self, Display};

use crate::{Accession, Excerpt};

/// The most candidates that are looked at. One filer's quarterly reports since 1994 are below 200.
pub const CANDIDATES_MAX: usize = 10_000;

/// How many passed-over names are shown; the others are only counted.
pub const SKIPPED_SHOWN_MAX: usize = 8;

/// There were more candidates than anyone can have filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {CANDIDATES_MAX} entries (CANDIDATES_MAX): this is not one company's filings")]
pub struct TooManyCandidates;

/// The candidates, weighed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    newest: Option<Accession>,
    rival: Option<Accession>,
    skipped: Skipped,
}

impl Candidates {
    /// Weighs `names` by the order of [`Accession`]s.
    ///
    /// # Errors
    /// [`TooManyCandidates`] past [`CANDIDATES_MAX`] names.
    pub fn weigh<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, TooManyCandidates> {
        let mut accessions = Vec::new();
        let mut skipped = Skipped::default();
        for (position, name) in names.into_iter().enumerate() {
            if position == CANDIDATES_MAX {
                return Err(TooManyCandidates);
            }
            match Accession::parse(name.as_ref()) {
                Ok(accession) => accessions.push(accession),
                Err(error) => skipped.add(error.given),
            }
        }
        let newest = accessions.iter().copied().max();
        let rival = newest.and_then(|newest| {
            let same_year = accessions.iter().filter(|a| a.year() == newest.year());
            same_year.copied().find(|a| a.filer() != newest.filer())
        });
        skipped.shown.sort_by_key(ToString::to_string);
        Ok(Self { newest, rival, skipped })
    }

    /// The newest accession, if there is any.
    #[must_use]
    pub fn newest(&self) -> Option<Accession> {
        self.newest
    }

    /// What a person who watches should know about the choice: each item is one line of a log.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let skipped =
            (self.skipped.count > 0).then(|| format!("skipped what is not an accession number: {}", self.skipped));
        let unsure = self.newest.zip(self.rival).map(|(newest, rival)| {
            format!(
                "took {newest} for the newest, but {rival} is of the same year and another filer, \
                 whose numbers count independently"
            )
        });
        skipped.into_iter().chain(unsure)
    }
}

/// The names that were passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Skipped {
    shown: Vec<Excerpt>,
    count: usize,
}

impl Skipped {
    fn add(&mut self, name: Excerpt) {
        self.count += 1;
        if self.shown.len() < SKIPPED_SHOWN_MAX {
            self.shown.push(name);
        }
    }
}

impl Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.shown.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        match self.count - self.shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(names: &[&str]) -> Option<String> {
        let candidates = Candidates::weigh(names).unwrap();
        candidates.newest().map(|a| a.to_string())
    }

    #[test]
    fn the_last_number_of_the_last_year_is_the_newest() {
        let names = ["0000320193-23-000064", "0000320193-99-000900", "0000320193-23-000077", "0000320193-22-000070"];
        assert_eq!(newest(&names).as_deref(), Some("0000320193-23-000077"));
    }

    #[test]
    fn of_nothing_there_is_no_newest() {
        assert_eq!(newest(&[]), None);
        assert_eq!(newest(&[".DS_Store", "draft"]), None);
    }

    #[test]
    fn what_is_no_accession_is_passed_over_and_named() {
        let names = ["0000320193-23-000077", "old", ".DS_Store"];
        let candidates = Candidates::weigh(names).unwrap();
        let remarks: Vec<_> = candidates.remarks().collect();
        assert_eq!(remarks, ["skipped what is not an accession number: \".DS_Store\", \"old\""]);
    }

    #[test]
    fn a_thousand_stray_names_make_one_short_remark() {
        let names: Vec<_> = (0..1_000).map(|n| format!("stray-{n}")).collect();
        let candidates = Candidates::weigh(&names).unwrap();
        let remark = candidates.remarks().next().unwrap();
        assert!(remark.ends_with("and 992 more"), "{remark}");
        assert!(remark.len() < 300);
    }

    #[test]
    fn a_choice_between_two_filers_of_one_year_is_remarked_upon() {
        let names = ["0000320193-23-000077", "0001193125-23-200000"];
        let candidates = Candidates::weigh(names).unwrap();
        assert_eq!(candidates.newest().unwrap().to_string(), "0001193125-23-200000");
        assert!(candidates.remarks().next().unwrap().contains("independently"));
    }

    #[test]
    fn an_older_filing_by_another_filer_is_no_cause_for_a_remark() {
        let names = ["0000320193-23-000077", "0001193125-22-200000"];
        assert_eq!(Candidates::weigh(names).unwrap().remarks().count(), 0);
    }

    #[test]
    fn too_many_candidates_are_an_error() {
        let names = vec!["x"; CANDIDATES_MAX + 1];
        assert_eq!(Candidates::weigh(&names), Err(TooManyCandidates));
        assert!(Candidates::weigh(&names[1..]).is_ok());
    }
}
