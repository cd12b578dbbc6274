//! A workflow that was checked whole: its plugins loaded, its bindings typed, its items found. Nothing has run yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use belljar_engine::{Method, WitType};
use belljar_store::{Digest, Run, RunFilter, RunStatus, StepState, run_key};
use serde::Serialize;
use serde_json::Value as Json;

use super::check::Scope;
use super::diagnostic::Problem;
use super::file::{Directory, Step as StepFile, Workflow, in_order};
use super::items::{self, resolve_text};
use super::records::Records;
use super::template::{Root, Template};
use crate::{DirectoryGrant, Error, Grants, Plugin, Runtime, http};

/// Items that a run works on at the same time, unless told otherwise: 4.
pub(crate) const WORKERS: usize = 4;
/// Items that a run may work on at the same time: 256.
pub(crate) const WORKERS_MAX: usize = 256;
/// Times that a step may be tried again: 100.
const RETRIES_MAX: u32 = 100;
/// The wait before the first retry: 1 s, doubled each time.
const BACKOFF: Duration = Duration::from_secs(1);

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

/// A checked workflow, ready to [run](super::run).
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

/// A step, in an order in which every step comes after those that it needs.
pub(crate) struct Step {
    pub name: String,
    pub description: Option<String>,
    pub plugin: Plugin,
    pub method: Method,
    pub with: Vec<Template>,
    pub record: Vec<(String, Template)>,
    pub needs: Vec<String>,
    pub once: bool,
    pub retries: u32,
    pub backoff: Duration,
    pub status_running: Option<String>,
    pub status_done: Option<String>,
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
            grants: step.plugin.grants().clone(),
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

