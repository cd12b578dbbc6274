//! Mean and variance of numbers that come one by one, by Welford's method (1962), which keeps its precision where
//! the sum of squares would lose it.

/// The numbers so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// How many there were.
    pub count: u64,
    /// Their mean; 0 if there were none.
    pub mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
}

impl Statistics {
    /// Takes in one more number.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    /// The variance of the numbers as a whole population; 0 if there were none.
    pub fn variance(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.squares / self.count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Statistics {
        let mut statistics = Statistics::default();
        values.iter().for_each(|value| statistics.add(*value));
        statistics
    }

    #[test]
    fn mean_and_variance_are_those_of_the_textbook() {
        let statistics = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);

        assert_eq!((statistics.mean, statistics.variance()), (5.0, 4.0));
        assert_eq!(of(&[]).variance(), 0.0);
    }

    #[test]
    fn numbers_far_from_zero_lose_no_precision() {
        let far = 1e9;

        let statistics = of(&[far + 4.0, far + 7.0, far + 13.0, far + 16.0]);

        assert_eq!(statistics.variance(), 22.5);
    }
}
