//! Looking things up: the rows of the file, with what has changed since laid over them.

use rusqlite::{OptionalExtension, Row, params};

use super::super::entry::{ActorEntry, Delta};
use super::super::record::{ActorId, Position};
use super::{Index, loaded, stored};
use crate::error::StoreError;

/// The columns of an [`ActorEntry`], in the order in which [`entry_of`] reads them.
const COLUMNS: &str = "id, name, head_segment, head_offset, sequence, kept_from, spawn_segment, spawn_offset, \
                       status, next_timer_ns";

impl Index {
    /// The actor with this number.
    pub(in crate::log) fn entry(&self, id: ActorId) -> Result<Option<ActorEntry>, StoreError> {
        match self.deltas.get(&id) {
            None => self.row(id),
            Some(delta @ Delta::Part(_)) => Ok(delta.onto(self.row(id)?)),
            Some(delta) => Ok(delta.onto(None)),
        }
    }

    /// The actor with this name.
    pub(in crate::log) fn find(&self, name: &str) -> Result<Option<ActorEntry>, StoreError> {
        if let Some(&id) = self.names.get(name) {
            return self.entry(id);
        }
        let row = self
            .statement(&format!("SELECT {COLUMNS} FROM actors WHERE name = ?1"))?
            .query_row([name], entry_of)
            .optional()
            .map_err(|e| self.failed(e))?;
        Ok(row.and_then(|row| match self.deltas.get(&row.id) {
            Some(delta) => delta.onto(Some(row)),
            None => Some(row),
        }))
    }

    /// Up to `limit` actors whose names start with `prefix` and come after `after`, in order of their names.
    pub(in crate::log) fn list(
        &self,
        after: Option<&str>,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<ActorEntry>, StoreError> {
        // Whatever starts with the prefix is at least the prefix, and all of it is together.
        let sql = format!(
            "SELECT {COLUMNS} FROM actors WHERE name >= ?1 AND (?2 IS NULL OR name > ?2) ORDER BY name LIMIT ?3"
        );
        let rows = self.rows(&sql, params![prefix, after, self.rows_to_read(limit)])?;
        let mut entries = self.overlaid(rows)?;
        entries.retain(|entry| entry.name.starts_with(prefix) && after.is_none_or(|after| entry.name.as_str() > after));
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        entries.truncate(limit);
        Ok(entries)
    }

    /// Up to `limit` actors with a timer that is due before `before_ns`, the most overdue first.
    pub(in crate::log) fn due_timers(&self, before_ns: u64, limit: usize) -> Result<Vec<ActorEntry>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM actors WHERE next_timer_ns < ?1 ORDER BY next_timer_ns LIMIT ?2");
        let rows = self.rows(&sql, params![stored(before_ns), self.rows_to_read(limit)])?;
        let mut entries = self.overlaid(rows)?;
        entries.retain(|entry| entry.next_timer_ns.is_some_and(|time_ns| time_ns < before_ns));
        entries.sort_unstable_by_key(|entry| (entry.next_timer_ns, entry.id));
        entries.truncate(limit);
        Ok(entries)
    }

    /// How many actors there are.
    pub(in crate::log) fn count(&self) -> Result<u64, StoreError> {
        let rows: u64 = self
            .statement("SELECT count(*) FROM actors")?
            .query_row([], |row| loaded(row, 0))
            .map_err(|e| self.failed(e))?;
        let mut count = rows;
        for (&id, delta) in &self.deltas {
            match (delta, self.row(id)?) {
                (Delta::Whole(_), None) => count += 1,
                (Delta::Gone, Some(_)) => count -= 1,
                _ => {}
            }
        }
        Ok(count)
    }

    fn row(&self, id: ActorId) -> Result<Option<ActorEntry>, StoreError> {
        self.statement(&format!("SELECT {COLUMNS} FROM actors WHERE id = ?1"))?
            .query_row([stored(id.0)], entry_of)
            .optional()
            .map_err(|e| self.failed(e))
    }

    fn rows(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<ActorEntry>, StoreError> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(params, entry_of).and_then(Iterator::collect);
        rows.map_err(|e| self.failed(e))
    }

    /// So many rows that `limit` are left, even if every delta takes one away.
    fn rows_to_read(&self, limit: usize) -> i64 {
        i64::try_from(limit.saturating_add(self.deltas.len())).unwrap_or(i64::MAX)
    }

    /// The rows that have not changed, and the entries of all actors that have.
    fn overlaid(&self, mut rows: Vec<ActorEntry>) -> Result<Vec<ActorEntry>, StoreError> {
        rows.retain(|row| !self.deltas.contains_key(&row.id));
        for &id in self.deltas.keys() {
            rows.extend(self.entry(id)?);
        }
        Ok(rows)
    }
}

fn entry_of(row: &Row<'_>) -> rusqlite::Result<ActorEntry> {
    Ok(ActorEntry {
        id: ActorId(loaded(row, 0)?),
        name: row.get(1)?,
        head: Position { segment: loaded(row, 2)?, offset: loaded(row, 3)? },
        sequence: loaded(row, 4)?,
        kept_from: loaded(row, 5)?,
        spawn: Position { segment: loaded(row, 6)?, offset: loaded(row, 7)? },
        status: row.get(8)?,
        next_timer_ns: row.get::<_, Option<i64>>(9)?.map(|time_ns| u64::try_from(time_ns).unwrap_or(0)),
    })
}
