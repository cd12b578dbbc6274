//! The configuration of an automaton, and what follows from it.

use serde::Deserialize;

use crate::larger_than_life::RuleError;
use crate::law::Law;
use crate::lenia::{Lenia, LeniaError};
use crate::size::{Size, SizeError};
use crate::start;

/// What an automaton is to be. Every field may be left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Cells in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Larger than Life, by a rule as Golly writes it.
    pub rule: Option<String>,
    /// Lenia, which it is without a rule, too.
    pub lenia: Option<Lenia>,
    /// What the cells begin with, row by row.
    pub cells: Option<Vec<f32>>,
    /// What a random start is drawn from.
    pub seed: Option<u64>,
    /// How large a part of the cells of a random start is not 0.
    pub density: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { width: 64, height: 64, rule: None, lenia: None, cells: None, seed: None, density: 0.35 }
    }
}

/// Why there is no automaton of a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    #[error("\"rule\" and \"lenia\" are two laws: give one of them")]
    TwoLaws,
    #[error("\"cells\" and \"seed\" are two starts: give one of them")]
    TwoStarts,
    #[error("\"density\" is {0}, and may be from 0 to 1")]
    BadDensity(f64),
    #[error("\"cells\" are {found}, and the automaton has {expected}")]
    BadCellCount { found: usize, expected: usize },
    #[error("cell {place} is {value}, and may be {} from 0 to {max}", if *.is_continuous { "a number" } else { "a whole number" })]
    BadCell { place: usize, value: f32, max: f32, is_continuous: bool },
    #[error("an Orbium has no room on {width} × {height} cells: make it larger, or give \"cells\" or a \"seed\"")]
    NoRoom { width: u32, height: u32 },
    #[error(transparent)]
    Rule(#[from] RuleError),
    #[error(transparent)]
    Lenia(#[from] LeniaError),
    #[error(transparent)]
    Size(#[from] SizeError),
}

/// A configuration that has been found to be possible.
#[derive(Clone, Debug)]
pub struct Plan {
    pub law: Law,
    pub size: Size,
    /// What the cells begin with, row by row.
    pub cells: Vec<f32>,
}

impl Config {
    /// Checks everything that can be checked without a device.
    pub fn plan(self) -> Result<Plan, ConfigError> {
        let law = match (self.rule, self.lenia) {
            (Some(_), Some(_)) => return Err(ConfigError::TwoLaws),
            (Some(rule), None) => Law::LargerThanLife(rule.parse()?),
            (None, lenia) => Law::Lenia(lenia.unwrap_or_default().checked()?),
        };
        let size = Size::new(self.width, self.height, law.radius())?;
        if !(0.0..=1.0).contains(&self.density) {
            return Err(ConfigError::BadDensity(self.density));
        }
        let cells = match (self.cells, self.seed) {
            (Some(_), Some(_)) => return Err(ConfigError::TwoStarts),
            (Some(cells), None) => checked(cells, &law, size)?,
            (None, None) if law.is_continuous() => {
                let (width, height) = (size.width(), size.height());
                start::orbium(size).ok_or(ConfigError::NoRoom { width, height })?
            }
            (None, seed) => start::random(size, &law, seed.unwrap_or(0), self.density),
        };
        Ok(Plan { law, size, cells })
    }
}

/// Cells that the law knows.
fn checked(cells: Vec<f32>, law: &Law, size: Size) -> Result<Vec<f32>, ConfigError> {
    if cells.len() != size.cells() {
        return Err(ConfigError::BadCellCount { found: cells.len(), expected: size.cells() });
    }
    let (max, is_continuous) = (law.value_max(), law.is_continuous());
    let is_good = |value: f32| (0.0..=max).contains(&value) && (is_continuous || value.fract() == 0.0);
    match cells.iter().position(|value| !is_good(*value)) {
        Some(place) => Err(ConfigError::BadCell { place, value: cells[place], max, is_continuous }),
        None => Ok(cells),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(config: &str) -> Result<Plan, ConfigError> {
        belljar_guest::config::parse::<Config>(config).unwrap().plan()
    }

    #[test]
    fn nothing_at_all_is_an_orbium() {
        let plan = plan("").unwrap();
        assert_eq!(plan.law, Law::Lenia(Lenia::default()));
        let sum: f32 = plan.cells.iter().sum();
        assert!(sum > 50.0 && plan.cells[0] == 0.0, "{sum}");
    }

    #[test]
    fn what_a_configuration_asks_for_in_vain_is_said() {
        const LIFE: &str = r#""rule": "R1,C0,M0,S2..3,B3..3,NM""#;
        for (config, why) in [
            (format!(r#"{{{LIFE}, "lenia": {{}}}}"#), "two laws"),
            (format!(r#"{{{LIFE}, "cells": [], "seed": 1}}"#), "two starts"),
            (format!(r#"{{{LIFE}, "density": -1}}"#), "from 0 to 1"),
            (format!(r#"{{{LIFE}, "cells": [1]}}"#), "are 1, and the automaton has 4096"),
            (format!(r#"{{{LIFE}, "width": 3, "height": 3, "cells": [0,1,0.5,0,0,0,0,0,0]}}"#), "cell 2 is 0.5"),
            (
                format!(r#"{{{LIFE}, "width": 3, "height": 3, "cells": [0,1,2,0,0,0,0,0,0]}}"#),
                "whole number from 0 to 1",
            ),
            (r#"{"rule": "B3/S23"}"#.to_owned(), "no part R"),
            (r#"{"lenia": {"radius": 99}}"#.to_owned(), "from 2 to 25"),
            (r#"{"width": 20}"#.to_owned(), "27 cells of a neighbourhood"),
            (r#"{"width": 9, "height": 9, "lenia": {"radius": 4}}"#.to_owned(), "no room on 9 × 9"),
        ] {
            let error = plan(&config).map(drop).unwrap_err().to_string();
            assert!(error.contains(why), "{config}: {error}");
        }
    }
}
