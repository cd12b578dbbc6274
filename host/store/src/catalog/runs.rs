//! Runs: which commands were given, and how they ended.
//!
//! The same command finds its earlier run by a key. What to do with a run that is found is the caller's
//! decision; a run that is replaced by a fresh one keeps its records and loses its key.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::columns::{Json, json, name, named_states};
use super::{Catalog, items, steps, unknown};
use crate::clock::now_ms;
use crate::digest::Digest;
use crate::error::StoreError;

/// The most runs that one call of [`Catalog::runs`] returns.
pub const RUNS_LISTED_MAX: u32 = 10_000;

/// The number of a run. Numbers grow and are never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

named_states! {
    /// How far a run has come.
    RunStatus {
        /// A process is working on it.
        Running = "running",
        /// Every item completed.
        Completed = "completed",
        /// It ended, and some items failed.
        Failed = "failed",
        /// The process that worked on it stopped before the end.
        Interrupted = "interrupted",
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// Every item completed.
    Completed,
    /// Some items failed.
    Failed,
}

/// One command: a workflow with its parameters, and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What identifies the command; `None` once a fresh run has taken the key over.
    pub key: Option<String>,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's file.
    pub workflow_path: String,
    /// The digest of that file when the run was last begun or reopened.
    pub workflow_digest: Digest,
    /// The parameters, as JSON.
    pub params: Value,
    /// How far it has come.
    pub status: RunStatus,
    /// When it was begun, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When its status last changed, in milliseconds since 1970.
    pub updated_at_ms: i64,
    /// When it completed or failed, in milliseconds since 1970.
    pub finished_at_ms: Option<i64>,
}

/// What a run is begun with.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// What identifies the command, such as [`run_key`] of its name and parameters.
    pub key: &'a str,
    /// The workflow's name.
    pub workflow: &'a str,
    /// The workflow's file, as it is to be shown.
    pub workflow_path: &'a str,
    /// The digest of that file.
    pub workflow_digest: Digest,
    /// The parameters, as JSON.
    pub params: &'a Value,
}

/// Which runs to list; the default is all.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunFilter<'a> {
    /// Only runs of this workflow.
    pub workflow: Option<&'a str>,
    /// Only runs in this status.
    pub status: Option<RunStatus>,
}

/// The key of a command: the workflow's name and the digest of its parameters, whose order of names does
/// not matter.
pub fn run_key(workflow: &str, params: &Value) -> String {
    let mut params = params.clone();
    params.sort_all_objects();
    format!("{workflow}:{}", Digest::of(params.to_string().as_bytes()))
}

impl Catalog {
    /// The run of this key, or a new one. A run that was interrupted is running again; one that has
    /// completed or failed is returned as it ended, for the caller to [`reopen`](Self::reopen_run),
    /// replace by a [`new_run`](Self::new_run), or leave. The returned run tells by its
    /// `workflow_digest` whether the workflow's file has changed since.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::ReadOnly`], and those of SQLite.
    pub fn begin_or_resume_run(&self, new: &NewRun<'_>) -> Result<Run, StoreError> {
        self.write(|transaction| {
            let Some(run) = by_key(transaction, new.key)? else {
                return insert(transaction, new);
            };
            if run.status == RunStatus::Interrupted {
                set_status(transaction, run.id, RunStatus::Running, None)?;
            }
            by_id(transaction, run.id)
        })
    }

    /// A fresh run, which takes the key over from an earlier one. The earlier run keeps its records; if
    /// it was still running, it counts as interrupted.
    ///
    /// # Errors
    /// As [`begin_or_resume_run`](Self::begin_or_resume_run).
    pub fn new_run(&self, new: &NewRun<'_>) -> Result<Run, StoreError> {
        self.write(|transaction| {
            if let Some(earlier) = by_key(transaction, new.key)? {
                interrupt(transaction, Some(earlier.id))?;
                transaction.execute("UPDATE runs SET key = NULL WHERE id = ?1", [earlier.id.0])?;
            }
            insert(transaction, new)
        })
    }

    /// Lets a run go on, whatever its status: to retry the items that failed, to add items, or because
    /// the workflow's file, whose path and digest are recorded anew, has changed.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`], and those of SQLite.
    pub fn reopen_run(&self, run: RunId, workflow_path: &str, workflow_digest: Digest) -> Result<Run, StoreError> {
        let path = name("a workflow's path", workflow_path)?;
        self.write(|transaction| {
            set_status(transaction, run, RunStatus::Running, None)?;
            transaction.execute(
                "UPDATE runs SET workflow_path = ?2, workflow_digest = ?3 WHERE id = ?1",
                params![run.0, path, workflow_digest],
            )?;
            by_id(transaction, run)
        })
    }

