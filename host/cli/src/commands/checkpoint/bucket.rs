//! Actors in a bucket: `belljar checkpoint push`, `pull` and `rm`, and the looks into it that `ls` and `gc` take with
//! `--from`.

use std::io::IsTerminal as _;
use std::sync::Arc;

use belljar::actor::ImportOptions;
use belljar::store::StoreError;
use belljar::store::bucket::{Bucket, CollectedFromBucket, Head, InBucket, Pushed, Transfer};
use belljar::{ActorError, Error, Runtime};
use clap::Args;
use indicatif::{MultiProgress, ProgressBar};
use serde_json::{Value as Json, json};

use crate::commands::actor::{Place, at_the_end, open_kept, time};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::{human, output, progress, terminal};

/// Actors whose names are read at once.
const ACTORS_AT_ONCE: usize = 1_000;

/// Brings actors into a bucket, so that they can go on elsewhere when this machine is gone
///
/// Only what is not there yet is uploaded. The bucket knows whose an actor is: once another machine has pulled it, this
/// one is refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  belljar checkpoint push visits --to s3://my-bucket/belljar
  belljar checkpoint push visits --to 's3://my-bucket?endpoint=http://minio:9000&region=eu-1'
  belljar checkpoint push --all --to file:///mnt/shared/belljar

Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or from the role of a machine
at AWS. ~/.aws is not read; this brings what is there into the environment:
  eval \"$(aws configure export-credentials --format env)\"

Where a later generation has been pushed, an older one is refused: `belljar checkpoint restore NAME N` goes back to it
here, and what is pushed after that is the newest.")]
pub struct PushArgs {
    /// The actor's name
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// All actors; one that fails stops no other, unless it is the bucket that cannot be used
    #[arg(long)]
    all: bool,
    /// The bucket: s3://BUCKET/PREFIX or file:///FOLDER
    #[arg(long, value_name = "URL")]
    to: String,
    /// The checkpoint, by its generation here, as `checkpoint ls NAME` lists them [default: the actor as it is now]
    ///
    /// Generations are counted by each machine; in the bucket the checkpoint gets a number of its own.
    #[arg(long, value_name = "N", conflicts_with = "all")]
    generation: Option<u64>,
}

/// Begins an actor that goes on from one in a bucket, and takes it over
///
/// It is a new incarnation, as with an import. Whoever owned the actor before can push it no more. With --as it is a
/// copy, and the one in the bucket stays its owner's.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  belljar checkpoint pull visits --from s3://my-bucket/belljar
  belljar checkpoint pull visits --from s3://my-bucket/belljar --as experiment")]
pub struct PullArgs {
    /// The actor's name in the bucket
    name: String,
    /// The bucket: s3://BUCKET/PREFIX or file:///FOLDER
    #[arg(long, value_name = "URL")]
    from: String,
    /// Makes a copy of this name, and leaves the actor to its owner
    #[arg(long = "as", value_name = "NEW")]
    copy: Option<String>,
    /// The checkpoint, by its number in the bucket, as `checkpoint ls NAME --from URL` lists them [default: the newest]
    ///
    /// The number is not the generation, which each machine that owned the actor has counted by itself.
    #[arg(long, value_name = "N")]
    number: Option<u64>,
    /// Gives it the grants that it had where it comes from
    #[arg(long)]
    with_grants: bool,
}

/// Removes an actor from a bucket, whoever owns it
///
/// From then on whoever has an actor of the name can push it there, also an owner that was refused before.
/// `belljar checkpoint gc --from URL` gives the room back, a day later at the earliest.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  belljar checkpoint rm visits --from s3://my-bucket/belljar")]
pub struct RmArgs {
    /// The actor's name
    name: String,
    /// The bucket: s3://BUCKET/PREFIX or file:///FOLDER
    #[arg(long, value_name = "URL")]
    from: String,
}

/// How much is told of a transfer meanwhile.
pub struct Shown {
    bar: Option<ProgressBar>,
}

impl Shown {
    /// On a terminal a bar, elsewhere nothing.
    pub fn on(bars: &MultiProgress, quiet: bool) -> Shown {
        let bar = (std::io::stderr().is_terminal() && !quiet).then(|| progress::counting(bars));
        Shown { bar }
    }

