//! Rules of Life's kind: whether a cell lives on depends on whether it lives now and on how many of its eight
//! neighbours do, and on nothing else.
//!
//! A rule is written `B3/S23`: a dead cell with 3 live neighbours is born, a live one with 2 or 3 survives. The older
//! `23/3`, which names survival first and has no letters, is read as well.

use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// The most neighbours that a cell has.
const NEIGHBOURS_MAX: u8 = 8;

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no rule: {why}. Write it as B3/S23, with neighbours from 0 to 8")]
pub struct Error {
    text: String,
    why: &'static str,
}

/// For which numbers of live neighbours a cell is born or survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rule {
    birth: Counts,
    survival: Counts,
}

/// A set of numbers of neighbours: bit n is the number n.
type Counts = u16;

impl Rule {
    /// Conway's own: B3/S23.
    pub const LIFE: Self = Self { birth: 1 << 3, survival: 1 << 2 | 1 << 3 };

    /// Whether a dead cell with so many live neighbours is born.
    pub fn is_born(self, neighbours: u32) -> bool {
        contains(self.birth, neighbours)
    }

    /// Whether a live cell with so many live neighbours survives.
    pub fn survives(self, neighbours: u32) -> bool {
        contains(self.survival, neighbours)
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::LIFE
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let error = |why| Error { text: text.to_owned(), why };
        let (first, second) = text.trim().split_once('/').ok_or_else(|| error("it has no slash"))?;
        let (birth, survival) = match (letter(first), letter(second)) {
            (Some('b'), Some('s')) => (&first[1..], &second[1..]),
            (Some('s'), Some('b')) => (&second[1..], &first[1..]),
            (None, None) => (second, first),
            _ => return Err(error("it names birth and survival in another way")),
        };
        Ok(Self { birth: counts(birth).map_err(error)?, survival: counts(survival).map_err(error)? })
    }
}

impl TryFrom<String> for Rule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "B{}/S{}", digits(self.birth), digits(self.survival))
    }
}

fn contains(counts: Counts, neighbours: u32) -> bool {
    neighbours <= u32::from(NEIGHBOURS_MAX) && counts >> neighbours & 1 == 1
}

/// The letter that a half of a rule begins with, in lower case.
fn letter(half: &str) -> Option<char> {
    half.chars().next().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase())
}

fn counts(digits: &str) -> Result<Counts, &'static str> {
    digits.bytes().try_fold(0, |counts, digit| match digit {
        b'0'..=b'8' if counts >> (digit - b'0') & 1 == 1 => Err("it names a number of neighbours twice"),
        b'0'..=b'8' => Ok(counts | 1 << (digit - b'0')),
        _ => Err("something else than a number of neighbours stands in it"),
    })
}

fn digits(counts: Counts) -> String {
    let numbers = (0..=NEIGHBOURS_MAX).filter(|number| contains(counts, u32::from(*number)));
    numbers.map(|number| char::from(b'0' + number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ways_to_write_lifes_rule_are_the_same_rule() {
        for text in ["B3/S23", "b3/s23", "S32/B3", "23/3", " B3/S23 "] {
            assert_eq!(text.parse(), Ok(Rule::LIFE), "{text}");
        }
        assert_eq!(Rule::LIFE.to_string(), "B3/S23");
    }

    #[test]
    fn a_rule_says_for_which_neighbours_a_cell_is_born_and_survives() {
        let rule: Rule = "B36/S".parse().unwrap();

        let born: Vec<_> = (0..=9).filter(|neighbours| rule.is_born(*neighbours)).collect();

        assert_eq!(born, [3, 6]);
        assert!((0..=9).all(|neighbours| !rule.survives(neighbours)));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_text_and_the_reason() {
        for (text, why) in [
            ("", "no slash"),
            ("B3S23", "no slash"),
            ("B3/23", "in another way"),
            ("B3/B3", "in another way"),
            ("B9/S23", "something else"),
            ("B3/S23x", "something else"),
            ("B33/S23", "twice"),
            ("é/é", "something else"),
        ] {
            let error = text.parse::<Rule>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(&format!("{text:?}")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_rule_is_read_as_it_was_written(birth in 0_u16..512, survival in 0_u16..512) {
            let rule = Rule { birth, survival };
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,12}") {
            let _ = text.parse::<Rule>();
        }
    }
}
