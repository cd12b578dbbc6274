//! `belljar status`: the runs of a data directory, or one run with its items. It only reads, so it works beside a
//! run that is going on.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use belljar::store::{Catalog, DataDir, Item, RUN_ITEM, Run, RunFilter, RunId, RunStatus, Step};
use clap::Args;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::args::DataDirArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::item_table::{self, ItemRow};
use crate::table::{Cell, Table, indented};
use crate::{human, output, returned, terminal};

/// Runs that are listed unless more are asked for.
const RUNS_LISTED: u32 = 20;

const EXAMPLES: &str = "\
Examples:
  belljar status
  belljar status 3
  belljar status 3 --json | jq -r '.items[] | select(.error_message) | .key'";

/// Shows runs, or one run with its items
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// The number of a run
    run: Option<i64>,
    /// How many runs are listed, the newest first
    #[arg(long, default_value_t = RUNS_LISTED, value_name = "N")]
    limit: u32,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub data_dir: DataDirArgs,
}

/// Shows what was asked for.
pub fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let data_dir = super::open_to_read(&args.data_dir.data_dir)?;
    let catalog = super::catalog(&data_dir)?;
    match (args.run, &catalog) {
        (None, _) => show_runs(&data_dir, catalog.as_ref(), args)?,
        (Some(run), Some(catalog)) => show_run(&data_dir, catalog, RunId(run), args.json)?,
        (Some(run), None) => return Err(no_run(run)),
    }
    Ok(Exit::Good)
}

fn no_run(run: i64) -> Failure {
    Failure::bad_input(format!("there is no run {run}")).help("`belljar status` lists the runs")
}

/// A run that is recorded as running while nobody writes belongs to a process that has died.
fn as_it_stands(mut run: Run, data_dir: &DataDir) -> Result<Run, Failure> {
    if run.status == RunStatus::Running && !data_dir.has_writer()? {
        run.status = RunStatus::Interrupted;
    }
    Ok(run)
}

fn show_runs(data_dir: &DataDir, catalog: Option<&Catalog>, args: &StatusArgs) -> Result<(), Failure> {
    let runs = match catalog {
        Some(catalog) => catalog.runs(&RunFilter::default(), args.limit)?,
        None => Vec::new(),
    };
    let runs: Vec<Run> = runs.into_iter().map(|run| as_it_stands(run, data_dir)).collect::<Result<_, _>>()?;
    if args.json {
        return output::json(&json!({ "data_dir": data_dir.path(), "runs": runs }));
    }
    if runs.is_empty() {
        return output::line(format!(
            "no runs in {} yet; `belljar run WORKFLOW` starts one",
            data_dir.path().display()
        ));
    }
    let mut table = Table::new(["run", "workflow", "status", "parameters", "started", "time"]);
    for run in &runs {
        table.row(vec![
            Cell::number(run.id.to_string()),
            Cell::text(&run.workflow),
            status_cell(run.status),
            Cell::text(parameters(&run.params)),
            Cell::text(human::time(run.created_at_ms)),
            Cell::number(duration(run).map(human::duration).unwrap_or_default()),
        ]);
    }
    output::line(table.render(terminal::width(), terminal::colours_on_stdout()))
}

fn show_run(data_dir: &DataDir, catalog: &Catalog, id: RunId, json: bool) -> Result<(), Failure> {
    let run = catalog.run(id).map_err(|error| match error {
        belljar::store::StoreError::UnknownRecord { .. } => no_run(id.0),
        other => other.into(),
    })?;
    let run = as_it_stands(run, data_dir)?;
    let (items, steps) = (catalog.items(id)?, catalog.steps(id)?);
    if json {
        return output::json(&document(run, items, steps));
    }
    output::line(heading(&run).trim_end())?;
    let steps = by_item(steps);
    let rows: Vec<ItemRow<'_>> = items.iter().map(|item| row(item, steps.get(&item.key))).collect();
    item_table::show(&rows)?;
    let once = steps.get(RUN_ITEM).map_or(&[][..], Vec::as_slice);
    if !once.is_empty() {
        output::line("\nSteps that run once")?;
    }
    for step in once {
        output::line(format!("  {}: {}", step.step, step.state))?;
        let outcome = match (&step.error, &step.output) {
            (Some(error), _) => human::printable(error),
            (None, Some(value)) => returned::text(value),
            (None, None) => String::new(),
        };
        if !outcome.is_empty() {
            output::line(indented(&indented(&outcome)).trim_end())?;
        }
    }
    Ok(())
}

/// The steps of each item, in their order. There may be millions, so they are gone through once.
fn by_item(steps: Vec<Step>) -> HashMap<String, Vec<Step>> {
    let mut by_item: HashMap<String, Vec<Step>> = HashMap::new();
    for step in steps {
        by_item.entry(step.item.clone()).or_default().push(step);
    }
    by_item
}

