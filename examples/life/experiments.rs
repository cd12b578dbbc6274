//! What many games and large batches bring: the same games in one, eight and fifteen actors, and with fewer, larger calls.
//!
//! Actors work beside each other, so eight games take less than eight times as long as one. A call costs something,
//! so a batch of 50 generations costs less than 50 calls; for small boards that is what counts.

use std::time::{Duration, Instant};

use belljar::{Plugin, Runtime};

use crate::args::Args;
use crate::games::Games;
use crate::life::Config;
use crate::report::{milliseconds, table};

const GAMES: [usize; 3] = [1, 8, 15];
const BATCHES: [u64; 4] = [1, 10, 25, 50];
/// Times that each experiment is made; the fastest counts.
const ROUNDS: usize = 3;

/// Makes all the experiments, and returns the table of what they took.
pub async fn run(runtime: &Runtime, plugin: &Plugin, args: &Args, pattern: Option<&str>) -> anyhow::Result<String> {
    let mut table = table(&["games", "batch", "calls", "spawn ms", "play ms", "ms a game", "µs a generation"]);
    for games in GAMES {
        let configs = Config::of_games(args, games, pattern)?;
        for batch in BATCHES {
            let mut fastest: Option<(Duration, Duration)> = None;
            for _ in 0..ROUNDS {
                let times = once(runtime, plugin, &configs, args.steps(), batch).await?;
                fastest = fastest.filter(|fastest| fastest.1 <= times.1).or(Some(times));
            }
            let (spawn, play) =
                fastest.map(|(spawn, play)| (milliseconds(spawn), milliseconds(play))).unwrap_or_default();
            let generations = (games as u64).saturating_mul(args.steps());
            table.add_row([
                games.to_string(),
                batch.to_string(),
                (games as u64).saturating_mul(args.steps().div_ceil(batch)).to_string(),
                format!("{spawn:.2}"),
                format!("{play:.2}"),
                format!("{:.2}", play / games as f64),
                format!("{:.1}", play * 1e3 / generations.max(1) as f64),
            ]);
        }
    }
    Ok(format!("{} generations of {} by {} cells\n{table}\n", args.steps(), args.width(), args.height()))
}

/// Plays games from beginning to end without looking at them. Returns what it took to spawn and to play them.
async fn once(
    runtime: &Runtime,
    plugin: &Plugin,
    configs: &[String],
    steps: u64,
    batch: u64,
) -> anyhow::Result<(Duration, Duration)> {
    let beginning = Instant::now();
    let mut games = Games::spawn(runtime, plugin, configs, false).await?;
    let spawn = beginning.elapsed();
    let beginning = Instant::now();
    (0..games.count()).for_each(|game| games.step(game, steps.min(batch)));
    while games.going_on() > 0 {
        for (game, summary) in games.ready().await? {
            if summary.generation < steps {
                games.step(game, (steps - summary.generation).min(batch));
            }
        }
    }
    let play = beginning.elapsed();
    games.end().await?;
    Ok((spawn, play))
}