    fn of(&self, name: &str) -> impl FnMut(Transfer) + Send + 'static {
        let (bar, message) = (self.bar.clone(), format!("chunks of {}", human::printable(name)));
        move |Transfer { done, total }| {
            if let Some(bar) = &bar {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(message.clone());
            }
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Pushes.
pub async fn push(args: &PushArgs, at: Place<'_>, shown: Shown) -> Result<Exit, Failure> {
    let bucket = open(&args.to)?;
    let report = match (&args.name, args.generation) {
        (Some(name), Some(generation)) => {
            let (kept, told, name) = (open_kept(at)?, shown.of(name), name.clone());
            let (from, named) = (bucket.clone(), name.clone());
            let push = move || kept.push(&name, Some(generation), &from, told).map(|pushed| (named, pushed));
            Report { pushed: vec![blocking(push).await?], ..Report::default() }
        }
        (name, _) => push_as_they_are(name.as_deref(), at, &bucket, &shown).await?,
    };
    drop(shown);
    report.tell(bucket.place(), at.json)
}

/// What came of a push of one actor or of all.
#[derive(Default)]
struct Report {
    pushed: Vec<(String, Pushed)>,
    failed: Vec<(String, Failure)>,
    /// Why no more were tried.
    stopped: Option<Failure>,
}

impl Report {
    fn tell(self, place: &str, is_json: bool) -> Result<Exit, Failure> {
        let exit = match (&self.stopped, self.failed.is_empty()) {
            (Some(failure), _) => failure.exit(),
            (None, false) => Exit::WorkFailed,
            (None, true) => Exit::Good,
        };
        if is_json {
            output::json(&self.json(place))?;
            return Ok(exit);
        }
        for (name, pushed) in &self.pushed {
            output::line(pushed_line(name, pushed, place))?;
        }
        for (name, failure) in &self.failed {
            output::line(format!("{name} was not pushed: {}", human::printable(&failure.to_string())))?;
        }
        self.stopped.map_or(Ok(exit), Err)
    }

    fn json(&self, place: &str) -> Json {
        let pushed: Vec<Json> = self.pushed.iter().map(|(name, pushed)| pushed_json(name, pushed)).collect();
        let failed = self.failed.iter().map(|(name, failure)| {
            let mut json = failure.json();
            json["name"] = name.as_str().into();
            json
        });
        let mut json = json!({ "bucket": place, "pushed": pushed, "failed": failed.collect::<Vec<_>>() });
        if let Some(failure) = &self.stopped {
            json["error"] = failure.json();
        }
        json
    }
}

/// Pushes an actor with all its messages, or all actors.
async fn push_as_they_are(
    name: Option<&str>,
    at: Place<'_>,
    bucket: &Arc<Bucket>,
    shown: &Shown,
) -> Result<Report, Failure> {
    let runtime = at.runtime().map_err(|failure| match (failure.exit(), name) {
        (Exit::CannotGoOn, Some(_)) => {
            failure.help("--generation N pushes a checkpoint that is there, also beside that process")
        }
        _ => failure,
    })?;
    let outcome = match name {
        Some(name) => match runtime.actors().push(name, bucket, shown.of(name)).await {
            Ok(pushed) => Ok(Report { pushed: vec![(name.to_owned(), pushed)], ..Report::default() }),
            Err(error) => Err(not_pushed(error)),
        },
        None => push_all(&runtime, bucket, shown).await,
    };
    at_the_end(&runtime, outcome).await
}

fn not_pushed(error: Error) -> Failure {
    match &error {
        Error::Actor(ActorError::NotRunning { .. }) => Failure::from(error)
            .help("start it, so that all its messages can be pushed, or name a checkpoint with --generation N"),
        _ => error.into(),
    }
}

/// Pushes all actors. One that fails stops none of the others, unless they would fail as well.
async fn push_all(runtime: &Runtime, bucket: &Arc<Bucket>, shown: &Shown) -> Result<Report, Failure> {
    let (mut report, mut after) = (Report::default(), None);
    loop {
        let page = runtime.actors().list("", after.as_deref(), ACTORS_AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(report) };
        after = Some(last.name.to_string());
        for actor in page {
            let name = actor.name.to_string();
            match runtime.actors().push(&name, bucket, shown.of(&name)).await {
                Ok(pushed) => report.pushed.push((name, pushed)),
                Err(error) if is_of_bucket(&error) => {
                    report.stopped = Some(not_pushed(error));
                    return Ok(report);
                }
                Err(error) => report.failed.push((name, not_pushed(error))),
            }
        }
    }
}

fn is_of_bucket(error: &Error) -> bool {
    matches!(error, Error::Store(error) if error.is_of_whole_bucket())
}

fn pushed_json(name: &str, pushed: &Pushed) -> Json {
    let mut json = json!(pushed);
    json["name"] = name.into();
    json
}

fn pushed_line(name: &str, pushed: &Pushed, place: &str) -> String {
    let InBucket { number, message, .. } = pushed.checkpoint;
    let what = match pushed.uploaded_bytes {
        0 => "was there already".to_owned(),
        bytes => format!("{} uploaded", human::size(bytes)),
    };
    format!("{name} as of message {} is checkpoint {number} in {place} ({what})", human::count(message))
}

/// Pulls.
pub async fn pull(args: &PullArgs, at: Place<'_>, shown: Shown) -> Result<Exit, Failure> {
    let bucket = open(&args.from)?;
    // Before the data directory is made: a slip in the name should leave nothing behind.
    let (asked, wanted) = (bucket.clone(), args.name.clone());
    let head = blocking(move || Ok(asked.head(&wanted)?)).await?;
    if head.is_none() {
        let what = format!("actor `{}`", args.name);
        return Err(StoreError::NotInBucket { what, bucket: bucket.place().to_owned() }.into());
    }
    let runtime = Runtime::builder().data_dir(at.path()).build()?;
    let options = ImportOptions { name: args.copy.clone(), with_grants: args.with_grants };
    let outcome = async {
        let told = shown.of(&args.name);
        runtime.actors().pull(&args.name, args.number, &bucket, options, told).await?.info().await
    };
    let outcome = outcome.await.map_err(refused);
    drop(shown);
    let info = at_the_end(&runtime, outcome).await?;
    let whose = match args.copy.as_ref().is_some_and(|copy| *copy != args.name) {
        true => "a copy; the one in the bucket stays its owner's",
        false => "and owns it in the bucket from now on",
    };
    at.tell(
        &info,
        format!("{} is an actor of {}, as incarnation {}, {whose}", info.name, info.plugin, info.incarnation),
    )
}

fn refused(error: Error) -> Failure {
    let help = match &error {
        Error::Actor(ActorError::NameTaken { .. }) => "--as NEW makes a copy of another name",
        Error::Actor(ActorError::NeedsGrants { .. }) => "--with-grants gives it these grants",
        Error::Store(error) if matches!(**error, StoreError::BucketDamaged { .. }) => {
            "`belljar checkpoint ls NAME --from URL` lists the checkpoints, and --number N pulls an older one"
        }
        _ => return error.into(),
    };
    Failure::from(error).help(help)
}

/// Lists the actors of a bucket with their newest checkpoints, or one actor with all of them.
pub async fn ls(url: &str, name: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let bucket = open(url)?;
    let (asked, wanted) = (bucket.clone(), name.map(str::to_owned));
    let look = move || {
        Ok(match wanted {
            None => asked.list()?,
            Some(name) => {
                let unknown =
                    StoreError::NotInBucket { what: format!("actor `{name}`"), bucket: asked.place().to_owned() };
                vec![Ok(asked.head(&name)?.ok_or(unknown)?)]
            }
        })
    };
    let (heads, damaged): (Vec<_>, Vec<_>) = blocking(look).await?.into_iter().partition(Result::is_ok);
    let heads: Vec<Head> = heads.into_iter().filter_map(Result::ok).collect();
    let damaged: Vec<String> = damaged.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    if json {
        let actors: Vec<Json> = heads.iter().map(head_json).collect();
        output::json(&json!({ "bucket": bucket.place(), "actors": actors, "damaged": damaged }))?;
    } else if heads.is_empty() && damaged.is_empty() {
        output::line(format!(
            "no actors in {}; `belljar checkpoint push NAME --to URL` brings one there",
            bucket.place()
        ))?;
    } else {
        output::line(table(&heads, name.is_some()).render(terminal::width(), terminal::colours_on_stdout()))?;
        for problem in &damaged {
            output::line(human::printable(problem))?;
        }
    }
    Ok(if damaged.is_empty() { Exit::Good } else { Exit::WorkFailed })
}

fn head_json(head: &Head) -> Json {
    json!({ "name": head.name, "lease": head.lease, "checkpoints": head.kept.iter().rev().collect::<Vec<_>>() })
}

fn table(heads: &[Head], is_whole: bool) -> Table {
    let mut table = Table::new(["actor", "number", "taken", "message", "incarnation", "pushed", "lease"]);
    for head in heads {
        for kept in head.kept.iter().rev().take(if is_whole { head.kept.len() } else { 1 }) {
            table.row(vec![
                Cell::text(human::printable(&head.name)),
                Cell::number(kept.number.to_string()),
                Cell::text(time(kept.taken_ns)),
                Cell::number(human::count(kept.message)),
                Cell::number(kept.incarnation.to_string()),
                Cell::text(time(kept.pushed_ns)),
                Cell::number(kept.lease.to_string()),
            ]);
        }
    }
    table
}

/// Removes one.
pub async fn rm(args: &RmArgs, json: bool) -> Result<Exit, Failure> {
    let bucket = open(&args.from)?;
    let (asked, name) = (bucket.clone(), args.name.clone());
    let is_removed = blocking(move || Ok(asked.remove(&name)?)).await?;
    if !is_removed {
        let what = format!("actor `{}`", args.name);
        return Err(StoreError::NotInBucket { what, bucket: bucket.place().to_owned() }.into());
    }
    match json {
        true => output::json(&json!({ "bucket": bucket.place(), "removed": args.name }))?,
        false => output::line(format!("removed {} from {}", args.name, bucket.place()))?,
    }
    Ok(Exit::Good)
}

/// Collects garbage.
pub async fn gc(url: &str, take_over: bool, json: bool) -> Result<Exit, Failure> {
    let bucket = open(url)?;
    let collect = move || {
        if take_over {
            bucket.end_collection()?;
        }
        bucket.collect()
    };
    let collected = blocking(move || Ok(collect())).await?.map_err(|error| match &error {
        StoreError::BucketDamaged { .. } => {
            Failure::from(error).help("nothing was removed: what this object needs is not known")
        }
        _ => error.into(),
    })?;
    match json {
        true => output::json(&collected)?,
        false => output::line(collected_line(&collected))?,
    }
    Ok(Exit::Good)
}

fn collected_line(collected: &CollectedFromBucket) -> String {
    if collected.is_unread {
        return "removed nothing: an hour was not enough to read what is needed; do it from a machine that is nearer to \
                the bucket"
            .to_owned();
    }
    let rest = if collected.is_cut_short { "; there may be more, which the next one removes" } else { "" };
    let count =
        |count: u64, one: &str, many: &str| human::plural(usize::try_from(count).unwrap_or(usize::MAX), one, many);
    format!(
        "removed {}, {}, {}: {}{rest}",
        count(collected.checkpoints, "checkpoint", "checkpoints"),
        count(collected.chunks, "chunk", "chunks"),
        count(collected.components, "plugin", "plugins"),
        human::size(collected.bytes),
    )
}

fn open(url: &str) -> Result<Arc<Bucket>, Failure> {
    Ok(Arc::new(Bucket::open(url)?))
}

/// A bucket is waited for on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Failure> {
    Ok(tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::ShutDown))?)
}

