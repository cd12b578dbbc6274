//! How the population of a game develops: as a line of characters, and as an SVG chart.

use std::path::Path;

use anyhow::Context as _;
use plotters::prelude::*;

use crate::picture::PALETTE;

/// Points that a curve keeps. A longer one keeps every second point, then every fourth, and so on.
pub const POINTS_MAX: usize = 4_096;
/// The characters of a sparkline, from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Width and height of a chart, in pixels.
const CHART_SIZE: (u32, u32) = (900, 420);

/// The population of a game by generation.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    points: Vec<(u64, u64)>,
    /// How often the points were halved.
    halvings: u32,
    /// How many points have come.
    come: u64,
}

impl Curve {
    /// Adds the population of a generation.
    pub fn add(&mut self, generation: u64, population: u64) {
        if self.come.is_multiple_of(1 << self.halvings) {
            self.points.push((generation, population));
        }
        self.come += 1;
        if self.points.len() > POINTS_MAX {
            self.points = self.points.iter().copied().step_by(2).collect();
            self.halvings += 1;
        }
    }

    /// The generations and populations that were kept.
    pub fn points(&self) -> &[(u64, u64)] {
        &self.points
    }

    /// The curve in at most so many characters, from nothing to its highest.
    pub fn sparkline(&self, columns: usize) -> String {
        let highest = self.points.iter().map(|&(_, population)| population).max().unwrap_or(0).max(1);
        let columns = columns.min(self.points.len());
        let bar = |column: usize| {
            // The last point is always shown, because it is how the game ended.
            let (_, population) = self.points[(column + 1) * self.points.len() / columns - 1];
            let level = u128::from(population) * (BARS.len() as u128 - 1) / u128::from(highest);
            BARS[level as usize]
        };
        (0..columns).map(bar).collect()
    }
}

/// Writes a chart with a line for every curve.
pub fn write_chart(path: &Path, curves: &[Curve]) -> anyhow::Result<()> {
    let mut svg = String::new();
    draw(&mut svg, curves).context("the chart cannot be drawn")?;
    std::fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))
}

fn draw(svg: &mut String, curves: &[Curve]) -> anyhow::Result<()> {
    let points = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let generations = points().map(|(generation, _)| generation).max().unwrap_or(0).max(1);
    let highest = points().map(|(_, population)| population).max().unwrap_or(0).max(1);
    let area = SVGBackend::with_string(svg, CHART_SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Cells that live", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0..generations, 0..highest)?;
    chart.configure_mesh().x_desc("generation").light_line_style(TRANSPARENT).draw()?;
    for (at, curve) in curves.iter().enumerate() {
        // The deeper colours of the boards: the bright ones would not be seen on white.
        let [r, g, b] = PALETTE[3 + at % 6];
        chart.draw_series(LineSeries::new(curve.points.iter().copied(), RGBColor(r, g, b).stroke_width(2)))?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(populations: &[u64]) -> Curve {
        let mut curve = Curve::default();
        populations.iter().enumerate().for_each(|(generation, &population)| curve.add(generation as u64, population));
        curve
    }

    #[test]
    fn a_sparkline_goes_from_nothing_to_the_highest() {
        assert_eq!(curve(&[0, 1, 2, 3, 4, 5, 6, 7]).sparkline(20), "▁▂▃▄▅▆▇█");
        assert_eq!(curve(&[u64::MAX, 0, u64::MAX / 2]).sparkline(20), "█▁▄");
        assert_eq!(curve(&[0, 0]).sparkline(20), "▁▁");
        assert_eq!(curve(&[]).sparkline(20), "");
    }

    #[test]
    fn a_sparkline_with_less_room_than_points_ends_with_the_last() {
        assert_eq!(curve(&[7, 7, 7, 7, 7, 0]).sparkline(3), "██▁");
        assert_eq!(curve(&[7, 0]).sparkline(0), "");
    }

    #[test]
    fn a_long_curve_keeps_points_at_equal_distances() {
        let populations: Vec<u64> = (0..3 * POINTS_MAX as u64).collect();

        let curve = curve(&populations);

        let points = curve.points();
        assert!(points.len() <= POINTS_MAX && points.len() > POINTS_MAX / 2, "{}", points.len());
        assert!(points.windows(2).all(|pair| pair[1].0 - pair[0].0 == 4));
        assert_eq!(points[0], (0, 0));
    }

    #[test]
    fn a_chart_has_a_line_for_every_game() {
        let mut svg = String::new();

        draw(&mut svg, &[curve(&[5, 3, 4]), curve(&[2, 2, 2]), curve(&[])]).unwrap();

        let lines = svg.lines().filter(|line| line.contains("polyline") && line.contains("stroke-width=\"2\""));
        assert_eq!(lines.count(), 2, "{svg}");
        assert!(svg.contains("generation"), "{svg}");
    }
}
