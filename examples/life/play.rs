//! Playing games to their end.
//!
//! Without pictures every game goes on as soon as it is ready, however far the others are. A picture shows all of them
//! at the same generation, so with pictures they go on together.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use belljar::{Plugin, Runtime};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::args::Args;
use crate::curve::{Curve, write_chart};
use crate::games::Games;
use crate::images::Album;
use crate::life::{Config, Summary};
use crate::picture::Picture;
use crate::report::Report;
use crate::terminal::Screen;
use crate::text;

/// Characters across a picture that is printed where there is no terminal.
const PRINTED_COLUMNS: usize = 120;
/// Lines of such a picture.
const PRINTED_ROWS: usize = 60;

/// Plays the games, shows and writes what the command line asks for, and reports.
pub async fn play(runtime: &Runtime, plugin: &Plugin, args: &Args, pattern: Option<&str>) -> anyhow::Result<()> {
    let is_shown = !args.json && !args.no_show;
    let is_live = is_shown && std::io::stdout().is_terminal();
    let mut album = Album::new(args)?;

    let beginning = Instant::now();
    let configs = Config::of_games(args, args.games, pattern)?;
    let games = Games::spawn(runtime, plugin, &configs, args.ages).await?;
    let spawn = beginning.elapsed();

    let mut play = Play::new(args, games);
    let live = is_live.then(|| Live::begin(args.fps)).transpose()?;
    let beginning = Instant::now();
    let is_over = tokio::select! {
        end = play.until_over(&mut album, live) => end.map(|()| true)?,
        _ = tokio::signal::ctrl_c() => false,
    };
    let took = beginning.elapsed();
    if is_over && album.last().is_none() && (is_shown || args.png.is_some()) {
        album.add(play.mosaic().await?);
    }
    if !is_over && album.last().is_none() && (args.is_animated() || args.png.is_some()) {
        eprintln!("ended before there was a picture, so none is written");
    }

    let report = Report::new(args, &play.summaries, &play.curves, spawn, took);
    if args.json {
        println!("{}", report.json()?);
    } else {
        if let (true, false, Some(last)) = (is_shown, is_live, album.last()) {
            println!("{}", text::plain(last, PRINTED_COLUMNS, PRINTED_ROWS));
        }
        print!("{}", report.text());
    }
    album.write(args)?;
    args.chart.as_ref().map_or(Ok(()), |path| write_chart(path, &play.curves))
}

/// Games, and what they have said of themselves so far.
struct Play<'a> {
    args: &'a Args,
    games: Games,
    summaries: Vec<Summary>,
    curves: Vec<Curve>,
}

impl<'a> Play<'a> {
    fn new(args: &'a Args, games: Games) -> Play<'a> {
        let (summaries, curves) = (vec![Summary::default(); games.count()], vec![Curve::default(); games.count()]);
        Play { args, games, summaries, curves }
    }

    /// Lets all games come to their end. May be dropped in the middle: what has been said by then stays.
    async fn until_over(&mut self, album: &mut Album, mut live: Option<Live>) -> anyhow::Result<()> {
        let has_pictures = live.is_some() || self.args.is_animated();
        // No generation at all is a step, too: it tells how the game begins.
        (0..self.games.count()).for_each(|game| self.games.step(game, 0));
        while self.games.going_on() > 0 {
            let ready = self.games.ready().await?;
            if ready.is_empty() && live.is_none() {
                eprintln!("{} games are still at work", self.games.going_on());
            }
            for (game, summary) in ready {
                self.curves[game].add(summary.generation, summary.population);
                self.summaries[game] = summary;
                if !has_pictures {
                    self.go_on(game);
                }
            }
            if has_pictures && self.games.going_on() == 0 {
                let mosaic = self.mosaic().await?;
                if let Some(live) = &mut live {
                    live.show(&mosaic, &self.caption()).await?;
                }
                album.add(mosaic);
                (0..self.games.count()).for_each(|game| self.go_on(game));
            }
        }
        Ok(())
    }

    /// Begins the next batch of a game, if it has not come to its end.
    fn go_on(&mut self, game: usize) {
        let left = self.args.steps().saturating_sub(self.summaries[game].generation);
        if left > 0 {
            self.games.step(game, left.min(self.args.batch));
        }
    }

    async fn mosaic(&self) -> anyhow::Result<Picture> {
        Ok(Picture::mosaic(&self.games.pictures().await?))
    }

    fn caption(&self) -> String {
        let generation = self.summaries.iter().map(|summary| summary.generation).max().unwrap_or(0);
        let population: u128 = self.summaries.iter().map(|summary| u128::from(summary.population)).sum();
        format!("generation {generation} · {population} cells live · Ctrl-C ends")
    }
}

/// The live picture, at a steady pace.
struct Live {
    screen: Screen,
    pace: Interval,
}

impl Live {
    fn begin(fps: u16) -> anyhow::Result<Live> {
        let mut pace = interval(Duration::from_secs(1) / u32::from(fps));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Live { screen: Screen::open()?, pace })
    }

    async fn show(&mut self, picture: &Picture, caption: &str) -> anyhow::Result<()> {
        self.pace.tick().await;
        Ok(self.screen.draw(picture, caption)?)
    }
}