#[cfg(test)]
mod tests {
    use belljar::store::Digest;
    use belljar::store::bucket::Owner;

    use super::*;

    fn checkpoint(number: u64) -> InBucket {
        InBucket {
            number,
            lease: 2,
            generation: 9,
            incarnation: 3,
            message: 1_200,
            taken_ns: 1_700_000_000_000_000_000,
            pushed_ns: 1_700_000_060_000_000_000,
            letter: Digest::of(b"letter"),
        }
    }

    #[test]
    fn a_push_is_told_in_a_line() {
        let pushed = Pushed { checkpoint: checkpoint(4), chunks: 3, chunks_uploaded: 1, uploaded_bytes: 2_500 };
        assert_eq!(
            pushed_line("visits", &pushed, "s3://b"),
            "visits as of message 1,200 is checkpoint 4 in s3://b (2.5 KB uploaded)"
        );
        let again = Pushed { uploaded_bytes: 0, ..pushed };
        assert!(pushed_line("visits", &again, "s3://b").ends_with("(was there already)"));
    }

    #[test]
    fn a_bucket_is_listed_by_newest_checkpoints_and_an_actor_with_all() {
        let kept = vec![checkpoint(4), checkpoint(5)];
        let head = Head { name: "visits".to_owned(), lease: 3, owner: Owner::of(b"me"), kept };
        let lines = |is_whole| table(std::slice::from_ref(&head), is_whole).render(Some(120), false);
        assert!(lines(false).contains("1,200") && lines(false).contains("2023-11-14 22:13:20Z"));
        assert_eq!(lines(true).lines().count(), lines(false).lines().count() + 1);
        assert_eq!(head_json(&head)["checkpoints"][0]["number"], 5, "the newest first");
        assert_eq!(head_json(&head)["lease"], 3);
    }

    #[test]
    fn a_collection_that_had_no_time_says_so() {
        let collected = CollectedFromBucket { chunks: 1, bytes: 70_000, is_cut_short: true, ..Default::default() };
        assert_eq!(
            collected_line(&collected),
            "removed 0 checkpoints, 1 chunk, 0 plugins: 70.0 KB; there may be more, which the next one removes"
        );
    }
}
