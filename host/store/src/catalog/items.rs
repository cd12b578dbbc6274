//! Items: the things that a run works through, such as tickers, each with a status and a record of named
//! fields that grows from step to step.
//!
//! Every run has one item more, [`RUN_ITEM`], which stands for the run itself: steps outside of
//! `for_each` belong to it, and their fields gather in its record.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde_json::{Map, Value};

use super::columns::{Json, json, message, name};
use super::steps;
use super::{Catalog, RunId, unknown};
use crate::clock::now_ms;
use crate::error::StoreError;

/// The key of the item that stands for the run itself.
pub const RUN_ITEM: &str = "";

/// The most items of one run.
pub const ITEMS_PER_RUN_MAX: u64 = 1_000_000;

/// The status of [`RUN_ITEM`] until a step gives it another.
const RUN_ITEM_STATUS: &str = "pending";

/// One thing that a run works through.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// The run that it belongs to.
    pub run: RunId,
    /// What identifies it within the run; [`RUN_ITEM`] for the run itself.
    pub key: String,
    /// Its place in the order in which items were put, from 0 on; -1 for [`RUN_ITEM`].
    pub position: i64,
    /// What it is, as JSON.
    pub value: Value,
    /// How far it has come, in the workflow's own words.
    pub status: String,
    /// Why it failed.
    pub error_message: Option<String>,
    /// The named fields that its steps have given so far.
    pub record: Map<String, Value>,
    /// When it was put, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it last changed, in milliseconds since 1970.
    pub updated_at_ms: i64,
    /// When it completed or failed, in milliseconds since 1970.
    pub finished_at_ms: Option<i64>,
}

/// An item to put.
#[derive(Clone, Copy, Debug)]
pub struct NewItem<'a> {
    /// What identifies it within the run.
    pub key: &'a str,
    /// What it is, as JSON.
    pub value: &'a Value,
    /// Its first status.
    pub status: &'a str,
}

/// What a step changes about its item. The default changes nothing.
#[derive(Clone, Debug, Default)]
pub struct ItemUpdate<'a> {
    /// The new status.
    pub status: Option<&'a str>,
    /// Fields to merge into the record; a field that is there already is replaced.
    pub record: Map<String, Value>,
    /// Why the item failed.
    pub error_message: Option<&'a str>,
    /// Whether the item has come to its end, well or badly.
    pub finished: bool,
}

impl Catalog {
    /// Adds items to a run, after those that it has. Items whose key it has already keep their value,
    /// status and record, so a rerun may put everything that it finds. Returns how many were new.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`] for the run, [`StoreError::EmptyItemKey`],
    /// [`StoreError::TooLarge`] past [`ITEMS_PER_RUN_MAX`], and those of SQLite; none of the items is
    /// added then.
    pub fn put_items(&self, run: RunId, items: &[NewItem<'_>]) -> Result<u64, StoreError> {
        self.write(|transaction| {
            require(transaction, run, RUN_ITEM)?;
            let mut count = count(transaction, run)?;
            let before = count;
            let mut statement = transaction.prepare_cached(INSERT)?;
            let now = now_ms();
            for item in items {
                if item.key == RUN_ITEM {
                    return Err(StoreError::EmptyItemKey { run });
                }
                let inserted = statement.execute(params![
                    run.0,
                    name("an item's key", item.key)?,
                    count,
                    json("an item's value", item.value)?,
                    name("a status", item.status)?,
                    now,
                ])?;
                count += i64::from(inserted > 0);
                if count > ITEMS_PER_RUN_MAX as i64 {
                    return Err(StoreError::TooLarge {
                        what: "a run's list of items",
                        size: count as u64,
                        limit: "ITEMS_PER_RUN_MAX",
                        limit_value: ITEMS_PER_RUN_MAX,
                    });
                }
            }
            Ok((count - before) as u64)
        })
    }

    /// An item of a run, if the run has it.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn item(&self, run: RunId, key: &str) -> Result<Option<Item>, StoreError> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT * FROM items WHERE run = ?1 AND key = ?2")?
                .query_row(params![run.0, key], from_row)
                .optional()?)
        })
    }

    /// The items of a run in the order in which they were put, without [`RUN_ITEM`].
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn items(&self, run: RunId) -> Result<Vec<Item>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT * FROM items WHERE run = ?1 AND key <> ?2 ORDER BY position")?;
            let items = statement.query_map(params![run.0, RUN_ITEM], from_row)?;
            Ok(items.collect::<Result<_, _>>()?)
        })
    }

    /// Changes an item apart from any step.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`], [`StoreError::TooLarge`], and those of SQLite.
    pub fn update_item(&self, run: RunId, key: &str, change: &ItemUpdate<'_>) -> Result<(), StoreError> {
        self.write(|transaction| update(transaction, run, key, change))
    }

    /// Lets an item go on after a failure: its failed and skipped steps become pending, it takes the
    /// given status and has neither an error nor an end any more. Completed steps and the record stay.
    /// Returns how many steps have become pending.
    ///
    /// # Errors
    /// [`StoreError::UnknownRecord`], and those of SQLite.
    pub fn reset_item(&self, run: RunId, key: &str, status: &str) -> Result<u64, StoreError> {
        let status = name("a status", status)?;
        self.write(|transaction| {
            require(transaction, run, key)?;
            transaction.execute(
                "UPDATE items SET status = ?3, error_message = NULL, updated_at_ms = ?4,
                                  finished_at_ms = NULL
                 WHERE run = ?1 AND key = ?2",
                params![run.0, key, status, now_ms()],
            )?;
            steps::retry_failed(transaction, run, key)
        })
    }
}

