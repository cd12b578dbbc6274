//! The laws in plain Rust, cell by cell: what the kernels are to come to. Here the laws are compared with what is known of
//! them; the whole system's tests compare the kernels.

use crate::law::Law;
use crate::size::Size;

/// The cells of the next generation.
pub fn step(law: &Law, size: Size, cells: &[f32]) -> Vec<f32> {
    let (width, height) = (size.width() as i32, size.height() as i32);
    let radius = law.radius() as i32;
    let weights = law.weights();
    let around = |x: i32, y: i32| {
        let square = (-radius..=radius).flat_map(move |dy| (-radius..=radius).map(move |dx| (dx, dy)));
        square.map(move |(dx, dy)| cells[((y + dy).rem_euclid(height) * width + (x + dx).rem_euclid(width)) as usize])
    };
    let next = |x: i32, y: i32| {
        let cell = cells[(y * width + x) as usize];
        match law {
            Law::LargerThanLife(rule) => {
                let itself = u32::from(cell == 1.0 && !rule.counts_itself);
                let alive = around(x, y).filter(|cell| *cell == 1.0).count() as u32 - itself;
                match cell as u32 {
                    0 => f32::from(u8::from(rule.birth.contains(&alive))),
                    1 if rule.survival.contains(&alive) => 1.0,
                    state if state + 1 < rule.states => cell + 1.0,
                    _ => 0.0,
                }
            }
            Law::Lenia(lenia) => {
                let weights = weights.iter().flatten();
                let potential: f32 = around(x, y).zip(weights).map(|(cell, weight)| cell * weight).sum();
                let away = (potential - lenia.mu) / lenia.sigma;
                let growth = 2.0 * (-0.5 * away * away).exp() - 1.0;
                (cell + lenia.dt * growth).clamp(0.0, 1.0)
            }
        }
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| next(x, y)).collect()
}

#[cfg(test)]
mod tests {
    use belljar_guest::automaton::{Board, Edges, Settings};

    use super::*;
    use crate::lenia::Lenia;
    use crate::start;

    fn larger_than_life(rule: &str) -> Law {
        Law::LargerThanLife(rule.parse().unwrap())
    }

    #[test]
    fn with_a_radius_of_1_larger_than_life_is_life() {
        let life = larger_than_life("R1,C0,M0,S2..3,B3..3,NM");
        let size = Size::new(24, 17, 1).unwrap();
        let mut cells = start::random(size, &life, 3, 0.4);
        let settings = Settings { width: 24, height: 17, rule: "B3/S23".to_owned(), edges: Edges::Torus, ages: true };
        let byte = |cells: &[f32]| (0..).zip(cells).fold(0, |byte, (bit, cell)| byte | (*cell as u8) << bit);
        let mut board = Board::from_bits(&settings, &cells.chunks(8).map(byte).collect::<Vec<_>>()).unwrap();
        for _ in 0..10 {
            cells = step(&life, size, &cells);
            board.step(1).unwrap();
            let living: Vec<bool> = board.ages().unwrap().iter().map(|age| *age > 0).collect();
            assert_eq!(cells.iter().map(|cell| *cell == 1.0).collect::<Vec<_>>(), living);
        }
    }

    #[test]
    fn a_cell_that_does_not_survive_decays_through_its_states() {
        let brief = larger_than_life("R1,C4,M0,S8..8,B8..8,NM");
        let size = Size::new(5, 5, 1).unwrap();
        let mut cells = vec![0.0; 25];
        cells[12] = 1.0;
        let mut seen = Vec::new();
        for _ in 0..4 {
            cells = step(&brief, size, &cells);
            seen.push(cells[12]);
        }
        assert_eq!(seen, [2.0, 3.0, 0.0, 0.0]);
    }

    #[test]
    fn a_cell_counts_itself_if_the_rule_says_so() {
        let size = Size::new(5, 5, 1).unwrap();
        let mut cells = vec![0.0; 25];
        cells[12] = 1.0;
        let alone = |rule: &str| step(&larger_than_life(rule), size, &cells)[12];
        assert_eq!(alone("R1,C0,M1,S1..1,B9..9,NM"), 1.0);
        assert_eq!(alone("R1,C0,M0,S1..1,B8..8,NM"), 0.0);
    }

    /// Where the mass is, on a torus: the direction of the sum of all cells as places on a circle, for each axis.
    fn centre(size: Size, cells: &[f32]) -> [f64; 2] {
        let (width, height) = (size.width() as usize, size.height() as usize);
        [(width, 1, width), (height, width, height)].map(|(length, stride, count)| {
            let turn = std::f64::consts::TAU / length as f64;
            let (mut x, mut y) = (0.0, 0.0);
            for (place, cell) in cells.iter().enumerate() {
                let angle = ((place / stride) % count) as f64 * turn;
                x += f64::from(*cell) * angle.cos();
                y += f64::from(*cell) * angle.sin();
            }
            y.atan2(x).rem_euclid(std::f64::consts::TAU) / turn
        })
    }

    #[test]
    fn an_orbium_glides_and_keeps_its_mass() {
        let lenia = Law::Lenia(Lenia::default());
        let size = Size::new(64, 64, 13).unwrap();
        let mut cells = start::orbium(size).unwrap();
        let mut run = |generations: usize| {
            for _ in 0..generations {
                cells = step(&lenia, size, &cells);
            }
            (centre(size, &cells), cells.iter().sum::<f32>())
        };
        let (at_first, mass) = run(10);
        let (later, mass_later) = run(20);
        let way = f64::hypot(later[0] - at_first[0], later[1] - at_first[1]);
        assert!((5.0..30.0).contains(&way), "{at_first:?}, {later:?}");
        assert!((mass_later / mass - 1.0).abs() < 0.1, "{mass}, {mass_later}");
    }
}
