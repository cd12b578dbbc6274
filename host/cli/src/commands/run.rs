//! `belljar run`: runs a workflow, or goes on with it where an earlier process stopped.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use belljar::store::RunStatus;
use belljar::workflow::{self, Observer, Plan, PlanSummary, Report, RunOptions, Workflow};
use belljar::{Grants, Runtime};
use clap::Args;
use indicatif::MultiProgress;

use crate::args::DataDirArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::item_table::{self, ItemRow};
use crate::progress::{self, Lines};
use crate::table::{Cell, Table, indented};
use crate::{human, output, returned, terminal};

const EXAMPLES: &str = "\
The same command again goes on where the run stopped: what completed does not run twice, what failed is tried again.

Examples:
  belljar run filings.toml --set filings=DIR --set out=DIR
  belljar run filings.toml --set filings=DIR --set out=DIR --dry-run
  belljar run filings.toml --set filings=DIR --set out=DIR --from extract --json > report.json

Ends with 0 when every item completed, 1 when some failed, 2 when the workflow or an argument is wrong.";

/// Runs a workflow, or goes on with it where it stopped
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// The workflow's file
    #[arg(value_name = "WORKFLOW.toml")]
    workflow: PathBuf,
    /// Sets a parameter of the workflow
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    set: Vec<(String, String)>,
    /// Runs only this step; may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Runs this step, and those that depend on it, again
    #[arg(long, value_name = "STEP")]
    from: Option<String>,
    /// Starts anew instead of going on with an earlier run
    #[arg(long)]
    fresh: bool,
    /// How many items are worked on at the same time [default: what the workflow says, or 4]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Checks everything and shows what would be done
    #[arg(long)]
    dry_run: bool,
    /// Prints the report (or the plan) as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as out=./out".to_owned()),
    }
}

/// The parameters by name. One that is set twice is more likely a slip than a wish.
fn params(set: &[(String, String)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut params = BTreeMap::new();
    for (key, value) in set {
        if params.insert(key.clone(), value.clone()).is_some() {
            return Err(Failure::bad_input(format!("the parameter `{key}` is set twice")).help("set it once"));
        }
    }
    Ok(params)
}

/// Runs it.
pub async fn run(args: &RunArgs, quiet: bool, bars: &MultiProgress) -> Result<Exit, Failure> {
    tokio::select! {
        outcome = perform(args, quiet, bars) => outcome,
        () = interrupted() => {
            bars.clear().ok(); // A bar that stays on the screen is no reason to say nothing.
            Err(Failure::new(Exit::Interrupted, "interrupted")
                .help("what completed is kept; the same command goes on where this one stopped"))
        }
    }
}

async fn perform(args: &RunArgs, quiet: bool, bars: &MultiProgress) -> Result<Exit, Failure> {
    let options = RunOptions {
        params: params(&args.set)?,
        only: args.only.clone(),
        from: args.from.clone(),
        fresh: args.fresh,
        workers: args.workers,
    };
    // Before the data directory is made: a slip in the file's name should leave nothing behind.
    let workflow = Workflow::read(&args.workflow).map_err(belljar::Error::from)?;
    let runtime = Runtime::builder().data_dir(&args.data_dir.data_dir).build()?;
    let plan = workflow::plan(&runtime, &workflow, &options).await?;
    if args.dry_run {
        let summary = plan.summary();
        if args.json {
            output::json(&summary)?
        } else {
            show_plan(&summary)?
        }
        return Ok(Exit::Good);
    }
    let report = observed(&runtime, plan, quiet, bars).await?;
    if args.json {
        output::json(&report)?
    } else {
        show_report(&report, &args.data_dir)?
    }
    Ok(exit_of(report.status))
}

/// Runs the plan and shows how it goes on.
async fn observed(runtime: &Runtime, plan: Plan, quiet: bool, bars: &MultiProgress) -> Result<Report, Failure> {
    if let Some(bars) = progress::observer(bars, std::io::stderr().is_terminal(), quiet) {
        let following = tokio::spawn(bars.clone().follow(runtime.events()));
        let report = workflow::run(runtime, plan, bars.clone()).await;
        following.abort();
        bars.clear();
        return Ok(report?);
    }
    let observer: Arc<dyn Observer> = if quiet { Arc::new(()) } else { Arc::new(Lines) };
    Ok(workflow::run(runtime, plan, observer).await?)
}

/// A run of which only some steps were asked for counts as interrupted, and did what it was asked for.
fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Failed => Exit::WorkFailed,
        RunStatus::Completed | RunStatus::Interrupted | RunStatus::Running => Exit::Good,
    }
}

fn show_plan(plan: &PlanSummary) -> Result<(), Failure> {
    output::line(format!("{} would run {}", plan.workflow, human::plural(plan.steps.len(), "step", "steps")))?;
    for (name, value) in plan.params.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(format!("  {name} = {value}"))?;
    }
    for step in &plan.steps {
        let once = if step.once { ", once after the items" } else { "" };
        output::line(format!("\n{} ({}{once})", step.name, step.plugin))?;
        output::line(format!("  {}", step.signature))?;
        if !step.needs.is_empty() {
            output::line(format!("  needs {}", step.needs.join(", ")))?;
        }
        for grant in grants(&step.grants) {
            output::line(format!("  may {grant}"))?;
        }
    }
    if plan.items.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["item", "done before"]);
    for item in &plan.items {
        table.row(vec![Cell::text(&item.item), Cell::text(item.done.join(", "))]);
    }
    output::line(format!("\n{}", table.render(terminal::width(), terminal::colours_on_stdout())))
}

