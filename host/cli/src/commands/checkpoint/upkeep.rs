//! `belljar checkpoint verify` and `belljar checkpoint gc`.

use std::io::IsTerminal as _;

use belljar::actor::{Collected, FoundDamage, Verification, VerifyStep};
use clap::Args;
use indicatif::{MultiProgress, ProgressBar};
use serde_json::{Value as Json, json};

use super::bucket;
use crate::commands::actor::{Place, at_the_end, open_kept};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{human, output, progress};

/// Damaged places that are written out; `--json` has all.
const DAMAGE_SHOWN_MAX: usize = 50;

/// Reads everything that is kept of actors and says what is damaged
///
/// Every record, every chunk, every checkpoint as a recovery would load it, every plugin. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar checkpoint verify\n\nEnds with 1 when something is damaged.")]
pub struct VerifyArgs {}

/// Gives back the room of what no actor needs any more
///
/// What a kept checkpoint needs is never removed. In a bucket, nothing is removed that is younger than a day, and
/// nothing can be pushed meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  belljar checkpoint gc --data-dir /var/lib/belljar
  belljar checkpoint gc --from s3://my-bucket/belljar
  belljar checkpoint gc --from s3://my-bucket/belljar --take-over")]
pub struct GcArgs {
    /// Removes from a bucket instead: s3://BUCKET/PREFIX or file:///FOLDER
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Ends another removal in that bucket, or one whose process died, and takes its place
    ///
    /// Without it, a process that died keeps pushes away for up to two hours. One that is alive stops soon; but what it
    /// is just removing, a push that begins now may rely on. So use it when that process is gone.
    #[arg(long, requires = "from")]
    take_over: bool,
}

/// Verifies.
pub fn verify(at: Place<'_>, quiet: bool, bars: &MultiProgress) -> Result<Exit, Failure> {
    let kept = open_kept(at)?;
    let bar = (std::io::stderr().is_terminal() && !quiet).then(|| progress::counting(bars));
    let verified = kept.verify(|step| {
        if let Some(bar) = &bar {
            show_step(bar, step);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let verified = verified?;
    if at.json {
        output::json(&verification_json(&verified))?;
    } else {
        output::line(verification_text(&verified).trim_end())?;
    }
    Ok(if verified.is_whole() { Exit::Good } else { Exit::WorkFailed })
}

fn show_step(bar: &ProgressBar, step: VerifyStep) {
    let (what, done, total) = match step {
        VerifyStep::Log { done, total } => ("segments of the log", done, total),
        VerifyStep::Packs { done, total } => ("bytes of packs", done, total),
        VerifyStep::Actors { done, total } => ("actors", done, total),
    };
    bar.set_length(total);
    bar.set_position(done);
    bar.set_message(what);
}

fn verification_json(verified: &Verification) -> Json {
    let mut json = json!(verified);
    json["is_whole"] = verified.is_whole().into();
    json
}

fn verification_text(verified: &Verification) -> String {
    let read = format!(
        "read {}, {} of packs, {} of {}, {}",
        human::plural(verified.records as usize, "record", "records"),
        human::size(verified.pack_bytes),
        human::plural(verified.checkpoints as usize, "checkpoint", "checkpoints"),
        human::plural(verified.actors as usize, "actor", "actors"),
        human::plural(verified.plugins as usize, "plugin", "plugins"),
    );
    if verified.is_whole() {
        return format!("{read}: all of it is as it was written\n");
    }
    let mut text = format!("{read}\n{} damaged:\n", human::plural(verified.damage.len(), "place is", "places are"));
    for FoundDamage { actor, message } in verified.damage.iter().take(DAMAGE_SHOWN_MAX) {
        let of = actor.as_ref().map(|actor| format!("{actor}: ")).unwrap_or_default();
        text.push_str(&format!("  {}\n", human::printable(&format!("{of}{message}"))));
    }
    if verified.damage.len() > DAMAGE_SHOWN_MAX {
        text.push_str(&format!("  and {} more\n", human::count((verified.damage.len() - DAMAGE_SHOWN_MAX) as u64)));
    }
    text
}

/// Collects garbage.
pub async fn gc(args: &GcArgs, at: Place<'_>) -> Result<Exit, Failure> {
    if let Some(url) = &args.from {
        return bucket::gc(url, args.take_over, at.json).await;
    }
    let runtime = at.runtime()?;
    let outcome = runtime.actors().collect_garbage().await.map_err(Failure::from);
    let collected = at_the_end(&runtime, outcome).await?;
    if at.json {
        output::json(&collected)?;
    } else {
        output::line(collected_text(&collected).trim_end())?;
    }
    Ok(Exit::Good)
}

fn collected_text(collected: &Collected) -> String {
    let part = |removed: u64, copied: u64, of: &str| match copied {
        0 => format!("{} of {of}", human::size(removed)),
        _ => {
            format!("{} of {of} ({} of it are still needed and were moved)", human::size(removed), human::size(copied))
        }
    };
    let mut text = format!(
        "removed {}, {}, {}\n",
        part(collected.log_bytes_removed, collected.log_bytes_copied, "the log"),
        part(collected.pack_bytes_removed, collected.pack_bytes_copied, "packs"),
        human::plural(collected.plugins_removed as usize, "plugin", "plugins"),
    );
    for damage in collected.damage.iter().take(DAMAGE_SHOWN_MAX) {
        text.push_str(&format!("  left as it is: {}\n", human::printable(damage)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_told_in_a_line_and_damage_with_its_actor() {
        let whole = Verification { records: 7, checkpoints: 2, actors: 1, plugins: 1, ..Verification::default() };
        assert_eq!(
            verification_text(&whole),
            "read 7 records, 0 B of packs, 2 checkpoints of 1 actor, 1 plugin: all of it is as it was written\n"
        );
        let damage = vec![FoundDamage { actor: Some("visits".to_owned()), message: "no\u{1b}".to_owned() }];
        let text = verification_text(&Verification { damage, ..whole });
        assert!(text.ends_with("1 place is damaged:\n  visits: no\u{fffd}\n"), "{text}");
    }

    #[test]
    fn what_was_moved_is_told_beside_what_was_removed() {
        let collected = Collected { log_bytes_removed: 5_000, log_bytes_copied: 1_000, ..Collected::default() };
        assert_eq!(
            collected_text(&collected),
            "removed 5.0 KB of the log (1.0 KB of it are still needed and were moved), 0 B of packs, 0 plugins\n"
        );
    }
}
