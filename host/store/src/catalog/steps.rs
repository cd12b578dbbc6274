//! Steps: the calls of a run, for each item. A step has a row from its first start on; what its end
//! changes about its item is recorded in the same transaction as its output, so that after a crash either
//! both are there or the step runs again.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde_json::Value;

use super::columns::{Json, json, message, name, named_states};
use super::items::{self, ItemUpdate};
use super::{Catalog, RunId, unknown};
use crate::clock::now_ms;
use crate::digest::Digest;
use crate::error::StoreError;

named_states! {
    /// How far a step has come.
    StepState {
        /// It is to run again: the process stopped during it, or its item was reset.
        Pending = "pending",
        /// A worker is on it.
        Running = "running",
        /// Its output is recorded.
        Completed = "completed",
        /// Its last attempt failed.
        Failed = "failed",
        /// It will not run, because a step that it needs failed.
        Skipped = "skipped",
    }
}

/// Which step is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepKey<'a> {
    /// The run.
    pub run: RunId,
    /// The item's key; [`RUN_ITEM`](super::RUN_ITEM) for a step outside of `for_each`.
    pub item: &'a str,
    /// The step's name in the workflow.
    pub step: &'a str,
}

/// One call for one item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The run.
    pub run: RunId,
    /// The item's key.
    pub item: String,
    /// The step's name in the workflow.
    pub step: String,
    /// How far it has come.
    pub state: StepState,
    /// How often it was started.
    pub attempts: u32,
    /// What it returned, as JSON, once it has completed.
    pub output: Option<Value>,
    /// The digest of its inputs, as the caller computed it.
    pub inputs_digest: Option<Digest>,
    /// The durable objects that its output names.
    pub objects: Vec<Digest>,
    /// Why it failed or was skipped.
    pub error: Option<String>,
    /// Who worked on it last.
    pub worker: Option<String>,
    /// When its last attempt started, in milliseconds since 1970.
    pub started_at_ms: Option<i64>,
    /// When its last attempt ended, in milliseconds since 1970.
    pub finished_at_ms: Option<i64>,
}

impl Catalog {
    /// Records that a worker starts a step, and returns which attempt this is, from 1 on. An output of an
    /// earlier attempt is forgotten.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`] for the item, [`StoreError::TooLarge`], and those of SQLite.
    pub fn step_started(
        &self,
        key: StepKey<'_>,
        inputs_digest: Option<Digest>,
        worker: &str,
        item: &ItemUpdate<'_>,
    ) -> Result<u32, StoreError> {
        let step = name("a step's name", key.step)?;
        let worker = name("a worker's name", worker)?;
        self.write(|transaction| {
            items::update(transaction, key.run, key.item, item)?;
            let mut statement = transaction.prepare_cached(
                "INSERT INTO steps (run, item, step, state, attempts, inputs_digest, objects, worker,
                                    started_at_ms)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, '[]', ?6, ?7)
                 ON CONFLICT DO UPDATE SET
                     state = excluded.state, attempts = attempts + 1, output = NULL,
                     inputs_digest = excluded.inputs_digest, objects = '[]', error = NULL,
                     worker = excluded.worker, started_at_ms = excluded.started_at_ms,
                     finished_at_ms = NULL
                 RETURNING attempts",
            )?;
            let running = StepState::Running;
            let values = params![key.run.0, key.item, step, running, inputs_digest, worker, now_ms()];
            Ok(statement.query_row(values, |row| row.get(0))?)
        })
    }

    /// Records a running step's output, the durable objects that it names, and what it changes about its
    /// item.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`] unless the step is running, [`StoreError::TooLarge`], and those of
    /// SQLite; nothing is recorded then.
    pub fn step_completed(
        &self,
        key: StepKey<'_>,
        output: &Value,
        objects: &[Digest],
        item: &ItemUpdate<'_>,
    ) -> Result<(), StoreError> {
        let output = json("a step's output", output)?;
        let objects = json("a step's list of objects", &objects)?;
        self.write(|transaction| {
            let changed = transaction
                .prepare_cached(
                    "UPDATE steps SET state = ?4, output = ?5, objects = ?6, finished_at_ms = ?7
                     WHERE run = ?1 AND item = ?2 AND step = ?3 AND state = ?8",
                )?
                .execute(params![
                    key.run.0,
                    key.item,
                    key.step,
                    StepState::Completed,
                    output,
                    objects,
                    now_ms(),
                    StepState::Running,
                ])?;
            require_running(changed, key)?;
            items::update(transaction, key.run, key.item, item)
        })
    }

    /// Records that a running step failed, and what that changes about its item. A step that is tried
    /// again is simply started again.
    ///
    /// # Errors
    /// As [`step_completed`](Self::step_completed).
    pub fn step_failed(&self, key: StepKey<'_>, error: &str, item: &ItemUpdate<'_>) -> Result<(), StoreError> {
        self.write(|transaction| {
            let changed = transaction
                .prepare_cached(
                    "UPDATE steps SET state = ?4, error = ?5, finished_at_ms = ?6
                     WHERE run = ?1 AND item = ?2 AND step = ?3 AND state = ?7",
                )?
                .execute(params![
                    key.run.0,
                    key.item,
                    key.step,
                    StepState::Failed,
                    message(error),
                    now_ms(),
                    StepState::Running,
                ])?;
            require_running(changed, key)?;
            items::update(transaction, key.run, key.item, item)
        })
    }

    /// Takes back what these steps have done, for all items: they are pending again, without output or error. All
    /// of it is one transaction, so that no crash leaves old results of some beside new ones of others.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn restart_steps(&self, run: RunId, steps: &[String]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut statement = transaction.prepare_cached(
                "UPDATE steps SET state = ?3, output = NULL, inputs_digest = NULL, objects = '[]', error = NULL,
                                  finished_at_ms = NULL
                 WHERE run = ?1 AND step = ?2",
            )?;
            for step in steps {
                statement.execute(params![run.0, step, StepState::Pending])?;
            }
            Ok(())
        })
    }

    /// Records that a step will not run, and why. A step that has completed stays so.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`] for the item, and those of SQLite.
    pub fn step_skipped(&self, key: StepKey<'_>, reason: &str) -> Result<(), StoreError> {
        let step = name("a step's name", key.step)?;
        self.write(|transaction| {
            items::update(transaction, key.run, key.item, &ItemUpdate::default())?;
            transaction.execute(
                "INSERT INTO steps (run, item, step, state, attempts, objects, error, finished_at_ms)
                 VALUES (?1, ?2, ?3, ?4, 0, '[]', ?5, ?6)
                 ON CONFLICT DO UPDATE SET
                     state = excluded.state, error = excluded.error,
                     finished_at_ms = excluded.finished_at_ms
                 WHERE state <> ?7",
                params![
                    key.run.0,
                    key.item,
                    step,
                    StepState::Skipped,
                    message(reason),
                    now_ms(),
                    StepState::Completed,
                ],
            )?;
            Ok(())
        })
    }

    /// A step, if it was ever started or skipped.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn step(&self, key: StepKey<'_>) -> Result<Option<Step>, StoreError> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT * FROM steps WHERE run = ?1 AND item = ?2 AND step = ?3")?
                .query_row(params![key.run.0, key.item, key.step], from_row)
                .optional()?)
        })
    }

    /// The steps of a run, item by item in the order of the items (those of the run itself first), and
    /// for each in the order in which they were first started.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn steps(&self, run: RunId) -> Result<Vec<Step>, StoreError> {
        self.read(|connection| list(connection, run))
    }
}