/// What a plugin may reach, in words.
fn grants(grants: &Grants) -> Vec<String> {
    let mut words = Vec::new();
    for directory in &grants.directories {
        let access = match directory.access {
            belljar::Access::Read => "read",
            belljar::Access::Write => "read and write",
        };
        words.push(format!("{access} {} as {}", directory.host.display(), directory.guest));
    }
    words.extend(grants.http.iter().map(|origin| format!("send requests to {origin}")));
    words.extend(grants.env.iter().map(|name| format!("see the environment variable {name}")));
    words
}

fn show_report(report: &Report, data_dir: &DataDirArgs) -> Result<(), Failure> {
    let rows: Vec<ItemRow<'_>> = report
        .items
        .iter()
        .map(|item| ItemRow {
            item: &item.item,
            status: &item.status,
            error: item.error_message.as_deref(),
            record: &item.record,
            duration: item.duration_ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default())),
            steps: Vec::new(),
        })
        .collect();
    item_table::show(&rows)?;
    for (step, value) in &report.outputs {
        output::line(format!("\n{step}\n{}", indented(&returned::text(value)).trim_end()))?;
    }
    output::line(format!("\n{}", summary(report, &data_dir.option())))
}

/// `option` is what a further command needs to find the run.
fn summary(report: &Report, option: &str) -> String {
    let failed = report.items.iter().filter(|item| item.error_message.is_some()).count();
    let failed = if failed > 0 { format!(", {} failed", human::count(failed as u64)) } else { String::new() };
    let resumed = if report.resumed { ", went on from an earlier start" } else { "" };
    let stats = &report.stats;
    // A duration that no clock has measured is no reason to panic.
    let took = Duration::try_from_secs_f64(stats.runtime_seconds).unwrap_or_default();
    let pace = match stats.total_processed {
        0 => String::new(),
        _ => format!(", {} items/min", human::count(stats.throughput_per_minute as u64)),
    };
    let hint = match (report.resumed, stats.total_processed) {
        (true, 0) => "\nnothing was left to do; --fresh does it all again, --from STEP from a step on",
        _ => "",
    };
    let status = match report.status {
        RunStatus::Interrupted => "stopped after the steps that were asked for".to_owned(),
        status => status.to_string(),
    };
    format!(
        "run {} of {} {status}: {}{failed} in {}{pace}{resumed}{hint}\n`belljar status {}{option}` shows it again",
        report.run,
        report.workflow,
        human::plural(report.items.len(), "item", "items"),
        human::duration(took),
        report.run,
    )
}

#[cfg(test)]
mod tests {
    use belljar::store::RunId;
    use belljar::workflow::{ItemReport, RunStats};
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(arguments: &[&str]) -> Result<RunArgs, clap::Error> {
        let cli = Cli::try_parse_from([&["belljar", "run", "w.toml"], arguments].concat())?;
        match cli.command {
            Command::Run(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    fn report(status: RunStatus) -> Report {
        let item = |item: &str, error_message: Option<String>| ItemReport {
            item: item.to_owned(),
            status: "completed".to_owned(),
            error_message,
            record: serde_json::Map::new(),
            steps: Vec::new(),
            duration_ms: Some(5),
        };
        let stats =
            RunStats { total_processed: 2, runtime_seconds: 1.2, throughput_per_minute: 100.0, ..RunStats::default() };
        Report {
            run: RunId(3),
            workflow: "filings".to_owned(),
            status,
            resumed: false,
            items: vec![item("AAPL", None), item("XOM", Some("no filing".to_owned()))],
            outputs: BTreeMap::new(),
            stats,
            workers: Vec::new(),
        }
    }

    #[test]
    fn a_value_may_contain_an_equals_sign_and_may_be_empty() {
        let args = parse(&["--set", "url=http://h/?a=b", "--set", "tickers="]).unwrap();
        let params = params(&args.set).unwrap();
        assert_eq!(params["url"], "http://h/?a=b");
        assert_eq!(params["tickers"], "");
        assert!(parse(&["--set", "tickers"]).is_err());
        assert!(parse(&["--set", "=AAPL"]).is_err());
    }

    #[test]
    fn a_parameter_that_is_set_twice_is_a_slip() {
        let args = parse(&["--set", "out=a", "--set", "out=b"]).unwrap();
        assert_eq!(params(&args.set).unwrap_err().exit(), Exit::BadInput);
    }

    #[test]
    fn the_exit_code_says_whether_items_failed() {
        assert_eq!(exit_of(RunStatus::Completed), Exit::Good);
        assert_eq!(exit_of(RunStatus::Failed), Exit::WorkFailed);
        assert_eq!(exit_of(RunStatus::Interrupted), Exit::Good);
    }

    #[test]
    fn the_summary_has_the_figures_and_says_where_to_look() {
        assert_eq!(
            summary(&report(RunStatus::Failed), ""),
            "run 3 of filings failed: 2 items, 1 failed in 1.2 s, 100 items/min\n`belljar status 3` shows it again"
        );
    }
}
