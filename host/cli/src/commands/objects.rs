//! `belljar objects`: the durable objects of a data directory, which steps put and returned.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use belljar::store::{Catalog, DataDir, Digest, DurableObjects, RunFilter, RunId};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::args::DataDirArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::returned::DIGITS_SHOWN;
use crate::table::{Cell, Table};
use crate::{human, output, terminal};

/// Digits that a prefix of a digest must have at least, so that a slip does not name an object.
const DIGITS_MIN: usize = 4;

const EXAMPLES: &str = "\
Examples:
  belljar objects
  belljar objects get 3f9a02c4 -o report.json
  belljar objects gc";

/// Lists, reads and removes the objects that steps returned
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ObjectsArgs {
    #[command(subcommand)]
    command: Option<ObjectsCommand>,
    /// Prints JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

#[derive(Debug, Subcommand)]
enum ObjectsCommand {
    /// Lists the objects with the steps that returned them
    #[command(after_help = "Example:\n  belljar objects ls --json")]
    Ls,
    /// Writes an object's bytes to a file or to the standard output
    #[command(after_help = "Example:\n  belljar objects get 3f9a02c4 -o report.json")]
    Get {
        /// The object's digest, or the beginning of it
        digest: String,
        /// The file to write [default: the standard output]
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Removes the objects that no record names any more
    #[command(after_help = "Example:\n  belljar objects gc --data-dir /var/lib/belljar")]
    Gc,
}

/// An object, and which steps returned it.
#[derive(Debug, Serialize)]
struct Listed {
    digest: Digest,
    size_bytes: u64,
    named_by: Vec<Naming>,
}

/// A step that returned an object. The steps that run once belong to the item ``.
#[derive(Debug, Clone, Serialize)]
struct Naming {
    run: RunId,
    item: String,
    step: String,
}

/// What a collection removed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Objects that were removed.
    pub objects_removed: u64,
    /// Their size.
    pub bytes_removed: u64,
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = human::plural(usize::try_from(self.objects_removed).unwrap_or(usize::MAX), "object", "objects");
        write!(f, "{objects} ({})", human::size(self.bytes_removed))
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.item.is_empty() { "" } else { " · " };
        write!(f, "run {} · {}{dot}{}", self.run, self.item, self.step)
    }
}

/// Does what the subcommand says.
pub fn objects(args: &ObjectsArgs) -> Result<Exit, Failure> {
    let path = &args.data_dir.data_dir;
    match args.command.as_ref().unwrap_or(&ObjectsCommand::Ls) {
        ObjectsCommand::Ls => ls(&super::open_to_read(path)?, args.json)?,
        ObjectsCommand::Get { digest, out } => get(&super::open_to_read(path)?, digest, out.as_ref(), args.json)?,
        ObjectsCommand::Gc => {
            let data_dir = super::open_to_write(path)?;
            let removed = remove_unnamed(&Catalog::open(&data_dir)?, &DurableObjects::open(&data_dir)?)?;
            if args.json { output::json(&removed)? } else { output::line(format!("removed {removed}"))? }
        }
    }
    Ok(Exit::Good)
}

fn ls(data_dir: &DataDir, json: bool) -> Result<(), Failure> {
    let listed = list(data_dir)?;
    if json {
        return output::json(&listed);
    }
    if listed.is_empty() {
        return output::line(format!("{} holds no objects", data_dir.path().display()));
    }
    let mut table = Table::new(["object", "size", "returned by"]);
    for object in &listed {
        let named_by = match &object.named_by[..] {
            [] => "nothing any more; `belljar objects gc` removes it".to_owned(),
            [one] => one.to_string(),
            [first, others @ ..] => format!("{first}, and {} more", others.len()),
        };
        let digest = object.digest.to_string();
        table.row(vec![
            Cell::text(&digest[..DIGITS_SHOWN]),
            Cell::number(human::size(object.size_bytes)),
            Cell::text(named_by),
        ]);
    }
    output::line(table.render(terminal::width(), terminal::colours_on_stdout()))?;
    let total_bytes = listed.iter().map(|object| object.size_bytes).sum();
    output::line(format!("{}, {}", human::plural(listed.len(), "object", "objects"), human::size(total_bytes)))
}

fn list(data_dir: &DataDir) -> Result<Vec<Listed>, Failure> {
    let objects = DurableObjects::open(data_dir)?;
    let mut namings: HashMap<Digest, Vec<Naming>> = HashMap::new();
    if let Some(catalog) = super::catalog(data_dir)? {
        for run in catalog.runs(&RunFilter::default(), u32::MAX)? {
            for step in catalog.steps(run.id)? {
                let naming = Naming { run: run.id, item: step.item, step: step.step };
                for digest in step.objects {
                    namings.entry(digest).or_default().push(naming.clone());
                }
            }
        }
    }
    let mut listed = Vec::new();
    for digest in objects.list()? {
        let named_by = namings.remove(&digest).unwrap_or_default();
        listed.push(Listed { digest, size_bytes: objects.size_bytes(&digest)?, named_by });
    }
    Ok(listed)
}

