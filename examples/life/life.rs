//! What the plugin `life` takes and returns, as Rust types.

use anyhow::Context as _;
use belljar::{ComponentType, Lift};
use serde::{Deserialize, Serialize};

use crate::args::{Args, Edges, Engine};

/// What the plugin's `init` is told. What is left out has the plugin's default.
#[derive(Serialize)]
pub struct Config<'a> {
    width: u32,
    height: u32,
    seed: u64,
    engine: Engine,
    ages: bool,
    /// How many past states are kept: none, as only the present one is ever asked for.
    history: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    density: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edges: Option<Edges>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'a str>,
}

impl<'a> Config<'a> {
    /// The configurations of so many games, as their actors take them. `pattern` is the text of the pattern file.
    pub fn of_games(args: &'a Args, games: usize, pattern: Option<&'a str>) -> anyhow::Result<Vec<String>> {
        (0..games).map(|game| Config::new(args, game, pattern).json()).collect()
    }

    fn new(args: &'a Args, game: usize, pattern: Option<&'a str>) -> Config<'a> {
        Config {
            width: args.width(),
            height: args.height(),
            seed: args.seed_of(game),
            engine: args.engine,
            ages: args.ages,
            history: 0,
            density: args.density,
            rule: args.rule.as_deref(),
            edges: args.edges,
            pattern,
        }
    }

    fn json(&self) -> anyhow::Result<String> {
        serde_json::to_string(self).context("the configuration cannot be written")
    }
}

/// What `step` returns. It comes as JSON, through a reference that can be waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// Generations since the beginning.
    #[serde(deserialize_with = "integer")]
    pub generation: u64,
    /// Cells that live.
    #[serde(deserialize_with = "integer")]
    pub population: u64,
    /// Tells boards apart: the same cells have the same, whichever engine computed them.
    #[serde(deserialize_with = "integer")]
    pub hash: u64,
}

/// What `state` returns. It comes as a Rust value, copied straight from the guest's memory.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
#[component(wasmtime_crate = belljar::typed)]
pub struct Grid {
    /// Generations since the beginning.
    #[expect(dead_code, reason = "a typed record has every field of the plugin's, also one that nobody reads")]
    pub generation: u64,
    /// Cells of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// A bit for every cell, row by row, the first cell in the lowest bit; every row begins with a new byte.
    pub bits: Vec<u8>,
}

/// Reads a 64-bit integer: JSON carries those past 2⁵³ − 1 as text, so that no reader rounds them.
fn integer<'de, D: serde::Deserializer<'de>>(json: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Integer {
        Number(u64),
        Text(String),
    }
    match Integer::deserialize(json)? {
        Integer::Number(number) => Ok(number),
        Integer::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn only_what_was_asked_for_is_configured() {
        let args = Args::parse_from(["life", "--size=9", "--height=5", "--seed=3", "--engine=simd", "--edges=dead"]);

        assert_eq!(
            Config::of_games(&args, 3, None).unwrap()[2],
            r#"{"width":9,"height":5,"seed":5,"engine":"simd","ages":false,"history":0,"edges":"dead"}"#
        );
    }

    #[test]
    fn a_pattern_is_passed_on_with_its_lines() {
        let args = Args::parse_from(["life"]);

        let json = Config::of_games(&args, 1, Some("!Glider\n.O\n..O\nOOO\n")).unwrap().remove(0);

        assert!(json.ends_with(r#""pattern":"!Glider\n.O\n..O\nOOO\n"}"#), "{json}");
    }

    #[test]
    fn large_integers_come_as_text() {
        let json = r#"{"generation":1099511627776,"population":5,"hash":"18446744073709551615","width":9,"height":9}"#;

        let summary: Summary = serde_json::from_str(json).unwrap();

        assert_eq!(summary, Summary { generation: 1 << 40, population: 5, hash: u64::MAX });
        assert!(serde_json::from_str::<Summary>(r#"{"generation":-1,"population":0,"hash":0}"#).is_err());
    }
}
