//! The Game of Life, each game in an actor of its own: how a program embeds Belljar to keep many stateful things going,
//! to ask whichever is ready first, and to get bulk data out of them.
//!
//! ```console
//! $ cargo xtask plugins
//! $ cargo run --release --example life -- --games 15 --size 33 --ages
//! $ cargo run --release --example life -- --pattern plugins/life/patterns/gosper-gun.rle --gif gun.gif
//! $ cargo run --release --example life -- --experiments
//! ```
//!
//! | file | is for |
//! | --- | --- |
//! | `args.rs` | the command line |
//! | `life.rs` | what the plugin takes and returns |
//! | `games.rs` | the actors: spawning, stepping, waiting for whichever is ready first |
//! | `play.rs` | playing games to their end, with or without pictures |
//! | `experiments.rs` | what many games and large batches bring |
//! | `picture.rs` | boards as pictures, one or many |
//! | `text.rs`, `terminal.rs`, `images.rs` | pictures as characters, in the terminal, as files |
//! | `curve.rs`, `report.rs` | what became of the games |

mod args;
mod curve;
mod experiments;
mod games;
mod images;
mod life;
mod picture;
mod play;
mod report;
mod terminal;
mod text;

use anyhow::Context as _;
use belljar::Runtime;
use clap::Parser as _;

use crate::args::Args;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let pattern = args.pattern.as_ref().map(|path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read the pattern {}", path.display()))
    });
    let pattern = pattern.transpose()?;

    let runtime = Runtime::builder().build()?;
    let plugin = runtime.load(&args.plugin).await;
    let plugin =
        plugin.with_context(|| format!("no {} to play with; build it: cargo xtask plugins", args.plugin.display()))?;
    if args.experiments {
        print!("{}", experiments::run(&runtime, &plugin, &args, pattern.as_deref()).await?);
        return Ok(());
    }
    play::play(&runtime, &plugin, &args, pattern.as_deref()).await
}
