//! Larger than Life (Kellie Evans, 2001): Life with neighbourhoods of any radius, and intervals of neighbours. Rules are
//! written as in Golly: `R5,C0,M1,S34..58,B34..45,NM` is a radius of 5, no states beside dead and alive, a cell counts
//! among its own neighbours, survives with 34 to 58 of them and is born with 34 to 45, in a square (Moore's) neighbourhood.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// The largest radius. A cell then looks at 441.
pub const RADIUS_MAX: u32 = 10;
/// The most states.
const STATES_MAX: u32 = 255;
/// How much of a wrong part an error repeats, in characters.
const PART_SHOWN_MAX: usize = 20;

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("{0:?} is no part of a rule: write one like R5,C0,M1,S34..58,B34..45,NM")]
    Unknown(String),
    #[error("the part {0} stands in the rule twice: leave one out")]
    Twice(char),
    #[error("the rule has no part {0}: write one like R5,C0,M1,S34..58,B34..45,NM")]
    Missing(char),
    #[error("{part:?} is no number from {min} to {max}")]
    BadNumber { part: String, min: u32, max: u32 },
    #[error("{part:?} is no interval such as 2..3 from 0 to the {max} neighbours")]
    BadInterval { part: String, max: u32 },
    #[error("{0:?} is no neighbourhood that there is: NM, the square one, is the only one")]
    BadNeighbourhood(String),
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How far a cell looks each way.
    pub radius: u32,
    /// Dead, alive, and those in which a cell decays: 2 at least.
    pub states: u32,
    /// Whether a cell counts among its own neighbours.
    pub counts_itself: bool,
    /// With how many living neighbours a living cell stays alive.
    pub survival: RangeInclusive<u32>,
    /// With how many a dead cell is born.
    pub birth: RangeInclusive<u32>,
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let mut parts = [('R', None), ('C', None), ('M', None), ('S', None), ('B', None), ('N', None)];
        for part in text.trim().split(',') {
            let letter = part.chars().next().map(|letter| letter.to_ascii_uppercase());
            let Some((letter, value)) = parts.iter_mut().find(|(known, _)| Some(*known) == letter) else {
                return Err(RuleError::Unknown(shown(part)));
            };
            // The letter is one of ASCII, so one byte.
            if value.replace(&part[1..]).is_some() {
                return Err(RuleError::Twice(*letter));
            }
        }
        let [radius, states, itself, survival, birth, neighbourhood] = parts;
        let radius = number(given(radius)?, 1, RADIUS_MAX)?;
        let states = number(given(states)?, 0, STATES_MAX)?.max(2);
        let counts_itself = number(given(itself)?, 0, 1)? == 1;
        let side = 2 * radius + 1;
        let neighbours_max = side * side - u32::from(!counts_itself);
        let survival = interval(given(survival)?, neighbours_max)?;
        let birth = interval(given(birth)?, neighbours_max)?;
        let neighbourhood = given(neighbourhood)?;
        if !neighbourhood.eq_ignore_ascii_case("M") {
            return Err(RuleError::BadNeighbourhood(shown(neighbourhood)));
        }
        Ok(Self { radius, states, counts_itself, survival, birth })
    }
}

fn given((letter, value): (char, Option<&str>)) -> Result<&str, RuleError> {
    value.ok_or(RuleError::Missing(letter))
}

fn number(text: &str, min: u32, max: u32) -> Result<u32, RuleError> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| RuleError::BadNumber { part: shown(text), min, max })
}

fn interval(text: &str, max: u32) -> Result<RangeInclusive<u32>, RuleError> {
    let interval = text.split_once("..").and_then(|(first, last)| Some(first.parse().ok()?..=last.parse().ok()?));
    interval
        .filter(|interval: &RangeInclusive<u32>| !interval.is_empty() && *interval.end() <= max)
        .ok_or_else(|| RuleError::BadInterval { part: shown(text), max })
}

fn shown(part: &str) -> String {
    part.chars().take(PART_SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUGS: &str = "R5,C0,M1,S34..58,B34..45,NM";

    #[test]
    fn a_rule_is_read_in_any_order_and_case() {
        let bugs = Rule { radius: 5, states: 2, counts_itself: true, survival: 34..=58, birth: 34..=45 };
        assert_eq!(BUGS.parse(), Ok(bugs.clone()));
        assert_eq!(" nm,b34..45,s34..58,m1,c2,r5 ".parse(), Ok(bugs));
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (text, error) in [
            ("", RuleError::Unknown(String::new())),
            ("B3/S23", RuleError::Missing('R')),
            ("R5,X", RuleError::Unknown("X".to_owned())),
            ("R5,é", RuleError::Unknown("é".to_owned())),
            ("R5,R5", RuleError::Twice('R')),
            ("R5,C0,M1,S34..58,NM", RuleError::Missing('B')),
            ("R11,C0,M1,S1..2,B1..2,NM", RuleError::BadNumber { part: "11".to_owned(), min: 1, max: 10 }),
            ("R1,C256,M1,S1..2,B1..2,NM", RuleError::BadNumber { part: "256".to_owned(), min: 0, max: 255 }),
            ("R1,C0,M0,S1..9,B1..2,NM", RuleError::BadInterval { part: "1..9".to_owned(), max: 8 }),
            ("R1,C0,M1,S3..2,B1..2,NM", RuleError::BadInterval { part: "3..2".to_owned(), max: 9 }),
            ("R1,C0,M1,S2,B1..2,NM", RuleError::BadInterval { part: "2".to_owned(), max: 9 }),
            ("R1,C0,M1,S1..2,B1..2,NN", RuleError::BadNeighbourhood("N".to_owned())),
        ] {
            assert_eq!(text.parse::<Rule>(), Err(error), "{text}");
        }
        assert!("Rx".repeat(1 << 20).parse::<Rule>().unwrap_err().to_string().len() < 200);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[RCMSBN0-9.,é ]{0,40}") {
            let _ = text.parse::<Rule>();
        }
    }
}