    /// What tells this call from others: the workflow's text and the parameters. A workflow that was edited is
    /// another one.
    pub(crate) fn key(&self) -> String {
        format!("{}@{}", run_key(&self.workflow, &self.params_json()), self.workflow_digest)
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
    problems.append(&mut check_bindings(workflow, &steps, &params));
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
    plan.done = done(&plan).await?;
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

/// A step whose plugin is loaded, before its needs are ordered.
struct Loaded<'a> {
    file: &'a StepFile,
    place: std::ops::Range<usize>,
    step: Step,
}

async fn load<'a>(
    runtime: &Runtime,
    workflow: &'a Workflow,
    name: &str,
    file: &'a StepFile,
    params: &HashMap<String, String>,
) -> Result<Loaded<'a>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut duration = |text: &Option<toml::Spanned<String>>, default: Option<Duration>| match text {
        None => default,
        Some(text) => match humantime::parse_duration(text.get_ref()) {
            Ok(duration) => Some(duration),
            Err(error) => {
                let problem = Problem::new(format!("`{}` is not a duration: {error}", text.get_ref()));
                problems.push(problem.at(text.span()).help("write it as 500ms, 30s or 5m"));
                default
            }
        },
    };
    let backoff = duration(&file.backoff, Some(BACKOFF)).unwrap_or(BACKOFF);
    let timeout = duration(&file.timeout, None);
    let retries = file.retries.as_ref().map_or(0, |retries| *retries.get_ref());
    if let Some(place) = file.retries.as_ref().filter(|_| retries > RETRIES_MAX) {
        problems.push(Problem::new(format!("{retries} retries: at most {RETRIES_MAX}")).at(place.span()));
    }
    let grants = grants(file, params).unwrap_or_else(|mut its| {
        problems.append(&mut its);
        Grants::default()
    });
    let path: PathBuf = match resolve_text(&file.plugin, params) {
        Ok(path) => workflow.folder().join(path),
        Err(problem) => {
            problems.push(problem);
            return Err(problems);
        }
    };
    let limits = file.limits.clone().unwrap_or_default();
    let plugin = match runtime.load_with(&path, grants, limits).await {
        Ok(plugin) => plugin,
        Err(error) => {
            let problem = Problem::new(error.to_string()).at(file.plugin.span());
            problems.push(if path.exists() { problem } else { problem.help("build it with `cargo xtask plugins`") });
            return Err(problems);
        }
    };
    let plugin = match timeout {
        Some(timeout) => plugin.with_deadline(timeout),
        None => plugin,
    };
    let method = match plugin.component().method(file.function.get_ref()) {
        Ok(method) => method.clone(),
        Err(error) => {
            problems.push(Problem::new(error.to_string()).at(file.function.span()));
            return Err(problems);
        }
    };
    let mut with = Vec::new();
    for param in &method.params {
        match file.with.iter().find(|(name, _)| *name.get_ref() == param.name) {
            Some((_, value)) => match Template::parse(value.get_ref()) {
                Ok(template) => with.push(template),
                Err(message) => problems.push(Problem::new(message).at(value.span())),
            },
            None if matches!(param.ty, WitType::Option(_)) => with.push(Template::Literal(Json::Null)),
            None => problems.push(
                Problem::new(format!("the step `{name}` gives no `{}: {}`", param.name, param.ty))
                    .at(file.function.span())
                    .help(format!("the method is `{}`; add it under `with`", method.signature())),
            ),
        }
    }
    for (extra, _) in in_order(&file.with) {
        if !method.params.iter().any(|param| param.name == *extra.get_ref()) {
            let problem = Problem::new(format!("the method has no parameter `{}`", extra.get_ref())).at(extra.span());
            problems.push(problem.help(format!("it is `{}`", method.signature())));
        }
    }
    let mut record = Vec::new();
    for (field, value) in in_order(&file.record) {
        match Template::parse(value.get_ref()) {
            Ok(template) => record.push((field.get_ref().clone(), template)),
            Err(message) => problems.push(Problem::new(message).at(value.span())),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let status = file.status.as_ref();
    let step = Step {
        name: name.to_owned(),
        description: file.description.clone(),
        plugin,
        method,
        needs: needs(file, &with),
        with,
        record,
        once: file.once || workflow.file.for_each.is_none(),
        retries,
        backoff,
        status_running: status.and_then(|status| status.running.clone()),
        status_done: status.and_then(|status| status.done.clone()),
    };
    Ok(Loaded { file, place: file.plugin.span(), step })
}

/// The steps that a step needs: those that it names, and those that its bindings refer to.
fn needs(file: &StepFile, with: &[Template]) -> Vec<String> {
    let mut references = Vec::new();
    with.iter().for_each(|template| template.references(&mut references));
    let bound = references.into_iter().filter_map(|reference| match reference.root {
        Root::Step(name) => Some(name),
        _ => None,
    });
    let mut seen = HashSet::new();
    file.needs.iter().map(|name| name.get_ref().clone()).chain(bound).filter(|name| seen.insert(name.clone())).collect()
}

fn grants(file: &StepFile, params: &HashMap<String, String>) -> Result<Grants, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut grants = Grants { env: file.grants.env.clone(), ..Grants::default() };
    for directory in &file.grants.directories {
        match directory_grant(directory, params) {
            Ok(grant) => grants.directories.extend(grant),
            Err(problem) => problems.push(problem),
        }
    }
    for origin in &file.grants.http {
        let origin_text = resolve_text(origin, params);
        match origin_text.and_then(|text| http::normal_origin(&text).map_err(|m| Problem::new(m).at(origin.span()))) {
            Ok(origin) => grants.http.push(origin),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(grants) } else { Err(problems) }
}

fn directory_grant(directory: &Directory, params: &HashMap<String, String>) -> Result<Option<DirectoryGrant>, Problem> {
    let host = resolve_text(&directory.host, params)?;
    if host.is_empty() && directory.optional {
        return Ok(None);
    }
    let at = |message: String| Problem::new(message).at(directory.host.span());
    if host.is_empty() {
        return Err(at("the directory's path is empty".to_owned()).help("set the parameter with --set"));
    }
    let host = PathBuf::from(host);
    if directory.create {
        std::fs::create_dir_all(&host)
            .map_err(|error| at(format!("the directory {} cannot be made: {error}", host.display())))?;
    } else if !host.is_dir() {
        return Err(at(format!("there is no directory {}", host.display()))
            .help("create it, set the parameter to another one, or add `create = true`"));
    }
    Ok(Some(DirectoryGrant { host, guest: directory.guest.get_ref().clone(), access: directory.access }))
}

/// Puts steps behind those that they need, in the file's order otherwise.
fn order(workflow: &Workflow, loaded: Vec<Loaded<'_>>, complete: bool) -> Result<Vec<Step>, Vec<Problem>> {
    let names: HashSet<&str> = workflow.file.steps.keys().map(|name| name.get_ref().as_str()).collect();
    let once: HashMap<String, bool> = loaded.iter().map(|l| (l.step.name.clone(), l.step.once)).collect();
    let mut problems = Vec::new();
    for Loaded { file, place, step } in &loaded {
        for need in &step.needs {
            let place = file.needs.iter().find(|name| name.get_ref() == need).map_or(place.clone(), |n| n.span());
            if !names.contains(need.as_str()) {
                problems
                    .push(Problem::new(format!("`{}` needs `{need}`, and there is no such step", step.name)).at(place));
            } else if !step.once && once.get(need) == Some(&true) {
                problems.push(
                    Problem::new(format!("`{}` needs `{need}`, which runs once, after the items", step.name)).at(place),
                );
            }
        }
    }
    if !complete || !problems.is_empty() {
        return Err(problems);
    }
    let mut waiting: Vec<Loaded<'_>> = loaded;
    let mut ordered: Vec<Step> = Vec::new();
    while !waiting.is_empty() {
        let ready = |loaded: &Loaded<'_>| loaded.step.needs.iter().all(|need| ordered.iter().any(|s| s.name == *need));
        match waiting.iter().position(ready) {
            Some(at) => ordered.push(waiting.remove(at).step),
            None => {
                let names: Vec<&str> = waiting.iter().map(|loaded| loaded.step.name.as_str()).collect();
                let problem = Problem::new(format!("the steps {} need each other in a circle", names.join(", ")));
                return Err(vec![problem.at(waiting[0].place.clone()).help("take one of the references out")]);
            }
        }
    }
    Ok(ordered)
}

fn check_bindings(workflow: &Workflow, steps: &[Step], params: &HashMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let has_items = workflow.file.for_each.is_some();
    let of_items: HashMap<&str, Option<&WitType>> =
        steps.iter().filter(|step| !step.once).map(|step| (step.name.as_str(), output_type(&step.method))).collect();
    for (at, step) in steps.iter().enumerate() {
        let Some(file) = workflow.file.steps.get(step.name.as_str()).map(toml::Spanned::get_ref) else { continue };
        let visible = |other: &&Step| !(step.once && has_items) || other.once;
        let each =
            Scope { params, steps: of_items.clone(), forbidden: HashMap::new(), output: None, item: true, each: None };
        let mut scope = Scope {
            params,
            steps: steps[..at]
                .iter()
                .filter(visible)
                .map(|other| (other.name.as_str(), output_type(&other.method)))
                .collect(),
            forbidden: steps[..at]
                .iter()
                .filter(|other| !visible(other))
                .map(|other| (other.name.as_str(), "it runs for every item; put the value into `{ each = … }`"))
                .collect(),
            output: None,
            item: has_items && !step.once,
            each: (has_items && step.once).then_some(&each),
        };
        for (param, template) in step.method.params.iter().zip(&step.with) {
            if let Err(message) = scope.check(template, &param.ty) {
                let place = file.with.iter().find(|(name, _)| *name.get_ref() == param.name);
                let problem = Problem::new(format!("`{}`: {message}", param.name));
                let problem = problem.help(format!("the method is `{}`", step.method.signature()));
                problems.push(problem.at(place.map_or(file.function.span(), |(_, value)| value.span())));
            }
        }
        scope.output = output_type(&step.method);
        for (field, template) in &step.record {
            if let Err(message) = scope.check_any(template) {
                let place = file.record.iter().find(|(name, _)| name.get_ref() == field);
                let problem = Problem::new(format!("`{field}`: {message}"));
                problems.push(problem.at(place.map_or(file.function.span(), |(_, value)| value.span())));
            }
        }
    }
    problems
}

/// What a step's output is: the method's result, without the error of a `result`.
fn output_type(method: &Method) -> Option<&WitType> {
    match &method.result {
        Some(WitType::Result(ok, _)) => ok.as_deref(),
        other => other.as_ref(),
    }
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

/// A step and all that depend on it.
fn with_dependents(steps: &[Step], from: &str) -> HashSet<String> {
    let mut found = HashSet::from([from.to_owned()]);
    for step in steps {
        // One pass is enough, because every step comes after those that it needs. A step that runs once depends on
        // all that run for the items.
        if step.needs.iter().any(|need| found.contains(need)) {
            found.insert(step.name.clone());
        }
    }
    found
}

/// The steps that an earlier process completed, by item.
async fn done(plan: &Plan) -> Result<BTreeMap<String, Vec<String>>, Error> {
    if plan.fresh {
        return Ok(BTreeMap::new());
    }
    let (key, workflow, again) = (plan.key(), plan.workflow.clone(), plan.again.clone());
    plan.records
        .with(move |catalog| {
            let filter = RunFilter { workflow: Some(&workflow), status: None };
            let runs: Vec<Run> = catalog.runs(&filter, belljar_store::RUNS_LISTED_MAX)?;
            let Some(run) = runs.into_iter().find(|run| run.key.as_deref() == Some(&key)) else {
                return Ok(BTreeMap::new());
            };
            let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for step in catalog.steps(run.id)? {
                if step.state == StepState::Completed && !again.contains(&step.step) {
                    done.entry(step.item).or_default().push(step.step);
                }
            }
            Ok(done)
        })
        .await
}

/// Whether a run is over.
pub(crate) fn is_over(status: RunStatus) -> bool {
    matches!(status, RunStatus::Completed | RunStatus::Failed)
}
