//! A workflow that was checked whole: its plugins loaded, its bindings typed, its items found. Nothing has run yet.

use std::collections::{BTreeMap, HashMap, HashSet};

use belljar_store::{Digest, Run, RunFilter, RunStatus, StepState, run_key};
use serde::Serialize;
use serde_json::Value as Json;

use super::bindings;
use super::diagnostic::Problem;
use super::file::{Workflow, in_order};
use super::items::{self, resolve_text};
use super::order::{order, with_dependents};
use super::records::Records;
use super::step::{Step, load};
use crate::{Error, Grants, Runtime};

/// Items that a run works on at the same time, unless told otherwise: 4.
const WORKERS: usize = 4;
/// Items that a run may work on at the same time: 256.
const WORKERS_MAX: usize = 256;

/// How a workflow is called.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Values of its parameters.
    pub params: BTreeMap<String, String>,
    /// Only these steps; empty for all.
    pub only: Vec<String>,
    /// Run this step and those that depend on it again, even where they completed.
    pub from: Option<String>,
    /// Start anew, where the same call would go on with an earlier run.
    pub fresh: bool,
    /// Items at the same time.
    pub workers: Option<usize>,
}

/// A checked workflow, ready to [run](super::run()).
pub struct Plan {
    pub(crate) workflow: String,
    pub(crate) workflow_path: String,
    pub(crate) workflow_digest: Digest,
    pub(crate) params: HashMap<String, String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) items: Vec<String>,
    pub(crate) workers: usize,
    pub(crate) only: HashSet<String>,
    pub(crate) again: HashSet<String>,
    pub(crate) fresh: bool,
    pub(crate) records: Records,
    done: BTreeMap<String, Vec<String>>,
}

/// What a plan comes to, for people and scripts.
#[derive(Debug, Clone, Serialize)]
pub struct PlanSummary {
    /// The workflow's name.
    pub workflow: String,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its steps, in order.
    pub steps: Vec<PlannedStep>,
    /// Its items, in order.
    pub items: Vec<PlannedItem>,
}

/// A step of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// What it does, in the workflow's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The plugin's name.
    pub plugin: String,
    /// The method, as WIT has it.
    pub signature: String,
    /// The steps that it needs.
    pub needs: Vec<String>,
    /// Whether it runs once, after the items.
    pub once: bool,
    /// What the plugin was granted.
    pub grants: Grants,
}

/// An item of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedItem {
    /// Its key.
    pub item: String,
    /// The steps that completed in an earlier process and will not run again.
    pub done: Vec<String>,
}

impl Plan {
    /// What the plan comes to.
    pub fn summary(&self) -> PlanSummary {
        let steps = self.steps.iter().map(|step| PlannedStep {
            name: step.name.clone(),
            description: step.description.clone(),
            plugin: step.plugin.component().name().to_owned(),
            signature: step.method.signature(),
            needs: step.needs.clone(),
            once: step.once,
            grants: step.grants.clone(),
        });
        let done = |item: &String| self.done.get(item).cloned().unwrap_or_default();
        PlanSummary {
            workflow: self.workflow.clone(),
            params: self.params.clone().into_iter().collect(),
            steps: steps.collect(),
            items: self.items.iter().map(|item| PlannedItem { item: item.clone(), done: done(item) }).collect(),
        }
    }

    pub(crate) fn params_json(&self) -> Json {
        self.params.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect()
    }

    /// What tells this call from others: the workflow's text, its plugins, the parameters, and the folder that
    /// relative paths among them start from. What was done with another one of these is not taken for done.
    pub(crate) fn key(&self) -> String {
        let plugins: Vec<String> = self.steps.iter().map(|step| step.plugin.component().digest().to_string()).collect();
        let folder = std::env::current_dir().unwrap_or_default();
        let all = serde_json::json!({
            "params": self.params_json(),
            "workflow": self.workflow_digest,
            "plugins": plugins,
            "folder": folder.display().to_string(),
        });
        run_key(&self.workflow, &all)
    }
}

