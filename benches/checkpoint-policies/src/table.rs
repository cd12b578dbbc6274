//! The comparison as a table.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use crate::compare::{Comparison, Row};

/// Writes the comparison for people to read.
///
/// # Errors
///
/// What writing says.
pub fn print(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    let Comparison { scenario, seeds, best, rows } = comparison;
    writeln!(
        out,
        "{}: {:.0} h of work in calls of {:.1} s, checkpoints of {:.1} s{}, restarts of {:.0} s; means of {seeds} runs",
        scenario.name,
        scenario.work_s / 3_600.0,
        scenario.call_s,
        scenario.cost_s,
        if scenario.cost_growth == 1.0 { String::new() } else { format!(" growing {}-fold", scenario.cost_growth) },
        scenario.restart_s,
    )?;
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header([
        "policy",
        "time to finish",
        "to the best",
        "overhead",
        "checkpoints",
        "checkpointing, s",
        "lost, s",
        "failures",
    ]);
    table.add_rows(rows.iter().map(|row| cells(row, *seeds, best.interval_s)));
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    writeln!(out, "{table}\n")
}

fn cells(row: &Row, seeds: u64, best_interval_s: f64) -> [String; 8] {
    let label = match row.label {
        "best interval" => format!("best interval ({best_interval_s:.0} s)"),
        label => label.into(),
    };
    // A mean over runs that were given up would only say when they were.
    let time = |text: String| if row.finished == seeds { text } else { "not finished".into() };
    [
        label,
        time(format!("{:.3} × work", row.time_ratio)),
        time(format!("{:+.1} %", 100.0 * (row.to_best - 1.0))),
        time(format!("{:.1} %", 100.0 * row.overhead)),
        format!("{:.1}", row.checkpoints),
        format!("{:.0}", row.checkpoint_s),
        format!("{:.0}", row.lost_s),
        format!("{:.1}", row.failures),
    ]
}
