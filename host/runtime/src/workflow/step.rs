//! One step of a workflow, loaded: its plugin with its grants, its method, and what goes into it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use belljar_engine::{Method, WitType};
use serde_json::Value as Json;

use super::diagnostic::Problem;
use super::file::{Directory, Step as StepFile, Workflow, in_order};
use super::items::resolve_text;
use super::template::{Root, Template};
use crate::{DirectoryGrant, Error, Grants, Plugin, Runtime, http};

/// Times that a step may be tried again: 100.
const RETRIES_MAX: u32 = 100;
/// The wait before the first retry: 1 s, doubled each time.
const BACKOFF: Duration = Duration::from_secs(1);

/// A step, in an order in which every step comes after those that it needs.
pub(crate) struct Step {
    pub name: String,
    pub description: Option<String>,
    /// Linked with the granted directories that are there; those that are to be made are added when the run starts.
    pub plugin: Plugin,
    /// All grants.
    pub grants: Grants,
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

impl Step {
    /// Makes the granted directories that are missing, and links the plugin with all its grants.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] for a directory that cannot be made, and those of a link.
    pub(crate) fn prepare(&mut self) -> Result<(), Error> {
        for directory in self.grants.directories.iter().filter(|directory| !directory.host.is_dir()) {
            std::fs::create_dir_all(&directory.host).map_err(|error| {
                let directory = directory.host.display();
                Error::Setup(format!("the directory {directory} for the step `{}` cannot be made: {error}", self.name))
            })?;
        }
        if *self.plugin.grants() != self.grants {
            self.plugin = self.plugin.with_grants(self.grants.clone())?;
        }
        Ok(())
    }
}

/// A step whose plugin is loaded, before its needs are ordered.
pub(crate) struct Loaded<'a> {
    pub file: &'a StepFile,
    pub place: std::ops::Range<usize>,
    pub step: Step,
}

/// Loads a step's plugin and reads its bindings.
pub(crate) async fn load<'a>(
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
    // Directories that the workflow wants made are made when it runs, not when it is checked.
    let mut there = grants.clone();
    there.directories.retain(|directory| directory.host.is_dir());
    let plugin = match runtime.load_with(&path, there, limits).await {
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
        grants,
        method,
        needs: needs(file, &with, &record),
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
fn needs(file: &StepFile, with: &[Template], record: &[(String, Template)]) -> Vec<String> {
    let mut references = Vec::new();
    with.iter().chain(record.iter().map(|(_, value)| value)).for_each(|value| value.references(&mut references));
    let bound = references.into_iter().filter_map(|reference| match reference.root {
        Root::Step(name) => Some(name),
        _ => None,
    });
    let mut seen = HashSet::new();
    file.needs.iter().map(|name| name.get_ref().clone()).chain(bound).filter(|name| seen.insert(name.clone())).collect()
}

fn grants(file: &StepFile, params: &HashMap<String, String>) -> Result<Grants, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut grants = Grants { env: file.grants.env.clone(), compute: file.grants.compute, ..Grants::default() };
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
    if !directory.create && !host.is_dir() {
        return Err(at(format!("there is no directory {}", host.display()))
            .help("create it, set the parameter to another one, or add `create = true`"));
    }
    if host.exists() && !host.is_dir() {
        return Err(at(format!("{} is not a directory", host.display())));
    }
    Ok(Some(DirectoryGrant { host, guest: directory.guest.get_ref().clone(), access: directory.access }))
}
