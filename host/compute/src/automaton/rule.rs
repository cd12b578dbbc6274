//! Life-like rules: whether a cell lives in the next generation depends on whether it lives now and on how many of its
//! eight neighbours do. A [`Rule`] is always a whole one; text becomes a rule by parsing, once.

use std::fmt;
use std::str::FromStr;

use super::error::AutomatonError;

/// A cell has no more neighbours than that.
pub const NEIGHBOURS_MAX: u32 = 8;

/// How much of a wrong rule an error repeats, in characters.
const TEXT_SHOWN_MAX: usize = 40;

/// At how many living neighbours a dead cell is born, and a living one survives.
///
/// Every combination is a rule, also one in which a cell without living neighbours is born (B0): cells beyond dead
/// edges stay dead all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    birth: u16,
    survival: u16,
}

impl Rule {
    /// Conway's Game of Life, B3/S23.
    pub const LIFE: Self = Self { birth: 1 << 3, survival: 1 << 2 | 1 << 3 };

    /// The rule of two sets of counts: bit n stands for n living neighbours. None if a bit past the eighth is set.
    pub fn from_masks(birth: u16, survival: u16) -> Option<Self> {
        let is_set_of_counts = |mask: u16| mask >> (NEIGHBOURS_MAX + 1) == 0;
        (is_set_of_counts(birth) && is_set_of_counts(survival)).then_some(Self { birth, survival })
    }

    /// The counts at which a dead cell is born: bit n stands for n living neighbours.
    pub fn birth_mask(self) -> u16 {
        self.birth
    }

    /// The counts at which a living cell survives: bit n stands for n living neighbours.
    pub fn survival_mask(self) -> u16 {
        self.survival
    }

    /// Whether a cell lives in the next generation.
    pub fn lives(self, is_alive: bool, neighbours: u32) -> bool {
        let counts = if is_alive { self.survival } else { self.birth };
        counts >> neighbours & 1 == 1
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::LIFE
    }
}

/// Writes `B3/S23`, the counts in ascending order.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, counts: u16| {
            (0..=NEIGHBOURS_MAX).filter(|n| counts >> n & 1 == 1).try_for_each(|n| write!(f, "{n}"))
        };
        f.write_str("B")?;
        write(f, self.birth)?;
        f.write_str("/S")?;
        write(f, self.survival)
    }
}

/// Reads `B3/S23` in any case and with the parts in either order, and `23/3`, the older notation without letters,
/// which names survival first.
impl FromStr for Rule {
    type Err = AutomatonError;

    fn from_str(text: &str) -> Result<Self, AutomatonError> {
        parse(text)
            .map_err(|reason| AutomatonError::BadRule { text: text.chars().take(TEXT_SHOWN_MAX).collect(), reason })
    }
}

fn parse(text: &str) -> Result<Rule, &'static str> {
    let (first, second) = text.trim().split_once('/').ok_or("it has no slash between birth and survival")?;
    let (birth, survival) = match (split_letter(first), split_letter(second)) {
        ((Some('B'), birth), (Some('S'), survival)) | ((Some('S'), survival), (Some('B'), birth)) => (birth, survival),
        ((None, survival), (None, birth)) => (birth, survival),
        _ => return Err("one part begins with B and the other with S, or neither does"),
    };
    Ok(Rule { birth: counts(birth)?, survival: counts(survival)? })
}

/// The letter that a part begins with, in upper case, and the rest.
fn split_letter(part: &str) -> (Option<char>, &str) {
    match part.chars().next() {
        Some(letter) if letter.is_ascii_alphabetic() => (Some(letter.to_ascii_uppercase()), &part[1..]),
        _ => (None, part),
    }
}

fn counts(digits: &str) -> Result<u16, &'static str> {
    digits.chars().try_fold(0, |mask, digit| match digit.to_digit(NEIGHBOURS_MAX + 1) {
        Some(n) if mask >> n & 1 == 0 => Ok(mask | 1 << n),
        Some(_) => Err("a count of neighbours stands there twice"),
        None => Err("a count of neighbours is a digit from 0 to 8"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn life_has_many_spellings() {
        for text in ["B3/S23", "b3/s23", "S23/B3", "23/3", " B3/S32 "] {
            assert_eq!(text.parse::<Rule>().unwrap(), Rule::LIFE, "{text}");
        }
        assert_eq!(Rule::LIFE.to_string(), "B3/S23");
    }

    #[test]
    fn a_part_may_be_empty() {
        assert_eq!("B2/S".parse::<Rule>().unwrap().to_string(), "B2/S");
        assert_eq!("/2".parse::<Rule>().unwrap().to_string(), "B2/S");
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (text, reason) in [
            ("", "slash"),
            ("B3S23", "slash"),
            ("B3/B23", "one part"),
            ("B3/23", "one part"),
            ("B9/S23", "0 to 8"),
            ("B3/S23/4", "0 to 8"),
            ("B3/S2-a3", "0 to 8"),
            ("B3/S233", "twice"),
            ("é/3", "0 to 8"),
        ] {
            assert!(text.parse::<Rule>().unwrap_err().to_string().contains(reason), "{text}");
        }
        let long = "x".repeat(1 << 20).parse::<Rule>().unwrap_err().to_string();
        assert!(long.len() < 200, "a long text is cut: {}", long.len());
    }

    proptest! {
        #[test]
        fn a_rule_is_read_as_it_was_written(birth in 0u16..512, survival in 0u16..512) {
            let rule = Rule::from_masks(birth, survival).unwrap();
            prop_assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<Rule>();
        }
    }
}
