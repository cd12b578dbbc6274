//! The Game of Life as an actor, by the host's boards, by WebAssembly's vectors, or by Hashlife: see `wit/life.wit`.
//!
//! A game steps without giving its cells away: a step returns a summary, and the states that are kept are asked for.
//! The engines are exchangeable, and all of them come to the same cells.

mod ages;
mod bits;
mod config;
mod engine;
mod game;
mod history;
mod pattern;
mod rule;
mod soup;

use crate::bits::Bits;
use crate::config::Config;
use crate::engine::Measure;
use crate::game::{Error, Game};
use belljar_guest::{config as configuration, state};

belljar_guest::plugin!("wit/life.wit");

state! {
    /// None before `init`: the game is then the one of an empty configuration.
    static GAME: Option<Game> = None;
}

struct Life;

impl Guest for Life {
    fn init(config: String) -> Result<(), String> {
        let config: Config = configuration::parse(&config)?;
        GAME.set(Some(Game::new(config).map_err(text)?));
        Ok(())
    }

    fn step(n: u64) -> Result<Summary, String> {
        with_game(|game| {
            let measure = game.step(n)?;
            Ok(summary(game, measure))
        })
    }

    fn play(config: String, generations: u64) -> Result<Summary, String> {
        Life::init(config)?;
        Life::step(generations)
    }

    fn summary() -> Result<Summary, String> {
        with_game(|game| {
            let measure = game.measure()?;
            Ok(summary(game, measure))
        })
    }

    fn state(generation: Option<u64>) -> Result<Grid, String> {
        with_game(|game| {
            let generation = generation.unwrap_or(game.generation());
            Ok(grid(generation, game.state(generation)?))
        })
    }

    fn ages() -> Result<Vec<u8>, String> {
        with_game(|game| game.ages())
    }

    fn rows() -> Result<Vec<String>, String> {
        with_game(|game| game.rows())
    }

    fn populations() -> Vec<u64> {
        with_game(|game| Ok(game.populations().collect())).unwrap_or_default()
    }

    fn exact_population() -> Result<String, String> {
        with_game(|game| Ok(game.measure()?.population.to_string()))
    }

    fn place(pattern: String, x: i64, y: i64) -> Result<(), String> {
        with_game(|game| game.place(&pattern, x, y))
    }

    fn export_rle() -> Result<String, String> {
        with_game(|game| game.rle())
    }

    fn export_plaintext() -> Result<String, String> {
        with_game(|game| game.plaintext())
    }
}

export!(Life);

/// What `work` makes of the game.
fn with_game<T>(work: impl FnOnce(&mut Game) -> Result<T, Error>) -> Result<T, String> {
    GAME.with(|game| {
        let game = match game {
            Some(game) => game,
            None => game.insert(Game::new(Config::default()).map_err(text)?),
        };
        work(game).map_err(text)
    })
}

fn summary(game: &Game, measure: Measure) -> Summary {
    let size = game.setup().size;
    Summary {
        generation: game.generation(),
        population: game::saturating(measure.population),
        hash: measure.hash,
        width: size.width(),
        height: size.height(),
    }
}

fn grid(generation: u64, cells: Bits) -> Grid {
    Grid { generation, width: cells.width(), height: cells.height(), bits: cells.into_bytes() }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_is_played_through_its_methods() {
        Life::init(r#"{"cells": [".....", "..O", "..O", "..O", "....."], "engine": "simd"}"#.to_owned()).unwrap();

        let stepped = Life::step(3).unwrap();

        let now = Life::summary().unwrap();
        assert_eq!((now.generation, now.population, now.width, now.height), (3, 3, 5, 5));
        assert_eq!((stepped.generation, stepped.hash), (3, now.hash));
        let grid = Life::state(None).unwrap();
        assert_eq!((grid.generation, grid.bits), (3, vec![0, 0, 0b01110, 0, 0]));
        assert_eq!(Life::state(Some(0)).unwrap().bits, [0, 0b00100, 0b00100, 0b00100, 0]);
        assert_eq!(Life::exact_population().unwrap(), "3");
        assert_eq!(Life::populations(), [3, 3]);
        assert!(Life::state(Some(4)).unwrap_err().contains("generation 4 is not kept"));
        assert!(Life::ages().unwrap_err().contains("\"ages\""));
    }

    #[test]
    fn a_game_without_a_configuration_is_ten_cells_wide() {
        assert_eq!(Life::rows().unwrap().len(), 10);
        assert_eq!(Life::summary().unwrap().generation, 0);
    }

    #[test]
    fn a_whole_game_is_one_call() {
        let config = r#"{"size": 40, "seed": 3, "engine": "simd"}"#;

        let played = Life::play(config.to_owned(), 50).unwrap();

        Life::init(config.to_owned()).unwrap();
        Life::step(20).unwrap();
        assert_eq!((played.generation, played.hash), (50, Life::step(30).unwrap().hash));
    }

    #[test]
    fn a_configuration_that_is_not_possible_leaves_the_game_as_it_was() {
        Life::init(r#"{"size": 3}"#.to_owned()).unwrap();

        let error = Life::init(r#"{"size": 3, "pattern": "OOOO"}"#.to_owned()).unwrap_err();

        assert!(error.contains("make it larger"), "{error}");
        assert_eq!(Life::summary().unwrap().width, 3);
    }
}
