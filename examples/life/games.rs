//! The games: an actor each, stepped by calls that return at once, and taken up again in the order in which they finish.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use belljar::{Actor, Durability, ObjectRef, Plugin, Runtime, SpawnOptions};
use futures_util::future::try_join_all;

use crate::life::{Grid, Summary};
use crate::picture::Picture;

/// How long a wait for the next board may take before the caller is told that there is none yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Games that go on at the same time.
pub struct Games {
    runtime: Runtime,
    actors: Vec<Actor>,
    /// The calls that are under way: of which game, and where the result will be.
    waiting: Vec<(usize, ObjectRef)>,
    are_aged: bool,
}

impl Games {
    /// Spawns an actor for each of the configurations.
    ///
    /// # Errors
    ///
    /// The plugin refuses a configuration.
    pub async fn spawn(
        runtime: &Runtime,
        plugin: &Plugin,
        configs: &[String],
        are_aged: bool,
    ) -> anyhow::Result<Games> {
        let mut actors = Vec::with_capacity(configs.len());
        for (game, config) in configs.iter().enumerate() {
            // A game that is only looked at need not survive its process. Without `durability`, it would.
            let options = SpawnOptions::default().durability(Durability::Volatile).config(config);
            actors.push(runtime.actors().spawn(&format!("game-{game}"), plugin, options).await?);
        }
        Ok(Games { runtime: runtime.clone(), actors, waiting: Vec::new(), are_aged })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.actors.len()
    }

    /// Lets a game go on. Returns at once: the actor works while others are asked.
    pub fn step(&mut self, game: usize, generations: u64) {
        let result = self.actors[game].call("step").arg(generations).submit();
        self.waiting.push((game, result));
    }

    /// How many of them are at work.
    pub fn going_on(&self) -> usize {
        self.waiting.len()
    }

    /// The games that are ready first, with what became of them; none if no game is ready within a second.
    ///
    /// # Errors
    ///
    /// The first that failed.
    pub async fn ready(&mut self) -> anyhow::Result<Vec<(usize, Summary)>> {
        let results: Vec<ObjectRef> = self.waiting.iter().map(|(_, result)| result.clone()).collect();
        self.runtime.wait(&results, 1, Some(PATIENCE)).await;
        // More than one may be ready by now.
        let mut ready = Vec::new();
        for (game, result) in self.waiting.extract_if(.., |(_, result)| result.is_ready()) {
            ready.push((game, result.get().await.with_context(|| format!("game {game}"))?));
        }
        Ok(ready)
    }

    /// How all games look now.
    ///
    /// # Errors
    ///
    /// The plugin has no such board, or one that is not as large as it says.
    pub async fn pictures(&self) -> anyhow::Result<Vec<Picture>> {
        try_join_all((0..self.count()).map(|game| self.picture(game))).await
    }

    /// A board is too large to be written down as JSON for every picture, so it is called for with Rust types.
    async fn picture(&self, game: usize) -> anyhow::Result<Picture> {
        let actor = &self.actors[game];
        let state = actor.call_typed::<(Option<u64>,), (Result<Grid, String>,)>("state", (None,));
        let grid = state.await?.0.map_err(|error| anyhow!("game {game}: {error}"))?;
        if !self.are_aged {
            return Picture::of_board(&grid, None);
        }
        let ages = actor.call_typed::<(), (Result<Vec<u8>, String>,)>("ages", ());
        let ages = ages.await?.0.map_err(|error| anyhow!("game {game}: {error}"))?;
        Picture::of_board(&grid, Some(&ages))
    }

    /// Ends all games.
    pub async fn end(self) -> anyhow::Result<()> {
        for actor in self.actors {
            actor.kill().await?;
        }
        Ok(())
    }
}
