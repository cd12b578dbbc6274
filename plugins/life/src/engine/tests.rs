//! All engines come to the same cells. The host is the stand-in of the SDK here, which steps cell by cell.

use super::*;
use crate::soup;
use proptest::prelude::*;

const PATTERNS: [&str; 6] = [
    include_str!("../../patterns/gosper-gun.rle"),
    include_str!("../../patterns/r-pentomino.rle"),
    include_str!("../../patterns/glider.rle"),
    include_str!("../../patterns/replicator.rle"),
    include_str!("../../patterns/pulsar.cells"),
    include_str!("../../patterns/spaceship.cells"),
];

fn setup(width: u32, height: u32, rule: Rule, edges: Edges) -> Setup {
    Setup { size: Size::new(width, height).unwrap(), rule, edges, has_ages: false }
}

/// The pattern in the middle of a board.
fn start(text: &str, size: Size) -> (Bits, Rule) {
    let pattern = Pattern::parse(text).unwrap();
    let mut cells = Bits::dead(size);
    let (x, y) = ((size.width() - pattern.width()) / 2, (size.height() - pattern.height()) / 2);
    pattern.cells().iter().for_each(|cell| cells.give_life(x + cell.0, y + cell.1));
    (cells, pattern.rule().unwrap_or_default())
}

#[test]
fn all_engines_agree_on_every_pattern() {
    for text in PATTERNS {
        // Nothing comes to an edge, so that a board with dead edges is a part of the plane.
        let size = Size::new(110, 80).unwrap();
        let (cells, rule) = start(text, size);
        let bounded = setup(110, 80, rule, Edges::Dead);
        let mut host = Host::new(&cells, bounded).unwrap();
        let mut simd = Simd::new(&cells, bounded);
        let mut plane = Plane::new(&cells, Setup { edges: Edges::Plane, ..bounded }).unwrap();

        for generations in [1, 2, 7, 0, 20] {
            let engines: [&mut dyn Engine; 3] = [&mut host, &mut simd, &mut plane];
            let windows = engines.map(|engine| {
                engine.step(generations).unwrap();
                engine.window().unwrap()
            });

            assert_eq!(windows[0], windows[1], "{text}");
            assert_eq!(windows[0], windows[2], "{text}");
            assert_eq!(host.measure().unwrap(), simd.measure().unwrap(), "{text}");
            assert_eq!(plane.measure().unwrap().population, u128::from(windows[0].population()), "{text}");
        }
    }
}

#[test]
fn a_pattern_that_is_placed_comes_in_again_on_a_torus_and_is_refused_by_dead_edges() {
    let glider = Pattern::parse(PATTERNS[2]).unwrap();
    let torus = setup(5, 5, Rule::LIFE, Edges::Torus);
    let dead = setup(5, 5, Rule::LIFE, Edges::Dead);
    let empty = Bits::dead(torus.size);

    let mut host = Host::new(&empty, torus).unwrap();
    let mut simd = Simd::new(&empty, torus);
    host.place(&glider, -1, i64::from(u32::MAX) * 5 + 4).unwrap();
    simd.place(&glider, -1, i64::from(u32::MAX) * 5 + 4).unwrap();
    let error = Simd::new(&empty, dead).place(&glider, 3, 0).unwrap_err();

    assert_eq!(host.window().unwrap(), simd.window().unwrap());
    assert_eq!(simd.window().unwrap().bytes(), [0b00010, 0b10011, 0, 0, 0b00001]);
    assert!(matches!(error, Error::Outside { x: 5, y: 1 }), "{error}");
}

#[test]
fn ages_are_kept_on_request_only() {
    let without = setup(5, 5, Rule::LIFE, Edges::Torus);
    let board = Simd::new(&Bits::dead(without.size), without);

    assert!(matches!(board.ages(), Err(Error::NoAges)));
    assert!(matches!(Host::random(1, 0.5, without).unwrap().ages(), Err(Error::NoAges)));
}

fn any_rule() -> impl Strategy<Value = Rule> {
    const RULES: [&str; 6] = ["B36/S23", "B2/S", "B0123478/S34678", "B1357/S1357", "B0/S8", "B345678/S012345678"];
    prop_oneof![Just(Rule::LIFE), proptest::sample::select(&RULES[..]).prop_map(|rule| rule.parse().unwrap())]
}

/// Widths around those at which the layout of words changes.
fn any_width() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..20, 120_u32..140, 250_u32..260, 380_u32..390, 500_u32..520, 1_u32..700]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn vectors_and_the_host_agree_on_soups(
        width in any_width(),
        height in 1_u32..16,
        rule in any_rule(),
        is_torus in any::<bool>(),
        seed in any::<u64>(),
        generations in 0_u64..8,
        has_ages in any::<bool>(),
    ) {
        let edges = if is_torus { Edges::Torus } else { Edges::Dead };
        let setup = Setup { has_ages, ..setup(width, height, rule, edges) };
        let mut host = Host::random(seed, 0.4, setup).unwrap();
        let mut simd = Simd::new(&soup::random(setup.size, seed, 0.4), setup);

        host.step(generations).unwrap();
        simd.step(generations).unwrap();

        prop_assert_eq!(host.window().unwrap(), simd.window().unwrap());
        prop_assert_eq!(host.measure().unwrap(), simd.measure().unwrap());
        if has_ages {
            prop_assert_eq!(host.ages().unwrap(), simd.ages().unwrap());
        }
    }

    #[test]
    fn hashlife_and_vectors_agree_on_soups(
        rule in any_rule().prop_filter("hashlife needs a neighbour for a birth", |rule| !rule.is_born(0)),
        width in 1_u32..40,
        height in 1_u32..40,
        seed in any::<u64>(),
        first in 0_u64..20,
        second in 0_u64..20,
    ) {
        // Life that moves as fast as it can stays on the board.
        let margin = 41;
        let mut cells = Bits::dead(Size::new(width + 2 * margin, height + 2 * margin).unwrap());
        let soup = soup::random(Size::new(width, height).unwrap(), seed, 0.4);
        soup.live_cells().for_each(|(x, y)| cells.give_life(x + margin, y + margin));
        let bounded = setup(cells.width(), cells.height(), rule, Edges::Dead);
        let mut simd = Simd::new(&cells, bounded);
        let mut plane = Plane::new(&cells, Setup { edges: Edges::Plane, ..bounded }).unwrap();

        prop_assert_eq!(plane.window().unwrap(), cells);
        simd.step(first + second).unwrap();
        plane.step(first).unwrap();
        plane.step(second).unwrap();

        prop_assert_eq!(plane.window().unwrap(), simd.window().unwrap());
        prop_assert_eq!(plane.measure().unwrap().population, simd.measure().unwrap().population);
    }
}
