//! The number under which a filing was accepted, checked and ordered.

use std::fmt::{self, Display};

use crate::Excerpt;

/// The first year that two digits can mean: the archive's oldest electronic filings. `94` is 1994,
/// and so `93` is 2093.
pub const YEAR_MIN: u16 = 1994;

/// An accession number such as `0000320193-23-000077`: who filed (ten digits), in which year (two),
/// and the filer's running number in that year (six).
///
/// Accessions are ordered by year, then running number, then filer. Between two numbers of *one*
/// filer that is the order in which they were accepted. Filing agents file for many companies, so
/// one company's filings may carry several filers' numbers; those count independently, and within a
/// year the order *across* filers is then a fixed convention and says nothing about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accession {
    // The derived order compares in this sequence of fields.
    year: u16,
    sequence: u32,
    filer: u64,
}

/// Why a text is not an accession number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is not an accession number: one has ten digits, two digits and six digits, such as \
     0000320193-23-000077"
)]
pub struct AccessionError {
    /// What was given.
    pub given: Excerpt,
}

impl Accession {
    /// Reads `FILER-YY-SEQUENCE`.
    ///
    /// # Errors
    /// [`AccessionError`] for anything but 10, 2 and 6 digits with hyphens between.
    pub fn parse(text: &str) -> Result<Self, AccessionError> {
        Self::read(text).ok_or_else(|| AccessionError { given: Excerpt::of(text) })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let filer = digits(parts.next()?, 10)?;
        let year = u16::try_from(digits(parts.next()?, 2)?).ok()?;
        let sequence = u32::try_from(digits(parts.next()?, 6)?).ok()?;
        if parts.next().is_some() {
            return None;
        }
        let century = if 1900 + year >= YEAR_MIN { 1900 } else { 2000 };
        Some(Self { year: century + year, sequence, filer })
    }

    /// Who filed.
    #[must_use]
    pub fn filer(self) -> u64 {
        self.filer
    }

    /// The year, with its century: [`YEAR_MIN`] and the 99 years after it.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }
}

impl Display for Accession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { filer, year, sequence } = self;
        write!(f, "{filer:010}-{:02}-{sequence:06}", year % 100)
    }
}

/// The number that exactly `count` ASCII digits spell.
fn digits(text: &str, count: usize) -> Option<u64> {
    let all = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accession(text: &str) -> Accession {
        Accession::parse(text).unwrap()
    }

    #[test]
    fn the_parts_of_a_number_are_read() {
        let apple = accession("0000320193-23-000077");
        assert_eq!((apple.filer(), apple.year()), (320_193, 2023));
    }

    #[test]
    fn the_century_turns_between_93_and_94() {
        assert_eq!(accession("0000000001-94-000001").year(), 1994);
        assert_eq!(accession("0000000001-99-000001").year(), 1999);
        assert_eq!(accession("0000000001-00-000001").year(), 2000);
        assert_eq!(accession("0000000001-93-000001").year(), 2093);
    }

    #[test]
    fn one_filers_numbers_are_in_order_of_time() {
        assert!(accession("0000320193-99-000900") < accession("0000320193-00-000001"));
        assert!(accession("0000320193-23-000076") < accession("0000320193-23-000077"));
    }

    #[test]
    fn near_misses_are_refused() {
        for text in [
            "",
            "0000320193-23-00007",
            "0000320193-23-0000777",
            "320193-23-000077",
            "0000320193-23",
            "0000320193-23-000077-",
            "000032019x-23-000077",
            "+000320193-23-000077",
            "0000320193_23_000077",
            "٠٠٠٠٣٢٠١٩٣-23-000077",
            "../0000320193-23-000077",
        ] {
            assert!(Accession::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_displayed_as_it_was_read(text in "[0-9]{10}-[0-9]{2}-[0-9]{6}") {
            prop_assert_eq!(accession(&text).to_string(), text);
        }

        #[test]
        fn whatever_passes_has_the_pattern(text in "\\PC{0,24}|[0-9-]{18,22}") {
            if let Ok(accession) = Accession::parse(&text) {
                prop_assert_eq!(accession.to_string(), text);
            }
        }

        #[test]
        fn years_stay_in_their_window(text in "[0-9]{10}-[0-9]{2}-[0-9]{6}") {
            prop_assert!((YEAR_MIN..YEAR_MIN + 100).contains(&accession(&text).year()));
        }
    }
}
