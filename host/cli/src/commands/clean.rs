//! `belljar clean`: removes the records of runs that ended long ago, and the objects that only they named.

use std::time::{Duration, SystemTime};

use belljar::store::{Catalog, DurableObjects, Run, RunFilter, RunStatus};
use clap::Args;
use serde::Serialize;

use super::objects::{Removed, remove_unnamed};
use crate::args::DataDirArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{human, output};

const EXAMPLES: &str = "\
What plugins wrote into granted directories is not touched. A run that was interrupted is kept, because its command
can resume it.

Examples:
  belljar clean --dry-run
  belljar clean --older-than 12h";

/// Removes the records of old runs and their objects
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CleanArgs {
    /// Only runs that ended at least this long ago, such as `7d` or `12h 30m`
    #[arg(long, default_value = "7d", value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Duration,
    /// Says what would be removed, and removes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

#[derive(Debug, Serialize)]
struct Cleaned {
    dry_run: bool,
    runs_removed: u64,
    #[serde(flatten)]
    objects: Removed,
}

/// Removes them.
pub fn clean(args: &CleanArgs) -> Result<Exit, Failure> {
    let before_ms = time_before(SystemTime::now(), args.older_than);
    let cleaned = if args.dry_run { would_clean(args, before_ms)? } else { do_clean(args, before_ms)? };
    if args.json {
        output::json(&cleaned)?;
    } else {
        let runs = human::plural(usize::try_from(cleaned.runs_removed).unwrap_or(usize::MAX), "run", "runs");
        match cleaned.dry_run {
            true => output::line(format!("would remove {runs}, and the objects that only they name"))?,
            false => output::line(format!("removed {runs}, {}", cleaned.objects))?,
        }
    }
    Ok(Exit::Good)
}

fn do_clean(args: &CleanArgs, before_ms: i64) -> Result<Cleaned, Failure> {
    let data_dir = super::open_to_write(&args.data_dir.data_dir)?;
    let catalog = Catalog::open(&data_dir)?;
    let runs_removed = catalog.delete_finished_before(before_ms)?;
    let objects = remove_unnamed(&catalog, &DurableObjects::open(&data_dir)?)?;
    Ok(Cleaned { dry_run: false, runs_removed, objects })
}

fn would_clean(args: &CleanArgs, before_ms: i64) -> Result<Cleaned, Failure> {
    let data_dir = super::open_to_read(&args.data_dir.data_dir)?;
    let runs = match super::catalog(&data_dir)? {
        Some(catalog) => catalog.runs(&RunFilter::default(), u32::MAX)?,
        None => Vec::new(),
    };
    let runs_removed = runs.iter().filter(|run| is_old(run, before_ms)).count() as u64;
    Ok(Cleaned { dry_run: true, runs_removed, objects: Removed::default() })
}

/// Whether [`Catalog::delete_finished_before`] removes this run.
fn is_old(run: &Run, before_ms: i64) -> bool {
    let superseded = run.status == RunStatus::Interrupted && run.key.is_none();
    run.finished_at_ms.is_some_and(|time| time < before_ms) || (superseded && run.updated_at_ms < before_ms)
}

fn time_before(now: SystemTime, age: Duration) -> i64 {
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use belljar::store::{DataDir, Digest, NewRun, RunOutcome};

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(arguments: &[&str]) -> Result<CleanArgs, clap::Error> {
        let cli = Cli::try_parse_from([&["belljar", "clean"], arguments].concat())?;
        match cli.command {
            Command::Clean(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_week_is_the_default_and_times_are_written_with_their_unit() {
        assert_eq!(parse(&[]).unwrap().older_than, Duration::from_secs(7 * 24 * 3600));
        assert_eq!(parse(&["--older-than", "1h 30m"]).unwrap().older_than, Duration::from_secs(5400));
        assert!(parse(&["--older-than", "7"]).is_err());
    }

    #[test]
    fn an_age_beyond_1970_is_1970() {
        assert_eq!(time_before(SystemTime::now(), Duration::MAX), 0);
    }

    #[test]
    fn a_dry_run_counts_exactly_what_is_removed_then() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let catalog = Catalog::open(&data_dir).unwrap();
        let begin = |key| {
            let (workflow_digest, params) = (Digest::of(b""), serde_json::json!({}));
            let new = NewRun { key, workflow: "w", workflow_path: "w.toml", workflow_digest, params: &params };
            catalog.new_run(&new).unwrap().id
        };
        catalog.finish_run(begin("finished"), RunOutcome::Failed).unwrap();
        catalog.interrupt_run(begin("resumable")).unwrap();
        begin("superseded");
        begin("superseded");
        drop((catalog, data_dir));

        let path = folder.path().to_str().unwrap();
        let args = parse(&["--data-dir", path]).unwrap();
        assert_eq!(would_clean(&args, i64::MAX).unwrap().runs_removed, 2);
        assert_eq!(do_clean(&args, i64::MAX).unwrap().runs_removed, 2);
        assert_eq!(would_clean(&args, i64::MAX).unwrap().runs_removed, 0);
    }
}