fn get(data_dir: &DataDir, prefix: &str, out: Option<&PathBuf>, json: bool) -> Result<(), Failure> {
    let objects = DurableObjects::open(data_dir)?;
    let digest = find(&objects.list()?, prefix)?;
    let bytes = objects.get(&digest)?;
    let Some(path) = out else {
        return output::bytes(&bytes);
    };
    output::file(path, &bytes)?;
    if json {
        let written = serde_json::json!({ "digest": digest, "size_bytes": bytes.len(), "path": path });
        return output::json(&written);
    }
    Ok(())
}

/// The object that this beginning of a digest names.
fn find(digests: &[Digest], prefix: &str) -> Result<Digest, Failure> {
    let wrong = |message: String| Failure::bad_input(message).help("`belljar objects` lists the objects");
    let prefix = prefix.to_ascii_lowercase();
    if prefix.len() < DIGITS_MIN || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong(format!("`{prefix}` is not a digest: write at least {DIGITS_MIN} hexadecimal digits of it")));
    }
    let mut matching = digests.iter().filter(|digest| digest.to_string().starts_with(&prefix));
    match (matching.next(), matching.count()) {
        (Some(digest), 0) => Ok(*digest),
        (Some(_), others) => Err(wrong(format!("{} objects begin with `{prefix}`: write more of it", others + 1))),
        (None, _) => Err(wrong(format!("there is no object `{prefix}`"))),
    }
}

/// Removes the objects that no record names.
pub fn remove_unnamed(catalog: &Catalog, objects: &DurableObjects) -> Result<Removed, Failure> {
    let named = catalog.referenced_objects()?;
    let mut removed = Removed::default();
    for digest in objects.list()?.iter().filter(|digest| !named.contains(digest)) {
        removed.bytes_removed += objects.size_bytes(digest)?;
    }
    removed.objects_removed = objects.retain(|digest| named.contains(digest))?;
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use belljar::store::{ItemUpdate, NewRun, RUN_ITEM, StepKey};

    use super::*;
    use crate::args::{Cli, Command};

    #[test]
    fn the_list_is_the_default_and_options_stand_anywhere() {
        for arguments in [&["--json"][..], &["ls", "--json"], &["--json", "ls", "--data-dir", "d"]] {
            let cli = Cli::try_parse_from([&["belljar", "objects"], arguments].concat()).unwrap();
            let Command::Objects(args) = cli.command else { panic!("not the objects command") };
            assert!(args.json && !matches!(args.command, Some(ObjectsCommand::Get { .. } | ObjectsCommand::Gc)));
        }
    }

    #[test]
    fn the_beginning_of_a_digest_names_an_object_if_it_is_the_only_one() {
        let digests = [Digest::of(b"a"), Digest::of(b"b")];
        let first = digests[0].to_string();
        assert_eq!(find(&digests, &first).unwrap(), digests[0]);
        assert_eq!(find(&digests, &first[..8].to_uppercase()).unwrap(), digests[0]);
        assert_eq!(find(&[digests[0], digests[0]], &first[..8]).unwrap_err().exit(), Exit::BadInput);
        for wrong in ["", "abc", "../../etc/passwd", "00000000"] {
            assert_eq!(find(&digests, wrong).unwrap_err().exit(), Exit::BadInput, "{wrong}");
        }
    }

    #[test]
    fn objects_are_listed_with_the_steps_that_returned_them_and_others_are_collected() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let (catalog, objects) = (Catalog::open(&data_dir).unwrap(), DurableObjects::open(&data_dir).unwrap());
        let (named, unnamed) = (objects.put(b"report").unwrap(), objects.put(b"left over").unwrap());
        let params = serde_json::json!({});
        let workflow_digest = Digest::of(b"");
        let new = NewRun { key: "k", workflow: "w", workflow_path: "w.toml", workflow_digest, params: &params };
        let run = catalog.new_run(&new).unwrap().id;
        let key = StepKey { run, item: RUN_ITEM, step: "summary" };
        catalog.step_started(key, None, "worker-0", &ItemUpdate::default()).unwrap();
        catalog.step_completed(key, &params, &[named], &ItemUpdate::default()).unwrap();

        let listed = list(&data_dir).unwrap();
        let of = |digest| listed.iter().find(|object| object.digest == digest).unwrap();
        assert_eq!(of(named).named_by[0].to_string(), format!("run {run} · summary"));
        assert!(of(unnamed).named_by.is_empty());

        let removed = remove_unnamed(&catalog, &objects).unwrap();
        assert_eq!(removed, Removed { objects_removed: 1, bytes_removed: 9 });
        assert_eq!(objects.list().unwrap(), [named]);
    }
}
