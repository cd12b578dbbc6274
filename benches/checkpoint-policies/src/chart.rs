//! The comparison as a picture: for each scenario, the time to finish against the interval, with a curve for the fixed
//! intervals and a point for each policy at the mean interval that it kept.

use std::path::Path;

use plotters::prelude::*;

use crate::compare::{Comparison, Row};

const PANEL_WIDTH: u32 = 520;
const PANEL_HEIGHT: u32 = 400;
const COLUMNS: usize = 2;

/// The vertical axis ends at this many times the overhead of the best interval: what is worse is bad enough.
const OVERHEAD_SHOWN_FACTOR: f64 = 3.0;

/// Where a panel says what it does not show: low, where there are no points.
const NOTE_AT: (i32, i32) = (76, 328);

const FONT: &str = "sans-serif";

/// Draws the comparisons into an SVG file.
///
/// # Errors
///
/// The file cannot be written.
pub fn draw(comparisons: &[Comparison], file: &Path) -> anyhow::Result<()> {
    let rows = comparisons.len().div_ceil(COLUMNS);
    let size = (PANEL_WIDTH * COLUMNS as u32, PANEL_HEIGHT * rows as u32);
    let root = SVGBackend::new(file, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (panel, comparison) in root.split_evenly((rows, COLUMNS)).iter().zip(comparisons) {
        draw_panel(panel, comparison)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel<'a>(
    panel: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    comparison: &Comparison,
) -> anyhow::Result<()> {
    let Comparison { scenario, best, rows, .. } = comparison;
    let best_ratio = rows.iter().find(|row| row.to_best == 1.0).map_or(1.0, |row| row.time_ratio);
    let work_s = best.time_s / best_ratio;
    let shown_max = 1.0 + OVERHEAD_SHOWN_FACTOR * (best_ratio - 1.0).max(0.01);
    let (first_s, last_s) = (best.tried.first().map_or(1.0, |at| at.0), best.tried.last().map_or(2.0, |at| at.0));

    let mut chart = ChartBuilder::on(panel)
        .caption(scenario.name, (FONT, 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d((first_s..last_s).log_scale(), 1.0..shown_max)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("work between checkpoints, s")
        .y_desc("time to finish / work")
        .x_label_formatter(&|seconds| format!("{seconds:.0}"))
        .y_label_formatter(&|ratio| format!("{ratio:.2}"))
        .draw()?;
    let curve: Vec<_> = best.tried.iter().map(|&(interval_s, time_s)| (interval_s, time_s / work_s)).collect();
    // The parts that fit in, so that no line is drawn across what is left out.
    for part in curve.split(|point| point.1 > shown_max) {
        chart.draw_series(LineSeries::new(part.iter().copied(), BLUE.mix(0.5)))?;
    }
    for row in rows.iter().filter(|row| row.time_ratio <= shown_max) {
        let point = (interval_s(row, work_s).clamp(first_s, last_s), row.time_ratio);
        let color = if row.label == "optimal" { RED } else { BLACK };
        let marked = EmptyElement::at(point)
            + Circle::new((0, 0), 4, color.filled())
            + Text::new(row.label, label_offset(row), (FONT, 13).into_font().color(&color));
        chart.draw_series(std::iter::once(marked))?;
    }
    let beyond: Vec<&str> = rows.iter().filter(|row| row.time_ratio > shown_max).map(|row| row.label).collect();
    let note = format!("above the top: {}", beyond.join(", "));
    panel.draw(&Text::new(note, NOTE_AT, (FONT, 11).into_font().color(&BLACK.mix(0.6))))?;
    Ok(())
}

/// Work from one checkpoint to the next, on average.
fn interval_s(row: &Row, work_s: f64) -> f64 {
    work_s / row.checkpoints.max(1.0)
}

/// Where the label stands from its point: left or right, because the two that matter are close.
fn label_offset(row: &Row) -> (i32, i32) {
    if row.label == "optimal" { (8, 4) } else { (-84, 4) }
}