fn heading(run: &Run) -> String {
    let mut text = format!("run {} of {} ({}): {}\n", run.id, run.workflow, run.workflow_path, run.status);
    let took = duration(run).map(|took| format!(", {} long", human::duration(took))).unwrap_or_default();
    text.push_str(&format!("started {}{took}\n", human::time(run.created_at_ms)));
    let parameters = parameters(&run.params);
    if !parameters.is_empty() {
        text.push_str(&format!("with {parameters}\n"));
    }
    if run.status == RunStatus::Interrupted && run.key.is_some() {
        text.push_str("its command goes on where it stopped\n");
    }
    text
}

#[derive(Serialize)]
struct ItemWithSteps {
    #[serde(flatten)]
    item: Item,
    steps: Vec<Step>,
}

/// The run as one JSON document: the run itself, its items with their steps, and the steps that run once.
fn document(run: Run, items: Vec<Item>, steps: Vec<Step>) -> Json {
    let mut steps = by_item(steps);
    let mut of = |item: &str| steps.remove(item).unwrap_or_default();
    let once = of(RUN_ITEM);
    let items: Vec<ItemWithSteps> =
        items.into_iter().map(|item| ItemWithSteps { steps: of(&item.key), item }).collect();
    json!({ "run": run, "items": items, "steps": once })
}

fn row<'a>(item: &'a Item, steps: Option<&'a Vec<Step>>) -> ItemRow<'a> {
    ItemRow {
        item: &item.key,
        status: &item.status,
        error: item.error_message.as_deref(),
        record: &item.record,
        duration: item.finished_at_ms.map(|end| between(item.created_at_ms, end)),
        steps: steps.into_iter().flatten().map(|step| (&*step.step, step.state)).collect(),
    }
}

fn status_cell(status: RunStatus) -> Cell {
    let meaning = match status {
        RunStatus::Completed => Some(true),
        RunStatus::Failed => Some(false),
        RunStatus::Running | RunStatus::Interrupted => None,
    };
    Cell::status(status.to_string(), meaning)
}

/// `filings=data out=out`, without those that are empty.
fn parameters(params: &Json) -> String {
    let Some(params) = params.as_object() else { return params.to_string() };
    let shown = params.iter().filter(|(_, value)| *value != "").map(|(name, value)| match value {
        Json::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// How long a run took, or is taking; of one that was interrupted nobody knows when that was.
fn duration(run: &Run) -> Option<Duration> {
    match (run.status, run.finished_at_ms) {
        (RunStatus::Running, _) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(between(run.created_at_ms, i64::try_from(now.as_millis()).ok()?))
        }
        (_, end_ms) => Some(between(run.created_at_ms, end_ms?)),
    }
}

fn between(start_ms: i64, end_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(end_ms.saturating_sub(start_ms)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use belljar::store::{Digest, ItemUpdate, NewItem, NewRun, StepKey};

    use super::*;

    /// A data directory with one run, in which `AAPL` is in the middle of its step `find`.
    fn fixture(folder: &std::path::Path) -> (DataDir, Catalog, RunId) {
        let data_dir = DataDir::open(folder).unwrap();
        let catalog = Catalog::open(&data_dir).unwrap();
        let params = json!({ "filings": "data", "limit": 3 });
        let workflow_digest = Digest::of(b"");
        let new = NewRun { key: "k", workflow: "w", workflow_path: "w.toml", workflow_digest, params: &params };
        let run = catalog.new_run(&new).unwrap().id;
        catalog.put_items(run, &[NewItem { key: "AAPL", value: &json!("AAPL"), status: "discovered" }]).unwrap();
        let key = StepKey { run, item: "AAPL", step: "find" };
        catalog.step_started(key, None, "worker-0", &ItemUpdate::default()).unwrap();
        (data_dir, catalog, run)
    }

    #[test]
    fn a_run_counts_as_interrupted_once_its_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, catalog, run) = fixture(folder.path());
        assert_eq!(as_it_stands(catalog.run(run).unwrap(), &data_dir).unwrap().status, RunStatus::Running);
        drop((data_dir, catalog));
        let reader = DataDir::open_read_only(folder.path()).unwrap();
        let left = super::super::catalog(&reader).unwrap().unwrap().run(run).unwrap();
        let left = as_it_stands(left, &reader).unwrap();
        assert_eq!(left.status, RunStatus::Interrupted);
        assert!(heading(&left).contains("its command goes on where it stopped"));
        assert_eq!(duration(&left), None);
    }

    #[test]
    fn the_document_has_every_item_with_its_steps() {
        let folder = tempfile::tempdir().unwrap();
        let (_data_dir, catalog, run) = fixture(folder.path());
        let (items, steps) = (catalog.items(run).unwrap(), catalog.steps(run).unwrap());
        let document = document(catalog.run(run).unwrap(), items, steps);
        assert_eq!(document["items"][0]["key"], "AAPL");
        assert_eq!(document["items"][0]["steps"][0]["step"], "find");
        assert_eq!(document["items"][0]["steps"][0]["state"], "running");
        assert_eq!(document["steps"], json!([]));
    }

    #[test]
    fn parameters_read_like_the_command_line() {
        assert_eq!(parameters(&json!({ "filings": "data", "tickers": "", "limit": 3 })), "filings=data limit=3");
    }
}
