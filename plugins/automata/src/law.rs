//! By what an automaton goes from a generation to the next: a kernel, and what it is told.

use crate::larger_than_life::Rule;
use crate::lenia::Lenia;
use crate::size::Size;

/// By what an automaton goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    LargerThanLife(Rule),
    Lenia(Lenia),
}

impl Law {
    /// How far a cell looks each way.
    pub fn radius(&self) -> u32 {
        match self {
            Self::LargerThanLife(rule) => rule.radius,
            Self::Lenia(lenia) => lenia.radius,
        }
    }

    /// The cells that a cell looks at, itself among them.
    pub fn seen_cells(&self) -> u64 {
        let side = u64::from(2 * self.radius() + 1);
        side * side
    }

    /// The largest that a cell can be.
    pub fn value_max(&self) -> f32 {
        match self {
            Self::LargerThanLife(rule) => (rule.states - 1) as f32,
            Self::Lenia(_) => 1.0,
        }
    }

    /// Whether a cell can be what lies between two whole numbers.
    pub fn is_continuous(&self) -> bool {
        matches!(self, Self::Lenia(_))
    }

    /// The kernel in WGSL, whose function is `step`.
    pub fn kernel(&self) -> &'static str {
        match self {
            Self::LargerThanLife(_) => include_str!("larger_than_life.wgsl"),
            Self::Lenia(_) => include_str!("lenia.wgsl"),
        }
    }

    /// What the kernel calls its laws, as 32-bit words, little-endian.
    pub fn laws(&self, size: Size) -> Vec<u8> {
        let mut laws = vec![size.width(), size.height(), self.radius()];
        match self {
            Self::LargerThanLife(rule) => laws.extend([
                rule.states,
                u32::from(rule.counts_itself),
                *rule.survival.start(),
                *rule.survival.end(),
                *rule.birth.start(),
                *rule.birth.end(),
            ]),
            Self::Lenia(lenia) => laws.extend([lenia.mu, lenia.sigma, lenia.dt].map(f32::to_bits)),
        }
        laws.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// What the kernel counts each neighbour for, if it wants to know.
    pub fn weights(&self) -> Option<Vec<f32>> {
        match self {
            Self::LargerThanLife(_) => None,
            Self::Lenia(lenia) => Some(lenia.weights()),
        }
    }
}
