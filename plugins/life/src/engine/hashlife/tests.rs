use super::*;
use crate::engine::{Edges, Simd};
use crate::soup;

const GUN: &str = include_str!("../../../patterns/gosper-gun.rle");
const R_PENTOMINO: &str = include_str!("../../../patterns/r-pentomino.rle");

fn setup(side: u32) -> Setup {
    Setup { size: Size::new(side, side).unwrap(), rule: Rule::LIFE, edges: Edges::Plane, has_ages: false }
}

fn plane(text: &str) -> Plane {
    let mut plane = Plane::new(&Bits::dead(setup(64).size), setup(64)).unwrap();
    plane.place(&Pattern::parse(text).unwrap(), 10, 20).unwrap();
    plane
}

fn population(plane: &mut Plane) -> u128 {
    plane.measure().unwrap().population
}

#[test]
fn five_cells_that_live_long_end_as_they_are_known_to() {
    let mut r_pentomino = plane(R_PENTOMINO);

    r_pentomino.step(1103).unwrap();

    assert_eq!(population(&mut r_pentomino), 116);
}

#[test]
fn a_gun_has_fired_for_two_to_the_forty_generations() {
    let population_after = |generations| {
        let mut gun = plane(GUN);
        gun.step(generations).unwrap();
        population(&mut gun)
    };
    // Every 30 generations it is as it was, but for a glider of five cells.
    let period = 30;
    assert_eq!(population_after(16 + 10 * period), population_after(16) + 50);

    let generations = 1 << 40;

    assert_eq!(generations % period, 16);
    assert_eq!(population_after(generations), population_after(16) + u128::from(generations / period) * 5);
}

#[test]
fn the_hash_is_of_the_smallest_rectangle_with_all_life_wherever_it_is() {
    let mut here = plane("OO\nOO");
    let mut there = plane(".");
    there.place(&Pattern::parse("OO\nOO").unwrap(), 1 << 40, -7).unwrap();
    let square = Bits::from_bytes(Size::new(2, 2).unwrap(), vec![0b11; 2]).unwrap();

    assert_eq!(here.measure().unwrap(), Measure::of(&square));
    assert_eq!(there.measure().unwrap(), Measure::of(&square));
    assert_eq!(there.all().unwrap(), square);
    assert_eq!(plane(".").measure().unwrap(), Measure::of(&Bits::none()));
}

#[test]
fn life_too_far_apart_for_a_rectangle_has_a_hash_too() {
    let far = |distance| {
        let mut plane = plane("OO\nOO");
        plane.place(&Pattern::parse("OO\nOO").unwrap(), distance, distance).unwrap();
        plane.step(1 << 20).unwrap();
        plane
    };

    let hash = far(1 << 40).measure().unwrap().hash;

    assert_eq!(far(1 << 40).measure().unwrap().hash, hash);
    assert_ne!(far(1 << 41).measure().unwrap().hash, hash);
    let too_wide = far(1 << 40).all().unwrap_err();
    assert!(too_wide.to_string().contains("16777216"), "{too_wide}");
}

#[test]
fn a_window_shows_what_is_in_the_middle_of_the_plane() {
    let mut glider = plane("x = 3, y = 3\nbo$2bo$3o!");

    glider.step(4 * 10).unwrap();

    let cells: Vec<_> = glider.window().unwrap().live_cells().collect();
    assert_eq!(cells, [(21, 30), (22, 31), (20, 32), (21, 32), (22, 32)]);
    glider.step(1 << 30).unwrap();
    assert_eq!(glider.window().unwrap().population(), 0);
    assert_eq!(population(&mut glider), 5);
}

#[test]
fn a_plane_with_little_room_takes_shorter_leaps_to_the_same_end() {
    const ROOM: usize = 1500;
    let cells = soup::random(Size::new(32, 32).unwrap(), 3, 0.35);
    let mut roomy = Plane::new(&cells, setup(32)).unwrap();
    let mut narrow = Plane::with_room(&cells, setup(32), ROOM).unwrap();

    roomy.step(200).unwrap();
    narrow.step(200).unwrap();

    assert!(roomy.arena.len() > ROOM, "{} squares fit without forgetting any", roomy.arena.len());
    assert_eq!(roomy.measure().unwrap(), narrow.measure().unwrap());
    assert_eq!(roomy.window().unwrap(), narrow.window().unwrap());
}

#[test]
fn a_plane_without_room_says_so_and_stays_as_it_was() {
    let cells = soup::random(Size::new(64, 64).unwrap(), 3, 0.35);
    let too_small = Plane::with_room(&cells, setup(64), 70).err();
    let mut plane = Plane::with_room(&cells, setup(64), 200).unwrap();

    let error = plane.step(1).unwrap_err();

    assert_eq!(too_small, Some(PlaneError::TooComplex));
    assert!(matches!(error, Error::Plane(PlaneError::TooComplex)), "{error}");
    assert_eq!(plane.window().unwrap(), cells);
}

#[test]
fn what_would_leave_the_coordinates_is_refused() {
    let mut glider = plane("x = 3, y = 3\nbo$2bo$3o!");
    let block = Pattern::parse("OO\nOO").unwrap();

    for (x, y) in [(i64::MAX, 0), (0, i64::MIN), (1 << 62, 0)] {
        let error = glider.place(&block, x, y).unwrap_err();
        assert!(matches!(error, Error::Plane(PlaneError::TooFar)), "{error}");
    }
    let error = glider.step(u64::MAX).unwrap_err();
    assert!(matches!(error, Error::Plane(PlaneError::TooFar)), "{error}");
    assert_eq!(population(&mut glider), 5);
}

#[test]
fn a_rule_that_fills_the_plane_is_refused() {
    let rule: Rule = "B03/S23".parse().unwrap();

    let error = Plane::new(&Bits::none(), Setup { rule, ..setup(8) }).err();

    assert_eq!(error, Some(PlaneError::BornOfNothing(rule)));
}

#[test]
fn a_large_plane_is_as_a_large_board() {
    let side = 640;
    let mut cells = Bits::dead(Size::new(side, side).unwrap());
    let soup = soup::random(Size::new(300, 300).unwrap(), 11, 0.3);
    soup.live_cells().for_each(|(x, y)| cells.give_life(x + 170, y + 170));
    let mut board = Simd::new(&cells, Setup { edges: Edges::Dead, ..setup(side) });
    let mut plane = Plane::new(&cells, setup(side)).unwrap();

    board.step(150).unwrap();
    plane.step(150).unwrap();

    assert_eq!(board.window().unwrap(), plane.window().unwrap());
}