/// Checks a workflow and how it is called, and loads its plugins.
///
/// # Errors
///
/// [`Error::Workflow`] with every problem that was found; [`Error::Store`] when the data directory fails.
pub async fn plan(runtime: &Runtime, workflow: &Workflow, options: &RunOptions) -> Result<Plan, Error> {
    let records = Records::open(runtime)?;
    let params = params(workflow, options).map_err(|problems| workflow.error(problems))?;
    let mut problems = Vec::new();
    let mut loaded = Vec::new();
    for (name, file) in in_order(&workflow.file.steps) {
        match load(runtime, workflow, name.get_ref(), file.get_ref(), &params).await {
            Ok(step) => loaded.push(step),
            Err(mut its) => problems.append(&mut its),
        }
    }
    let steps = match order(workflow, loaded, problems.is_empty()) {
        Ok(steps) => steps,
        Err(mut its) => {
            problems.append(&mut its);
            Vec::new()
        }
    };
    problems.append(&mut bindings::check(workflow, &steps, &params));
    let items = match &workflow.file.for_each {
        Some(for_each) => items::find(for_each, &mut |text| resolve_text(text, &params)).unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        }),
        None => Vec::new(),
    };
    problems.append(&mut check_options(options, &steps));
    let workers = options.workers.or(workflow.file.workers.as_ref().map(|w| *w.get_ref())).unwrap_or(WORKERS);
    if !(1..=WORKERS_MAX).contains(&workers) {
        let problem = Problem::new(format!("{workers} workers: it must be 1 to {WORKERS_MAX}"));
        problems.push(match &workflow.file.workers {
            Some(place) if options.workers.is_none() => problem.at(place.span()),
            _ => problem,
        });
    }
    if !problems.is_empty() {
        return Err(workflow.error(problems).into());
    }
    let again = options.from.as_deref().map(|from| with_dependents(&steps, from)).unwrap_or_default();
    let mut plan = Plan {
        workflow: workflow.name().to_owned(),
        workflow_path: workflow.path.display().to_string(),
        workflow_digest: Digest::of(workflow.text.as_bytes()),
        params,
        steps,
        items,
        workers,
        only: options.only.iter().cloned().collect(),
        again,
        fresh: options.fresh,
        records,
        done: BTreeMap::new(),
    };
    let earlier = earlier(&plan).await?;
    plan.done = earlier.done;
    // Items that an earlier process took in belong to the run, also when their source has moved on.
    let known: HashSet<String> = plan.items.iter().cloned().collect();
    plan.items.extend(earlier.items.into_iter().filter(|item| !known.contains(item)));
    if let (Some(for_each), true) = (&workflow.file.for_each, plan.items.is_empty()) {
        let problem = Problem::new("[for_each] finds no item").at(for_each.span());
        return Err(workflow.error(vec![problem.help("correct the directory, its parameter, or `select`")]).into());
    }
    Ok(plan)
}

/// The parameters' values, and what is wrong with those that were given.
fn params(workflow: &Workflow, options: &RunOptions) -> Result<HashMap<String, String>, Vec<Problem>> {
    let known: Vec<String> = workflow
        .params()
        .map(|param| match param.description {
            Some(description) => format!("{} ({description})", param.name),
            None => param.name.to_owned(),
        })
        .collect();
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    let mut problems: Vec<Problem> = options
        .params
        .keys()
        .filter(|name| !workflow.params().any(|param| param.name == **name))
        .map(|name| Problem::new(format!("there is no parameter `{name}`")).help(known.clone()))
        .collect();
    let mut values = HashMap::new();
    for (name, param) in in_order(&workflow.file.params) {
        match options.params.get(name.get_ref()).or(param.default.as_ref()) {
            Some(value) => {
                values.insert(name.get_ref().clone(), value.clone());
            }
            None => {
                let what = param.description.as_deref().unwrap_or("it has no default");
                problems.push(
                    Problem::new(format!("the parameter `{}` is missing: {what}", name.get_ref()))
                        .at(name.span())
                        .help(format!("add --set {}=VALUE", name.get_ref())),
                );
            }
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

fn check_options(options: &RunOptions, steps: &[Step]) -> Vec<Problem> {
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    options
        .only
        .iter()
        .chain(&options.from)
        .filter(|name| !steps.is_empty() && !names.contains(&name.as_str()))
        .map(|name| {
            Problem::new(format!("there is no step `{name}`")).help(format!("the steps are {}", names.join(", ")))
        })
        .collect()
}

/// What earlier processes did of the same run.
#[derive(Default)]
struct Earlier {
    /// Its items, in order.
    items: Vec<String>,
    /// The steps that completed, by item.
    done: BTreeMap<String, Vec<String>>,
}

async fn earlier(plan: &Plan) -> Result<Earlier, Error> {
    if plan.fresh {
        return Ok(Earlier::default());
    }
    let (key, workflow, again) = (plan.key(), plan.workflow.clone(), plan.again.clone());
    plan.records
        .with(move |catalog| {
            let filter = RunFilter { workflow: Some(&workflow), status: None };
            let runs: Vec<Run> = catalog.runs(&filter, belljar_store::RUNS_LISTED_MAX)?;
            let Some(run) = runs.into_iter().find(|run| run.key.as_deref() == Some(&key)) else {
                return Ok(Earlier::default());
            };
            let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for step in catalog.steps(run.id)? {
                if step.state == StepState::Completed && !again.contains(&step.step) {
                    done.entry(step.item).or_default().push(step.step);
                }
            }
            Ok(Earlier { items: catalog.items(run.id)?.into_iter().map(|item| item.key).collect(), done })
        })
        .await
}

/// Whether a run is over.
pub(crate) fn is_over(status: RunStatus) -> bool {
    matches!(status, RunStatus::Completed | RunStatus::Failed)
}
