//! The command line, and nothing else: every default and every limit of it is here.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Games that may be played at once: each is an actor of its own.
pub const GAMES_MAX: u64 = 1_024;
/// Generations of a game, unless told otherwise.
const STEPS: u64 = 200;
/// Generations of a game in the experiments, unless told otherwise.
const STEPS_OF_EXPERIMENTS: u64 = 50;

/// The Game of Life, each game in an actor of its own.
///
/// In a terminal the games are shown while they go on; Ctrl-C ends them, and what there is by then is reported and
/// written. Build the plugin first: cargo xtask plugins
#[derive(Debug, Parser)]
#[command(name = "life")]
pub struct Args {
    /// Width and height of every board, in cells
    #[arg(long, value_name = "CELLS", default_value_t = 100, value_parser = at_least_one())]
    pub size: u32,
    /// Width, where it differs from the size
    #[arg(long, value_name = "CELLS", value_parser = at_least_one())]
    width: Option<u32>,
    /// Height, where it differs from the size
    #[arg(long, value_name = "CELLS", value_parser = at_least_one())]
    height: Option<u32>,
    /// How many games
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=GAMES_MAX))]
    pub games: usize,
    /// Generations of every game [default: 200, in the experiments 50]
    #[arg(long)]
    steps: Option<u64>,
    /// Generations of one call; a picture is taken after each call
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub batch: u64,
    /// Seed of the first game; the others count up from it
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many of the cells live at first, from 0 to 1 [default: 0.35]
    #[arg(long, value_parser = share)]
    pub density: Option<f64>,
    /// When cells are born and survive, such as B36/S23 [default: the pattern's, else B3/S23]
    #[arg(long)]
    pub rule: Option<String>,
    /// What is beyond the edges [default: torus; the board of hashlife is a window on an endless plane]
    #[arg(long, value_enum)]
    pub edges: Option<Edges>,
    /// What computes the generations
    #[arg(long, value_enum, default_value_t = Engine::Host)]
    pub engine: Engine,
    /// A pattern to begin with instead of random cells: RLE or plaintext, as Golly writes them
    #[arg(long, value_name = "FILE")]
    pub pattern: Option<PathBuf>,
    /// Write an animated GIF
    #[arg(long, value_name = "FILE")]
    pub gif: Option<PathBuf>,
    /// Write an animated PNG
    #[arg(long, value_name = "FILE")]
    pub apng: Option<PathBuf>,
    /// Write the last boards as a PNG
    #[arg(long, value_name = "FILE")]
    pub png: Option<PathBuf>,
    /// Write how the populations developed, as an SVG chart
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
    /// Pictures per second, shown and written
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub fps: u16,
    /// Width of a cell in image files, in pixels [default: what makes a picture of about 800]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub scale: Option<u16>,
    /// Colour cells by the generations that they have lived
    #[arg(long)]
    pub ages: bool,
    /// Report as JSON, and show nothing
    #[arg(long)]
    pub json: bool,
    /// Show no boards, only the report
    #[arg(long)]
    pub no_show: bool,
    /// Measure 1, 8 and 15 games in batches of 1, 10, 25 and 50 generations instead
    #[arg(long, conflicts_with_all = ["games", "batch", "gif", "apng", "png", "chart", "ages"])]
    pub experiments: bool,
    /// The plugin
    #[arg(long, value_name = "FILE", default_value = "target/plugins/life.wasm")]
    pub plugin: PathBuf,
}

/// What computes the generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The host, at the speed of the machine
    Host,
    /// The plugin itself, with WebAssembly's vectors
    Simd,
    /// The plugin itself, by remembering what it has seen: for patterns that live long
    Hashlife,
}

/// What is beyond the edges of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edges {
    /// The opposite edge
    Torus,
    /// Cells that never live
    Dead,
}

impl Args {
    /// Width of every board, in cells.
    pub fn width(&self) -> u32 {
        self.width.unwrap_or(self.size)
    }

    /// Height of every board, in cells.
    pub fn height(&self) -> u32 {
        self.height.unwrap_or(self.size)
    }

    /// Generations of every game.
    pub fn steps(&self) -> u64 {
        self.steps.unwrap_or(if self.experiments { STEPS_OF_EXPERIMENTS } else { STEPS })
    }

    /// The seed of a game. They count up, so that every game is another one and every run the same.
    pub fn seed_of(&self, game: usize) -> u64 {
        self.seed.wrapping_add(game as u64)
    }

    /// Whether every picture has to be kept, and not only the last.
    pub fn is_animated(&self) -> bool {
        self.gif.is_some() || self.apng.is_some()
    }
}

fn at_least_one() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..)
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("it is not from 0 to 1".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::try_parse_from(std::iter::once("life").chain(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_board_is_square_unless_told_otherwise() {
        let args = parse("--size 33").unwrap();
        assert_eq!((args.width(), args.height()), (33, 33));

        let args = parse("--size 33 --height 20").unwrap();
        assert_eq!((args.width(), args.height()), (33, 20));
    }

    #[test]
    fn every_game_has_a_seed_of_its_own() {
        let args = parse("--seed 7 --games 3").unwrap();

        assert_eq!([0, 1, 2].map(|game| args.seed_of(game)), [7, 8, 9]);
    }

    #[test]
    fn experiments_are_shorter_unless_told_otherwise() {
        assert_eq!(parse("").unwrap().steps(), 200);
        assert_eq!(parse("--experiments").unwrap().steps(), 50);
        assert_eq!(parse("--experiments --steps 9").unwrap().steps(), 9);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (line, named) in [
            ("--size 0", "--size"),
            ("--games 0", "--games"),
            ("--games 1025", "--games"),
            ("--batch 0", "--batch"),
            ("--density 1.5", "--density"),
            ("--density nan", "--density"),
            ("--engine abacus", "--engine"),
            ("--edges klein", "--edges"),
            ("--fps 0", "--fps"),
            ("--experiments --gif life.gif", "--gif"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
