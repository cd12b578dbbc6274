use super::*;
use belljar_guest::config as configuration;

const GUN: &str = include_str!("../../patterns/gosper-gun.rle");

fn try_game(config: &str) -> Result<Game, String> {
    let config: Config = configuration::parse(config)?;
    Game::new(config).map_err(|error| error.to_string())
}

fn game(config: &str) -> Game {
    try_game(config).unwrap()
}

/// A blinker in every engine, with the whole past kept.
fn blinkers() -> [Game; 3] {
    ["host", "simd", "hashlife"].map(|engine| {
        game(&format!(r#"{{"cells": [".....", "..O", "..O", "..O", "....."], "engine": "{engine}", "history": 8}}"#))
    })
}

#[test]
fn a_step_of_many_generations_is_as_many_steps() {
    for engine in ["host", "simd"] {
        let config = format!(r#"{{"size": 33, "seed": 5, "engine": "{engine}"}}"#);
        let mut at_once = game(&config);
        let mut one_by_one = game(&config);

        let measure = at_once.step(50).unwrap();
        let each: Vec<_> = (0..50).map(|_| one_by_one.step(1).unwrap()).collect();

        assert_eq!(at_once.generation(), 50);
        assert_eq!(each.last(), Some(&measure));
        // Each generation comes from the one before, so they differ.
        for generation in 34..50 {
            assert_eq!(at_once.state(generation).unwrap(), one_by_one.state(generation).unwrap());
            assert_ne!(at_once.state(generation).unwrap(), at_once.state(generation + 1).unwrap());
        }
    }
}

#[test]
fn all_engines_start_from_the_same_soup() {
    let start = |engine| {
        let config = format!(r#"{{"width": 33, "height": 20, "seed": 15, "density": 0.5, "engine": "{engine}"}}"#);
        game(&config).state(0).unwrap()
    };

    assert_eq!(start("host"), start("simd"));
    assert_eq!(start("host"), start("hashlife"));
}

#[test]
fn a_state_is_had_as_long_as_it_is_kept() {
    for mut game in blinkers() {
        let upright = game.state(0).unwrap();

        game.step(9).unwrap();

        assert_eq!(game.state(2).unwrap(), upright);
        assert_ne!(game.state(9).unwrap(), upright);
        for gone in [0, 10, u64::MAX] {
            let error = game.state(gone).unwrap_err().to_string();
            assert!(error.contains(&format!("generation {gone} is not kept")), "{error}");
            assert!(error.contains("8 before it"), "{error}");
        }
    }
}

#[test]
fn populations_are_those_after_each_step() {
    for mut game in blinkers() {
        game.step(1).unwrap();
        game.place("OO\nOO", 0, 0).unwrap();
        game.step(0).unwrap();

        assert_eq!(game.populations().collect::<Vec<_>>(), [3, 3, 7]);
    }
    let mut game = game(r#"{"cells": ["."]}"#);
    for _ in 0..POPULATIONS_MAX {
        game.step(0).unwrap();
    }
    assert_eq!(game.populations().count(), POPULATIONS_MAX);
}

#[test]
fn rows_are_printed_between_bars() {
    for mut game in blinkers() {
        game.step(1).unwrap();

        let rows = game.rows().unwrap();

        assert_eq!(rows[1], "|           |");
        assert_eq!(rows[2], "|   * * *   |");
        assert_eq!(rows.len(), 5);
    }
}

#[test]
fn a_game_that_was_exported_goes_on_where_it_is_read() {
    for export in [Game::rle, Game::plaintext] {
        let mut first = game(r#"{"size": 20, "seed": 8, "rule": "B36/S23"}"#);
        first.step(3).unwrap();
        let pattern = format!("{:?}", export(&first).unwrap());

        let mut second = game(&format!(r#"{{"pattern": {pattern}, "rule": "B36/S23", "engine": "simd"}}"#));

        assert_eq!(first.step(5).unwrap(), second.step(5).unwrap());
    }
}

#[test]
fn a_pattern_brings_its_rule_and_its_size() {
    let replicator = format!("{:?}", include_str!("../../patterns/replicator.rle"));

    let small = game(&format!(r#"{{"pattern": {replicator}}}"#));
    let other = game(&format!(r#"{{"pattern": {replicator}, "rule": "B3/S23", "size": 31}}"#));

    assert_eq!(small.setup().rule.to_string(), "B36/S23");
    assert_eq!(small.setup().size.width(), 10);
    assert_eq!(other.setup().rule.to_string(), "B3/S23");
    assert!(other.state(0).unwrap().is_alive(15, 13));
    assert!(other.rle().unwrap().starts_with("#N Replicator\nx = 31, y = 31, rule = B3/S23:T31,31\n"));
}

#[test]
fn a_gun_is_exported_from_the_plane_as_it_was_read() {
    let gun = game(&format!(r#"{{"pattern": {GUN:?}, "engine": "hashlife", "size": 100}}"#));

    let again = game(&format!(r#"{{"pattern": {:?}}}"#, gun.rle().unwrap()));

    assert_eq!(again.setup().size.width(), 36);
    assert!(gun.rle().unwrap().contains("\nx = 36, y = 9, rule = B3/S23\n24bo$"));
}

#[test]
fn ages_are_kept_by_the_engines_that_go_through_every_generation() {
    for engine in ["host", "simd"] {
        let config =
            format!(r#"{{"cells": ["...", "OOO", "..."], "ages": true, "edges": "dead", "engine": "{engine}"}}"#);
        let mut game = game(&config);

        game.step(2).unwrap();
        game.place("O", 1, 1).unwrap();
        game.place("O", 0, 0).unwrap();

        assert_eq!(game.ages().unwrap(), [1, 0, 0, 1, 3, 1, 0, 0, 0]);
    }
}

#[test]
fn what_a_configuration_asks_for_in_vain_is_said() {
    for (config, why) in [
        (r#"{"size": 10, "width": 5}"#, "both sides at once"),
        (r#"{"size": 0}"#, "0 × 0 is not possible"),
        (r#"{"size": 4294967295}"#, "is not possible"),
        (r#"{"density": 1.5}"#, "from 0 to 1"),
        (r#"{"density": -0.1}"#, "from 0 to 1"),
        (r#"{"pattern": "OO", "cells": ["OO"]}"#, "both a start"),
        (r#"{"pattern": "OOO", "size": 2}"#, "3 × 1 cells, which is more"),
        (r#"{"pattern": "x = 3, y = 3\n3q!"}"#, "line 2, column 2"),
        (r#"{"cells": ["OO", "OX"]}"#, "line 2, column 2"),
        (r#"{"cells": []}"#, "there is no pattern"),
        (r#"{"rule": "B9"}"#, "is no rule"),
        (r#"{"engine": "gpu"}"#, "hashlife"),
        (r#"{"engine": "hashlife", "edges": "torus"}"#, "hashlife has the edges plane"),
        (r#"{"edges": "plane"}"#, "hashlife has the edges plane"),
        (r#"{"engine": "hashlife", "ages": true}"#, "keeps no ages"),
        (r#"{"engine": "hashlife", "rule": "B0/S"}"#, "use the engine host or simd"),
        (r#"{"history": 1025}"#, "1024 are the most"),
        (r#"{"size": 16384, "engine": "simd", "history": 3}"#, "67108864 bytes"),
        (r#"{"sise": 3}"#, "sise"),
    ] {
        let error = try_game(config).err().unwrap_or_default();
        assert!(error.contains(why), "{config}: {error:?}");
    }
}

#[test]
fn a_large_board_keeps_no_past_unasked() {
    let config: Config = configuration::parse(r#"{"size": 4096}"#).unwrap();

    assert_eq!(config.plan().unwrap().history, 0);
    assert_eq!(Config::default().plan().unwrap().history, 16);
}

#[test]
fn generations_beyond_64_bits_are_refused_and_change_nothing() {
    let mut game = game(r#"{"engine": "hashlife", "cells": ["OO", "OO"]}"#);
    game.step(1 << 59).unwrap();

    let too_many = game.step(u64::MAX).unwrap_err().to_string();
    let too_far = game.step(1 << 60).unwrap_err().to_string();

    assert!(too_many.contains("64 bits"), "{too_many}");
    assert!(too_far.contains("further than"), "{too_far}");
    assert_eq!((game.generation(), game.measure().unwrap().population), (1 << 59, 4));
}
