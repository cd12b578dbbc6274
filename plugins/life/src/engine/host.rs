//! A board that the host keeps and steps.

use super::{Edges, Engine, Error, Measure, Setup, cells_on_board};
use crate::bits::Bits;
use crate::pattern::Pattern;
use belljar_guest::automaton::{self, Board, Cell, Engine as By, Settings};

/// A board of the host.
pub struct Host {
    board: Board,
    setup: Setup,
    /// What of the host steps it.
    by: By,
}

impl Host {
    /// A board with these cells, which the processors step.
    pub fn new(cells: &Bits, setup: Setup) -> Result<Self, Error> {
        Ok(Self { board: Board::from_bits(&settings(setup), cells.bytes())?, setup, by: By::Cpu })
    }

    /// A board of the cells that [`crate::soup::random`] draws. The host draws them itself, which is faster.
    pub fn random(seed: u64, density: f64, setup: Setup) -> Result<Self, Error> {
        Ok(Self { board: Board::random(&settings(setup), seed, density)?, setup, by: By::Cpu })
    }

    /// The same board, which the machine's GPU steps.
    pub fn on_device(self) -> Self {
        Self { by: By::Device, ..self }
    }
}

fn settings(Setup { size, rule, edges, has_ages }: Setup) -> Settings {
    let edges = if edges == Edges::Torus { automaton::Edges::Torus } else { automaton::Edges::Dead };
    Settings { width: size.width(), height: size.height(), rule: rule.to_string(), edges, ages: has_ages }
}

impl Engine for Host {
    fn step(&mut self, generations: u64) -> Result<(), Error> {
        Ok(self.board.step_on(generations, self.by)?)
    }

    fn place(&mut self, pattern: &Pattern, x: i64, y: i64) -> Result<(), Error> {
        let cells = cells_on_board(pattern, x, y, self.setup)?;
        let cells: Vec<_> = cells.into_iter().map(|(x, y)| Cell { x, y }).collect();
        Ok(self.board.set_cells(&cells, true)?)
    }

    fn measure(&mut self) -> Result<Measure, Error> {
        let summary = self.board.summary()?;
        Ok(Measure { population: summary.population.into(), hash: summary.hash })
    }

    fn window(&self) -> Result<Bits, Error> {
        let bits = Bits::from_bytes(self.setup.size, self.board.bits()?);
        Ok(bits.expect("the host returns as many bits as the board has"))
    }

    fn ages(&self) -> Result<Vec<u8>, Error> {
        match self.board.ages() {
            Err(automaton::Error::NoAges) => Err(Error::NoAges),
            ages => Ok(ages?),
        }
    }
}
