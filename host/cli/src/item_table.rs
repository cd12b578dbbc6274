//! Items of a run as a table: what both the end of `belljar run` and `belljar status RUN` show.

use std::time::Duration;

use belljar::store::StepState;
use serde_json::{Map, Value as Json};

use crate::failure::Failure;
use crate::table::{Cell, Table, indented};
use crate::{human, output, terminal};

/// Errors that are written out below the table; the others are counted. A run has up to a million items.
const ERRORS_SHOWN_MAX: usize = 50;

/// One item.
pub struct ItemRow<'a> {
    pub item: &'a str,
    pub status: &'a str,
    pub error: Option<&'a str>,
    pub record: &'a Map<String, Json>,
    pub duration: Option<Duration>,
    /// Its steps with their states, where they are to be shown.
    pub steps: Vec<(&'a str, StepState)>,
}

/// Shows the table, and below it the errors in full.
pub fn show(rows: &[ItemRow<'_>]) -> Result<(), Failure> {
    if !rows.is_empty() {
        output::line(table(rows).render(terminal::width(), terminal::colours_on_stdout()))?;
    }
    let errors = errors(rows);
    if !errors.is_empty() {
        output::line(format!("\nErrors\n{}", indented(&errors).trim_end()))?;
    }
    Ok(())
}

/// The table: item, status, a column for each field of any record, steps if any item has some to show, time.
fn table(rows: &[ItemRow<'_>]) -> Table {
    let fields = fields(rows);
    let with_steps = rows.iter().any(|row| !row.steps.is_empty());
    let mut header = vec!["item", "status"];
    header.extend(&fields);
    header.extend(with_steps.then_some("steps"));
    header.push("time");
    let mut table = Table::new(header);
    for row in rows {
        let meaning = if row.error.is_some() { Some(false) } else { row.duration.map(|_| true) };
        let mut cells = vec![Cell::text(row.item), Cell::status(row.status, meaning)];
        cells.extend(fields.iter().map(|field| Cell::json(row.record.get(*field).unwrap_or(&Json::Null))));
        if with_steps {
            let steps: Vec<String> = row.steps.iter().map(|(step, state)| format!("{step} {}", mark(*state))).collect();
            cells.push(Cell::text(steps.join("  ")));
        }
        cells.push(Cell::number(row.duration.map(human::duration).unwrap_or_default()));
        table.row(cells);
    }
    table
}

/// The errors in full, one paragraph for each item.
fn errors(rows: &[ItemRow<'_>]) -> String {
    let failed: Vec<_> = rows.iter().filter_map(|row| Some((row.item, row.error?))).collect();
    let mut text = String::new();
    for (item, error) in failed.iter().take(ERRORS_SHOWN_MAX) {
        let error = human::printable(error.trim_end()).replace('\n', "\n  ");
        text.push_str(&format!("{}: {error}\n", human::printable(item)));
    }
    if failed.len() > ERRORS_SHOWN_MAX {
        let others = human::count((failed.len() - ERRORS_SHOWN_MAX) as u64);
        text.push_str(&format!("… and {others} more; --json has them all\n"));
    }
    text
}

/// The names of all fields that have something to show, in the order in which records first have them.
fn fields<'a>(rows: &[ItemRow<'a>]) -> Vec<&'a str> {
    let mut fields: Vec<&str> = Vec::new();
    for row in rows {
        for (field, value) in row.record {
            if !is_empty(value) && !fields.contains(&field.as_str()) {
                fields.push(field);
            }
        }
    }
    fields
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// One character for a step's state.
fn mark(state: StepState) -> char {
    match state {
        StepState::Pending => '·',
        StepState::Running => '▸',
        StepState::Completed => '✓',
        StepState::Failed => '✗',
        StepState::Skipped => '–',
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(json: Json) -> Map<String, Json> {
        json.as_object().cloned().unwrap()
    }

    fn row<'a>(item: &'a str, error: Option<&'a str>, record: &'a Map<String, Json>) -> ItemRow<'a> {
        let duration = Some(Duration::from_millis(1_200));
        ItemRow { item, status: "completed", error, record, duration, steps: Vec::new() }
    }

    #[test]
    fn columns_are_the_union_of_all_fields() {
        let (first, second) = (record(json!({"facts": 736})), record(json!({"facts": 877, "file": "out/AMD.parquet"})));
        let text = table(&[row("AAPL", None, &first), row("AMD", None, &second)]).render(None, false);
        let header: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(header, ["item", "status", "facts", "file", "time"]);
        assert!(text.contains("1.2 s"), "{text}");
    }

    #[test]
    fn steps_have_their_marks() {
        let nothing = Map::new();
        let mut row = row("AAPL", None, &nothing);
        row.steps = vec![("find", StepState::Completed), ("save", StepState::Failed)];
        let text = table(&[row]).render(None, false);
        assert!(text.contains("find ✓  save ✗"), "{text}");
    }

    #[test]
    fn errors_are_told_in_full_up_to_a_number() {
        let nothing = Map::new();
        let rows: Vec<_> = (0..60).map(|_| row("XOM", Some("not UTF-8\nat byte 7\n"), &nothing)).collect();
        let text = errors(&rows);
        assert!(text.starts_with("XOM: not UTF-8\n  at byte 7\nXOM: "), "{text}");
        assert!(text.ends_with("… and 10 more; --json has them all\n"), "{text}");
    }
}
