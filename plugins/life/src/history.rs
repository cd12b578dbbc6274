//! The past of a game, as far back as it is kept.

use crate::bits::Bits;
use std::collections::VecDeque;

/// The states of the generations right before the present one, the oldest first.
pub struct History {
    states: VecDeque<Bits>,
    states_max: usize,
}

impl History {
    /// Keeps up to so many states.
    pub fn new(states_max: usize) -> Self {
        Self { states: VecDeque::new(), states_max }
    }

    /// How many states are kept at most.
    pub fn states_max(&self) -> usize {
        self.states_max
    }

    /// Keeps the present state, which is about to be the newest past one, in place of the oldest.
    pub fn push(&mut self, state: Bits) {
        self.states.push_back(state);
        self.states.drain(..self.states.len().saturating_sub(self.states_max));
    }

    /// Forgets everything: generations have been leapt over.
    pub fn clear(&mut self) {
        self.states.clear();
    }

    /// The state so many generations before the present one, from 1 on.
    pub fn state(&self, generations_ago: u64) -> Option<&Bits> {
        let ago = usize::try_from(generations_ago).ok()?;
        self.states.get(self.states.len().checked_sub(ago)?)
    }

    /// How many states are kept.
    pub fn len(&self) -> usize {
        self.states.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::Size;

    fn state(width: u32) -> Bits {
        Bits::dead(Size::new(width, 1).unwrap())
    }

    #[test]
    fn the_newest_states_are_kept() {
        let mut history = History::new(2);
        (1..=4).for_each(|width| history.push(state(width)));

        let widths: Vec<_> = (0..=3).map(|ago| history.state(ago).map(Bits::width)).collect();

        assert_eq!(widths, [None, Some(4), Some(3), None]);
        assert_eq!(history.len(), 2);
    }

    #[test]
    fn a_history_of_nothing_keeps_nothing() {
        let mut history = History::new(0);

        history.push(state(1));

        assert_eq!(history.len(), 0);
    }
}