fn list(connection: &Connection, run: RunId) -> Result<Vec<Step>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT steps.* FROM steps JOIN items ON items.run = steps.run AND items.key = steps.item
         WHERE steps.run = ?1
         ORDER BY items.position, steps.rowid",
    )?;
    let steps = statement.query_map([run.0], from_row)?;
    Ok(steps.collect::<Result<_, _>>()?)
}

/// Marks running steps (of one run, or of all) as pending: whoever worked on them has stopped.
pub(super) fn stop_running(transaction: &Transaction<'_>, run: Option<i64>) -> Result<(), StoreError> {
    transaction.execute(
        "UPDATE steps SET state = ?2 WHERE state = ?3 AND (?1 IS NULL OR run = ?1)",
        params![run, StepState::Pending, StepState::Running],
    )?;
    Ok(())
}

/// Marks the failed and skipped steps of an item as pending, and returns how many those were.
pub(super) fn retry_failed(transaction: &Transaction<'_>, run: RunId, item: &str) -> Result<u64, StoreError> {
    let changed = transaction.execute(
        "UPDATE steps SET state = ?3, error = NULL, finished_at_ms = NULL
         WHERE run = ?1 AND item = ?2 AND state IN (?4, ?5)",
        params![run.0, item, StepState::Pending, StepState::Failed, StepState::Skipped],
    )?;
    Ok(changed as u64)
}

/// # Errors
/// [`StoreError::UnknownRecord`] when no running step was changed.
fn require_running(changed: usize, key: StepKey<'_>) -> Result<(), StoreError> {
    if changed > 0 {
        return Ok(());
    }
    let StepKey { run, item, step } = key;
    Err(unknown(format_args!("running step `{step}` of item `{item}` in run {run}")))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Step> {
    Ok(Step {
        run: RunId(row.get("run")?),
        item: row.get("item")?,
        step: row.get("step")?,
        state: row.get("state")?,
        attempts: row.get("attempts")?,
        output: row.get::<_, Option<Json<Value>>>("output")?.map(|json| json.0),
        inputs_digest: row.get("inputs_digest")?,
        objects: row.get::<_, Json<Vec<Digest>>>("objects")?.0,
        error: row.get("error")?,
        worker: row.get("worker")?,
        started_at_ms: row.get("started_at_ms")?,
        finished_at_ms: row.get("finished_at_ms")?,
    })
}