    /// Records how a run ended.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`], and those of SQLite.
    pub fn finish_run(&self, run: RunId, outcome: RunOutcome) -> Result<Run, StoreError> {
        let status = match outcome {
            RunOutcome::Completed => RunStatus::Completed,
            RunOutcome::Failed => RunStatus::Failed,
        };
        self.write(|transaction| {
            set_status(transaction, run, status, Some(now_ms()))?;
            by_id(transaction, run)
        })
    }

    /// Records that this process stops working on a run before its end, as when its user asks it to.
    /// Steps that are running become pending. A run that is not running is left as it is.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`], and those of SQLite.
    pub fn interrupt_run(&self, run: RunId) -> Result<Run, StoreError> {
        self.write(|transaction| {
            interrupt(transaction, Some(run))?;
            by_id(transaction, run)
        })
    }

    /// A run by its number.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`], and those of SQLite.
    pub fn run(&self, run: RunId) -> Result<Run, StoreError> {
        self.read(|connection| by_id(connection, run))
    }

    /// The newest runs that satisfy `filter`, newest first: at most `limit`, and never more than
    /// [`RUNS_LISTED_MAX`].
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn runs(&self, filter: &RunFilter<'_>, limit: u32) -> Result<Vec<Run>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM runs
                 WHERE (:workflow IS NULL OR workflow = :workflow)
                   AND (:status IS NULL OR status = :status)
                 ORDER BY id DESC LIMIT :limit",
            )?;
            let values = named_params! {
                ":workflow": filter.workflow,
                ":status": filter.status,
                ":limit": limit.min(RUNS_LISTED_MAX),
            };
            let runs = statement.query_map(values, from_row)?;
            Ok(runs.collect::<Result<_, _>>()?)
        })
    }

    /// Marks everything that a dead process has left running.
    pub(super) fn mark_interrupted(&self) -> Result<(), StoreError> {
        let runs = self.write(|transaction| interrupt(transaction, None))?;
        if runs > 0 {
            tracing::info!(runs, "found runs that were interrupted");
        }
        Ok(())
    }
}

fn insert(transaction: &Transaction<'_>, new: &NewRun<'_>) -> Result<Run, StoreError> {
    let now = now_ms();
    transaction.execute(
        "INSERT INTO runs (key, workflow, workflow_path, workflow_digest, params, status,
                           created_at_ms, updated_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        params![
            name("a run's key", new.key)?,
            name("a workflow's name", new.workflow)?,
            name("a workflow's path", new.workflow_path)?,
            new.workflow_digest,
            json("the parameters", new.params)?,
            RunStatus::Running,
            now,
        ],
    )?;
    let run = RunId(transaction.last_insert_rowid());
    items::insert_run_item(transaction, run, now)?;
    by_id(transaction, run)
}

/// Marks running runs (one, or all) as interrupted and their running steps as pending; returns how many
/// runs that were.
fn interrupt(transaction: &Transaction<'_>, run: Option<RunId>) -> Result<usize, StoreError> {
    let run = run.map(|run| run.0);
    steps::stop_running(transaction, run)?;
    Ok(transaction.execute(
        "UPDATE runs SET status = ?2, updated_at_ms = ?3
         WHERE status = ?4 AND (?1 IS NULL OR id = ?1)",
        params![run, RunStatus::Interrupted, now_ms(), RunStatus::Running],
    )?)
}

fn set_status(
    transaction: &Transaction<'_>,
    run: RunId,
    status: RunStatus,
    finished_at_ms: Option<i64>,
) -> Result<(), StoreError> {
    transaction.execute(
        "UPDATE runs SET status = ?2, updated_at_ms = ?3, finished_at_ms = ?4 WHERE id = ?1",
        params![run.0, status, now_ms(), finished_at_ms],
    )?;
    Ok(())
}

fn by_id(connection: &Connection, run: RunId) -> Result<Run, StoreError> {
    connection
        .prepare_cached("SELECT * FROM runs WHERE id = ?1")?
        .query_row([run.0], from_row)
        .optional()?
        .ok_or_else(|| unknown(format_args!("run {run}")))
}

fn by_key(connection: &Connection, key: &str) -> Result<Option<Run>, StoreError> {
    Ok(connection.prepare_cached("SELECT * FROM runs WHERE key = ?1")?.query_row([key], from_row).optional()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: RunId(row.get("id")?),
        key: row.get("key")?,
        workflow: row.get("workflow")?,
        workflow_path: row.get("workflow_path")?,
        workflow_digest: row.get("workflow_digest")?,
        params: row.get::<_, Json<Value>>("params")?.0,
        status: row.get("status")?,
        created_at_ms: row.get("created_at_ms")?,
        updated_at_ms: row.get("updated_at_ms")?,
        finished_at_ms: row.get("finished_at_ms")?,
    })
}
