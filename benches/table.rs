//! A table of figures, each beside its goal and what was measured of a peer.

use std::fmt;

/// What was measured, line by line.
#[derive(Default)]
pub struct Table(Vec<[String; 4]>);

const HEAD: [&str; 4] = ["what", "figure", "goal", "Ray (measured before)"];

impl Table {
    /// Adds a line, and prints it for whoever is waiting. An empty goal is none.
    pub fn line(&mut self, what: &str, figure: impl fmt::Display, goal: &str, peer: &str) {
        let figure = figure.to_string();
        eprintln!("  {what}: {figure}");
        self.0.push([what.to_owned(), figure, goal.to_owned(), peer.to_owned()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = HEAD.map(str::to_owned);
        let lines = || std::iter::once(&head).chain(&self.0);
        let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; 4] = std::array::from_fn(width);
        for line in lines() {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
        }
        Ok(())
    }
}
