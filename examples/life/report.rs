//! What is said at the end: a table for people, JSON for programs.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::args::{Args, Engine};
use crate::curve::Curve;
use crate::life::Summary;

/// Games that the table lists. JSON lists all.
const ROWS_MAX: usize = 24;
/// Characters of a curve in the table.
const SPARKLINE_COLUMNS: usize = 40;

/// What became of the games.
#[derive(Debug, Serialize)]
pub struct Report {
    engine: Engine,
    width: u32,
    height: u32,
    batch: u64,
    /// Spawning the actors.
    spawn_ms: f64,
    /// From the first call to the last answer; with pictures, their time is in it.
    play_ms: f64,
    boards: Vec<BoardReport>,
}

#[derive(Debug, Serialize)]
struct BoardReport {
    game: usize,
    seed: u64,
    generation: u64,
    population: u64,
    /// Sixteen hexadecimal digits.
    hash: String,
    /// Pairs of a generation and a population.
    curve: Vec<(u64, u64)>,
    #[serde(skip)]
    sparkline: String,
}

impl Report {
    /// Puts a report together. There is a summary and a curve for every game.
    pub fn new(args: &Args, summaries: &[Summary], curves: &[Curve], spawn: Duration, play: Duration) -> Report {
        let board = |(game, (summary, curve)): (usize, (&Summary, &Curve))| BoardReport {
            game,
            seed: args.seed_of(game),
            generation: summary.generation,
            population: summary.population,
            hash: format!("{:016x}", summary.hash),
            curve: curve.points().to_vec(),
            sparkline: curve.sparkline(SPARKLINE_COLUMNS),
        };
        Report {
            engine: args.engine,
            width: args.width(),
            height: args.height(),
            batch: args.batch,
            spawn_ms: milliseconds(spawn),
            play_ms: milliseconds(play),
            boards: summaries.iter().zip(curves).enumerate().map(board).collect(),
        }
    }

    /// The report as JSON.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// The report as a table, and a line on the times.
    pub fn text(&self) -> String {
        let mut table = table(&["game", "seed", "generation", "population", "hash", "curve"]);
        for board in self.boards.iter().take(ROWS_MAX) {
            let numbers = [board.game as u64, board.seed, board.generation, board.population].map(|n| n.to_string());
            table.add_row(numbers.into_iter().chain([board.hash.clone(), board.sparkline.clone()]));
        }
        let more = match self.boards.len().saturating_sub(ROWS_MAX) {
            0 => String::new(),
            more => format!("… and {more} more; --json lists all\n"),
        };
        let generations: u128 = self.boards.iter().map(|board| u128::from(board.generation)).sum();
        let (games, width, height) = (self.boards.len(), self.width, self.height);
        let (spawn, play) = (self.spawn_ms, self.play_ms);
        format!(
            "{table}\n{more}{games} of {width} by {height} cells: spawned in {spawn:.1} ms, \
             {generations} generations in {play:.1} ms\n"
        )
    }
}

/// A table with these headings. All columns hold numbers but the last.
pub fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headings.iter().copied());
    for column in table.column_iter_mut().take(headings.len() - 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A duration in milliseconds, to the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn report(games: usize) -> Report {
        let args = Args::parse_from(["life", "--size", "5", "--seed", "7"]);
        let summaries = vec![Summary { generation: 4, population: 5, hash: 0xab }; games];
        let mut curve = Curve::default();
        curve.add(0, 3);
        curve.add(4, 5);
        let times = (Duration::from_micros(1_500), Duration::from_millis(20));
        Report::new(&args, &summaries, &vec![curve; games], times.0, times.1)
    }

    #[test]
    fn the_table_has_a_line_for_every_game() {
        let text = report(2).text();

        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["game", "seed", "generation", "population", "hash", "curve"]);
        assert_eq!(lines[1], ["0", "7", "4", "5", "00000000000000ab", "▅█"]);
        assert_eq!(lines[2], ["1", "8", "4", "5", "00000000000000ab", "▅█"]);
        assert!(text.ends_with("2 of 5 by 5 cells: spawned in 1.5 ms, 8 generations in 20.0 ms\n"), "{text}");
    }

    #[test]
    fn the_table_of_many_games_says_how_many_it_leaves_out() {
        let text = report(30).text();

        assert!(text.contains("… and 6 more"), "{text}");
    }

    #[test]
    fn json_has_every_board() {
        let json: serde_json::Value = serde_json::from_str(&report(30).json().unwrap()).unwrap();

        assert_eq!(json["engine"], "host");
        assert_eq!(json["play_ms"], 20.0);
        let boards = json["boards"].as_array().unwrap();
        assert_eq!(boards.len(), 30);
        assert_eq!(
            boards[29],
            serde_json::json!({
                "game": 29, "seed": 36, "generation": 4, "population": 5, "hash": "00000000000000ab",
                "curve": [[0, 3], [4, 5]],
            })
        );
    }
}
