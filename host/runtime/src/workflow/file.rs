//! The TOML of a workflow, as it is written. Every value that a problem may be about keeps its place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::diagnostic::{Problem, WorkflowError};
use crate::{Access, Limits};

/// Bytes of a workflow file: 1 MiB.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Steps of a workflow: 1,000.
const STEPS_MAX: usize = 1_000;

/// A workflow file that was read and is well-formed. What it says is checked by [`plan`](super::plan()).
#[derive(Debug, Clone)]
pub struct Workflow {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<str>,
    pub(crate) file: Arc<File>,
}

/// A parameter, as a caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Its value when none is given.
    pub default: Option<&'a str>,
    /// Whether a value has to be given.
    pub required: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub name: Spanned<String>,
    pub description: Option<String>,
    pub workers: Option<Spanned<usize>>,
    #[serde(default)]
    pub params: HashMap<Spanned<String>, Param>,
    pub for_each: Option<Spanned<ForEach>>,
    pub steps: HashMap<Spanned<String>, Spanned<Step>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Param {
    pub description: Option<String>,
    pub default: Option<String>,
}

/// Where the items come from: one of `folders`, `files` and `values`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForEach {
    /// The names of the folders in this directory.
    pub folders: Option<Spanned<String>>,
    /// The names of the files in this directory.
    pub files: Option<Spanned<String>>,
    /// With `files`: only names that end so.
    pub ending: Option<Spanned<String>>,
    /// These.
    pub values: Option<Spanned<toml::Value>>,
    /// Only these, separated by commas; empty for all. One that is not in the directory becomes an item all the
    /// same, and fails with the plugin's own error.
    pub select: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub description: Option<String>,
    pub plugin: Spanned<String>,
    pub function: Spanned<String>,
    #[serde(default)]
    pub with: HashMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    #[serde(default)]
    pub once: bool,
    pub retries: Option<Spanned<u32>>,
    pub backoff: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
    #[serde(default)]
    pub grants: StepGrants,
    pub limits: Option<Limits>,
    pub status: Option<Status>,
    #[serde(default)]
    pub record: HashMap<Spanned<String>, Spanned<toml::Value>>,
}

/// What an item's status says while a step runs, and when it is done.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Status {
    pub running: Option<String>,
    pub done: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StepGrants {
    pub directories: Vec<Directory>,
    pub env: Vec<String>,
    pub http: Vec<Spanned<String>>,
    pub compute: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directory {
    pub host: Spanned<String>,
    pub guest: Spanned<String>,
    #[serde(default)]
    pub access: Access,
    /// Whether the directory is made when it is missing.
    #[serde(default)]
    pub create: bool,
    /// Whether the grant is left out when `host` comes out empty.
    #[serde(default)]
    pub optional: bool,
}

impl Workflow {
    /// Reads a workflow file.
    ///
    /// # Errors
    ///
    /// [`WorkflowError`] with the place of what is not TOML, unknown, missing or of the wrong type.
    pub fn read(path: &Path) -> Result<Workflow, WorkflowError> {
        let empty: Arc<str> = "".into();
        let unreadable = |message: String| {
            let help = "name a workflow file such as examples/workflows/filings.toml";
            WorkflowError::new(path, &empty, vec![Problem::new(message).help(help)])
        };
        let size_bytes = std::fs::metadata(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?.len();
        if size_bytes > FILE_BYTES_MAX {
            return Err(unreadable(format!("has {size_bytes} bytes, and a workflow may have {FILE_BYTES_MAX}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        Workflow::parse(path, &text)
    }

    /// Reads a workflow from text; `path` is where its plugins are looked up from, and what errors name.
    ///
    /// # Errors
    ///
    /// As [`Workflow::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Workflow, WorkflowError> {
        let shared: Arc<str> = text.into();
        let file: File = toml::from_str(text).map_err(|error| {
            let problem = Problem::new(error.message().to_owned());
            let problem = match error.span() {
                Some(span) => problem.at(span),
                None => problem,
            };
            WorkflowError::new(path, &shared, vec![problem])
        })?;
        if file.steps.len() > STEPS_MAX {
            let problem = Problem::new(format!("has {} steps, and may have {STEPS_MAX}", file.steps.len()));
            return Err(WorkflowError::new(path, &shared, vec![problem]));
        }
        Ok(Workflow { path: path.to_owned(), text: shared, file: Arc::new(file) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.file.name.get_ref()
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        self.file.description.as_deref()
    }

    /// Its parameters, in the order in which they are written.
    pub fn params(&self) -> impl Iterator<Item = ParamInfo<'_>> {
        in_order(&self.file.params).into_iter().map(|(name, param)| ParamInfo {
            name: name.get_ref(),
            description: param.description.as_deref(),
            default: param.default.as_deref(),
            required: param.default.is_none(),
        })
    }

    /// The folder that relative plugin paths start from.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    pub(crate) fn error(&self, problems: Vec<Problem>) -> WorkflowError {
        WorkflowError::new(&self.path, &self.text, problems)
    }
}

/// The entries of a table, in the order in which they are written.
pub(crate) fn in_order<V>(table: &HashMap<Spanned<String>, V>) -> Vec<(&Spanned<String>, &V)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}