const INSERT: &str = "INSERT INTO items (run, key, position, value, status, record, created_at_ms,
                                          updated_at_ms)
                      VALUES (?1, ?2, ?3, ?4, ?5, '{}', ?6, ?6)
                      ON CONFLICT DO NOTHING";

pub(super) fn insert_run_item(transaction: &Transaction<'_>, run: RunId, now: i64) -> Result<(), StoreError> {
    let values = params![run.0, RUN_ITEM, -1, "null", RUN_ITEM_STATUS, now];
    transaction.prepare_cached(INSERT)?.execute(values)?;
    Ok(())
}

/// Applies what a step changes about its item.
pub(super) fn update(
    transaction: &Transaction<'_>,
    run: RunId,
    key: &str,
    change: &ItemUpdate<'_>,
) -> Result<(), StoreError> {
    let mut record = transaction
        .prepare_cached("SELECT record FROM items WHERE run = ?1 AND key = ?2")?
        .query_row(params![run.0, key], |row| row.get::<_, Json<Map<String, Value>>>(0))
        .optional()?
        .ok_or_else(|| unknown_item(run, key))?
        .0;
    record.extend(change.record.clone());
    let status = change.status.map(|text| name("a status", text)).transpose()?;
    let now = now_ms();
    transaction
        .prepare_cached(
            "UPDATE items SET status = coalesce(?3, status), record = ?4,
                              error_message = coalesce(?5, error_message), updated_at_ms = ?6,
                              finished_at_ms = coalesce(?7, finished_at_ms)
             WHERE run = ?1 AND key = ?2",
        )?
        .execute(params![
            run.0,
            key,
            status,
            json("an item's record", &record)?,
            change.error_message.map(message),
            now,
            change.finished.then_some(now),
        ])?;
    Ok(())
}

/// # Errors
/// [`StoreError::UnknownRecord`] unless the run has the item.
fn require(connection: &Connection, run: RunId, key: &str) -> Result<(), StoreError> {
    let exists =
        connection.prepare_cached("SELECT 1 FROM items WHERE run = ?1 AND key = ?2")?.exists(params![run.0, key])?;
    exists.then_some(()).ok_or_else(|| unknown_item(run, key))
}

/// How many items a run has, without [`RUN_ITEM`]; also the position of the next one.
fn count(connection: &Connection, run: RunId) -> Result<i64, StoreError> {
    Ok(connection.query_row(
        "SELECT count(*) FROM items WHERE run = ?1 AND key <> ?2",
        params![run.0, RUN_ITEM],
        |row| row.get(0),
    )?)
}

fn unknown_item(run: RunId, key: &str) -> StoreError {
    if key == RUN_ITEM {
        return unknown(format_args!("run {run}"));
    }
    unknown(format_args!("item `{key}` in run {run}"))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        run: RunId(row.get("run")?),
        key: row.get("key")?,
        position: row.get("position")?,
        value: row.get::<_, Json<Value>>("value")?.0,
        status: row.get("status")?,
        error_message: row.get("error_message")?,
        record: row.get::<_, Json<Map<String, Value>>>("record")?.0,
        created_at_ms: row.get("created_at_ms")?,
        updated_at_ms: row.get("updated_at_ms")?,
        finished_at_ms: row.get("finished_at_ms")?,
    })
}
