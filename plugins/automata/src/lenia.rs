//! Lenia (Bert Chan, "Lenia: Biology of Artificial Life", Complex Systems 28 (3), 2019): Life with cells, space and time that
//! are all but continuous. A cell looks at a ring around it, and grows where what it sees there is neither too little nor
//! too much.

use serde::Deserialize;

/// The largest radius. A cell then looks at 2,601.
pub const RADIUS_MAX: u32 = 25;
/// The smallest one that has a ring.
const RADIUS_MIN: u32 = 2;

/// The paper's α, of which its exponential ring is made.
const RING_SHARPNESS: f64 = 4.0;

/// Why there is no such Lenia.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LeniaError {
    #[error("\"radius\" is {0}, and may be from {RADIUS_MIN} to {RADIUS_MAX}")]
    BadRadius(u32),
    #[error("\"{name}\" is {value}, and may be more than 0 and up to 1")]
    BadNumber { name: &'static str, value: f32 },
}

/// What a Lenia is. The default is the home of Orbium.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lenia {
    /// How far a cell looks.
    pub radius: u32,
    /// What a cell has to see to grow most.
    pub mu: f32,
    /// How far from that it still grows.
    pub sigma: f32,
    /// How far a step goes.
    pub dt: f32,
}

impl Default for Lenia {
    fn default() -> Self {
        Self { radius: 13, mu: 0.15, sigma: 0.015, dt: 0.1 }
    }
}

impl Lenia {
    /// The same, if it is possible.
    pub fn checked(self) -> Result<Self, LeniaError> {
        if !(RADIUS_MIN..=RADIUS_MAX).contains(&self.radius) {
            return Err(LeniaError::BadRadius(self.radius));
        }
        for (name, value) in [("mu", self.mu), ("sigma", self.sigma), ("dt", self.dt)] {
            // What is not a number is in no range, and what a GPU may take for 0 is not to be divided by.
            if !(f32::MIN_POSITIVE..=1.0).contains(&value) {
                return Err(LeniaError::BadNumber { name, value });
            }
        }
        Ok(self)
    }

    /// What each cell of the square around a cell counts for, row by row: 1 in all.
    pub fn weights(&self) -> Vec<f32> {
        let radius = self.radius as i32;
        let square = (-radius..=radius).flat_map(|y| (-radius..=radius).map(move |x| (x, y)));
        let ring: Vec<f64> = square
            .map(|(x, y)| {
                let distance = f64::from(x * x + y * y).sqrt() / f64::from(radius);
                if distance > 0.0 && distance < 1.0 {
                    (RING_SHARPNESS - RING_SHARPNESS / (4.0 * distance * (1.0 - distance))).exp()
                } else {
                    0.0
                }
            })
            .collect();
        let sum: f64 = ring.iter().sum();
        ring.into_iter().map(|weight| (weight / sum) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_widest_halfway_and_counts_for_one() {
        for radius in [RADIUS_MIN, 13, RADIUS_MAX] {
            let lenia = Lenia { radius, ..Lenia::default() };
            let weights = lenia.weights();
            let (side, middle) = (2 * radius as usize + 1, radius as usize);
            assert_eq!(weights.len(), side * side);
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let along = |x: usize| weights[middle * side + middle + x];
            assert_eq!((along(0), along(middle)), (0.0, 0.0));
            assert!((0..=middle).all(|x| along(x) <= along(middle / 2).max(along(middle.div_ceil(2)))));
        }
    }

    #[test]
    fn what_is_not_possible_is_said() {
        let check = |lenia: Lenia| lenia.checked().unwrap_err();
        assert_eq!(check(Lenia { radius: 26, ..Lenia::default() }), LeniaError::BadRadius(26));
        assert_eq!(check(Lenia { radius: 1, ..Lenia::default() }), LeniaError::BadRadius(1));
        assert_eq!(check(Lenia { dt: 1.5, ..Lenia::default() }), LeniaError::BadNumber { name: "dt", value: 1.5 });
        assert!(Lenia { sigma: f32::NAN, ..Lenia::default() }.checked().is_err());
    }
}
