//! Boards against their definition, and against what is known of Life.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use pulp::Arch;

use super::packed;
use super::*;
use crate::Threads;

/// The kinds of instructions that this machine has.
pub(super) fn archs() -> Vec<Arch> {
    #[cfg(target_arch = "x86_64")]
    let narrower = pulp::x86::V3::try_new().map(Arch::V3);
    #[cfg(not(target_arch = "x86_64"))]
    let narrower = None;
    [Some(Arch::new()), narrower, Some(Arch::Scalar)].into_iter().flatten().collect()
}

/// Sizes around everything that is special to the layout, and others.
pub(super) fn sizes() -> impl Strategy<Value = Size> {
    let width = prop_oneof![1u32..6, 1u32..150, 60u32..70, 126u32..131, 254u32..260, 510u32..515, 1000u32..1100];
    let height = prop_oneof![1u32..4, 1u32..70];
    (width, height).prop_map(|(width, height)| Size::new(width, height).unwrap())
}

/// Life, every second time, and any other rule.
pub(super) fn rules() -> impl Strategy<Value = Rule> {
    let any = (0u16..512, 0u16..512).prop_map(|(birth, survival)| Rule::from_masks(birth, survival).unwrap());
    prop_oneof![Just(Rule::LIFE), any]
}

pub(super) fn settings(size: Size, rule: Rule, is_torus: bool) -> Settings {
    Settings { size, rule, edges: if is_torus { Edges::Torus } else { Edges::Dead }, ages: false }
}

/// The definition of a board, cell by cell.
pub(super) fn reference(settings: &Settings, packed: &[u8], generations: u64) -> Vec<u8> {
    let size = settings.size;
    let (width, height) = (i64::from(size.width()), i64::from(size.height()));
    let mut now = packed.to_vec();
    for _ in 0..generations {
        let is_alive = |x: i64, y: i64| {
            let is_inside = (0..width).contains(&x) && (0..height).contains(&y);
            (is_inside || settings.edges == Edges::Torus)
                && packed::is_alive(size, &now, x.rem_euclid(width) as u32, y.rem_euclid(height) as u32)
        };
        let mut next = vec![0; now.len()];
        for y in 0..height {
            for x in 0..width {
                let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))).filter(|place| *place != (0, 0));
                let neighbours = around.filter(|(dx, dy)| is_alive(x + dx, y + dy)).count() as u32;
                if settings.rule.lives(is_alive(x, y), neighbours) {
                    let (byte, bit) = packed::place(size, x as u32, y as u32);
                    next[byte] |= bit;
                }
            }
        }
        now = next;
    }
    now
}

/// Steps boards on two threads.
struct Stepper {
    threads: Threads,
    stop: AtomicBool,
}

impl Stepper {
    fn new() -> Self {
        Self { threads: Threads::new(2), stop: AtomicBool::new(false) }
    }

    fn work(&self) -> Work<'_> {
        Work { threads: Some(&self.threads), owner: 1, stop: &self.stop }
    }

    fn step(&self, board: &mut Board, generations: u64) {
        board.step(generations, &self.work()).unwrap();
    }
}

fn life(width: u32, height: u32, edges: Edges) -> Settings {
    Settings { size: Size::new(width, height).unwrap(), rule: Rule::LIFE, edges, ages: false }
}

/// The living cells of a drawing, moved to the right and down.
fn drawn(drawing: &str, x: u32, y: u32) -> Vec<Cell> {
    let rows = (y..).zip(drawing.split_whitespace());
    rows.flat_map(|(y, row)| (x..).zip(row.bytes()).filter(|(_, cell)| *cell == b'O').map(move |(x, _)| Cell { x, y }))
        .collect()
}

fn board(settings: Settings, living: &[Cell]) -> Board {
    let mut board = Board::new(settings);
    board.set(living, true).unwrap();
    board
}

fn living(board: &Board) -> Vec<Cell> {
    let size = board.settings().size;
    board.cells(Rectangle { x: 0, y: 0, width: size.width(), height: size.height() }).unwrap()
}

const GLIDER: &str = ".O. ..O OOO";

const GOSPER_GUN: &str = "
    ........................O...........
    ......................O.O...........
    ............OO......OO............OO
    ...........O...O....OO............OO
    OO........O.....O...OO..............
    OO........O...O.OO....O.O...........
    ..........O.....O.......O...........
    ...........O...O....................
    ............OO......................";

#[test]
fn a_block_stays_and_a_blinker_turns() {
    let stepper = Stepper::new();
    let mut block = board(life(10, 10, Edges::Dead), &drawn("OO OO", 0, 0));
    stepper.step(&mut block, 7);
    assert_eq!(living(&block), drawn("OO OO", 0, 0));

    let mut blinker = board(life(9, 9, Edges::Torus), &drawn("OOO", 3, 4));
    stepper.step(&mut blinker, 1);
    assert_eq!(living(&blinker), drawn("O O O", 4, 3));
    stepper.step(&mut blinker, 1);
    assert_eq!(living(&blinker), drawn("OOO", 3, 4));
}

#[test]
fn a_glider_crosses_the_edges_of_a_torus() {
    let stepper = Stepper::new();
    for (width, height) in [(20, 20), (64, 32), (65, 33), (512, 300), (1000, 700)] {
        let mut glider = board(life(width, height, Edges::Torus), &drawn(GLIDER, width - 4, height - 4));
        // Four generations move it by one cell each way.
        stepper.step(&mut glider, 4 * 8);
        assert_eq!(living(&glider), drawn(GLIDER, 4, 4), "{width} × {height}");
    }
}

#[test]
fn a_glider_becomes_a_block_in_the_corner_of_dead_edges() {
    let mut glider = board(life(12, 12, Edges::Dead), &drawn(GLIDER, 0, 0));
    Stepper::new().step(&mut glider, 200);
    assert_eq!(living(&glider), drawn("OO OO", 10, 10));
}

#[test]
fn a_gosper_gun_sends_a_glider_every_30_generations() {
    let stepper = Stepper::new();
    let mut gun = board(life(250, 230, Edges::Dead), &drawn(GOSPER_GUN, 5, 5));
    for gliders in 1..=20 {
        stepper.step(&mut gun, 30);
        assert_eq!(gun.population(), 36 + 5 * gliders);
    }
}

#[test]
fn an_r_pentomino_leaves_116_cells() {
    let mut board = board(life(1024, 1024, Edges::Torus), &drawn(".OO OO. .O.", 512, 512));
    let stepper = Stepper::new();
    stepper.step(&mut board, 1103);
    assert_eq!((board.population(), board.generation()), (116, 1103));
    stepper.step(&mut board, 20);
    assert_eq!(board.population(), 116);
}

#[test]
fn large_boards_that_take_several_bands_follow_the_definition() {
    let stepper = Stepper::new();
    for (width, height, edges) in [(1500, 700, Edges::Torus), (700, 1500, Edges::Dead), (5000, 130, Edges::Torus)] {
        let mut board = Board::random(life(width, height, edges), 3, 0.4).unwrap();
        let expected = reference(board.settings(), board.bits(), 3);
        stepper.step(&mut board, 3);
        assert!(board.bits() == expected, "{width} × {height}");
    }
}

#[test]
fn the_hash_of_a_known_board_never_changes() {
    let mut board = Board::random(life(1000, 1000, Edges::Torus), 42, 0.35).unwrap();
    Stepper::new().step(&mut board, 1000);
    let known = Summary { generation: 1000, population: 43_972, hash: 6_949_416_009_836_110_025 };
    assert_eq!(board.summary(), known);
}

#[test]
fn cells_off_the_board_change_nothing() {
    let mut board = Board::new(life(10, 5, Edges::Torus));
    let outside = Cell { x: 3, y: 5 };
    let error = board.set(&[Cell { x: 0, y: 0 }, outside], true).unwrap_err();
    assert_eq!((error, board.population()), (AutomatonError::Outside(outside), 0));
    assert!(board.cells(Rectangle { x: 9, y: 0, width: 2, height: 1 }).is_err());
    assert!(board.cells(Rectangle { x: u32::MAX, y: 0, width: u32::MAX, height: 1 }).is_err());
    assert_eq!(board.cells(Rectangle { x: 10, y: 0, width: 0, height: 1 }).unwrap(), []);
}

#[test]
fn no_more_cells_are_listed_than_the_limit_says() {
    let board = Board::random(life(1025, 1024, Edges::Torus), 0, 1.0).unwrap();
    let part = |width| board.cells(Rectangle { x: 0, y: 0, width, height: 1024 });
    assert_eq!(part(1024).unwrap().len() as u64, CELLS_LISTED_MAX);
    assert_eq!(part(1025).unwrap_err(), AutomatonError::TooMany { limit: CELLS_LISTED_MAX });
}

#[test]
fn sizes_have_a_limit() {
    assert!(Size::new(BOARD_SIDE_MAX, 1).is_ok());
    for (width, height) in [(0, 1), (1, 0), (BOARD_SIDE_MAX + 1, 1), (1, u32::MAX)] {
        assert_eq!(Size::new(width, height).unwrap_err(), AutomatonError::BadSize { width, height });
    }
}

#[test]
fn stopped_work_leaves_the_board_as_it_was() {
    let stepper = Stepper::new();
    for size in [50, 2000] {
        let mut boards = vec![Board::random(life(size, size, Edges::Torus), 1, 0.4).unwrap(); 2];
        let before = boards[0].summary();
        stepper.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(boards[0].step(u64::MAX, &stepper.work()), Err(AutomatonError::Stopped));
        assert_eq!(Board::step_many(&mut boards, 5, &stepper.work()), Err(AutomatonError::Stopped));
        assert_eq!((boards[0].summary(), boards[1].summary()), (before, before));
    }
}

#[test]
fn work_without_end_can_be_stopped_while_it_runs() {
    let stepper = Stepper::new();
    let mut board = Board::random(life(100, 100, Edges::Torus), 1, 0.4).unwrap();
    std::thread::scope(|scope| {
        let stepping = scope.spawn(|| board.step(u64::MAX, &stepper.work()));
        stepper.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(stepping.join().unwrap(), Err(AutomatonError::Stopped));
    });
}

#[test]
fn ages_count_the_generations_that_a_cell_has_lived() {
    let stepper = Stepper::new();
    let settings = Settings { ages: true, ..life(5, 5, Edges::Dead) };
    let mut blinker = board(settings, &drawn("OOO", 1, 2));
    stepper.step(&mut blinker, 3);
    let ages = blinker.ages().unwrap();
    assert_eq!((ages[5 + 2], ages[2 * 5 + 2], ages[3 * 5 + 2]), (1, 4, 1));
    assert_eq!(ages.iter().filter(|age| **age > 0).count(), 3);

    blinker.set(&[Cell { x: 2, y: 2 }, Cell { x: 0, y: 0 }], true).unwrap();
    blinker.set(&[Cell { x: 2, y: 1 }], false).unwrap();
    let ages = blinker.ages().unwrap();
    assert_eq!((ages[2 * 5 + 2], ages[0], ages[5 + 2]), (4, 1, 0));

    let mut block = board(settings, &drawn("OO OO", 1, 1));
    stepper.step(&mut block, 253);
    assert_eq!(block.ages().unwrap()[6], 254);
    stepper.step(&mut block, 500);
    assert_eq!(block.ages().unwrap()[6], 255);
    assert_eq!(board(life(5, 5, Edges::Dead), &[]).ages(), Err(AutomatonError::NoAges));
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let stepper = Stepper::new();
    let mut board = Board::random(Settings { ages: true, ..life(70, 70, Edges::Torus) }, 4, 0.4).unwrap();
    stepper.step(&mut board, 2);
    let (snapshot, before) = (board.clone(), (board.summary(), board.ages()));
    stepper.step(&mut board, 1);
    board.set(&[Cell { x: 1, y: 1 }], true).unwrap();
    assert_ne!(board.ages(), before.1);
    assert_eq!((snapshot.summary(), snapshot.ages()), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn steps_add_up(
        size in sizes(),
        rule in rules(),
        is_torus in any::<bool>(),
        ages in any::<bool>(),
        seed in any::<u64>(),
        first in 0u64..36,
        second in 0u64..36,
    ) {
        let stepper = Stepper::new();
        let settings = Settings { ages, ..settings(size, rule, is_torus) };
        let mut at_once = Board::random(settings, seed, 0.3).unwrap();
        let mut in_two = at_once.clone();
        stepper.step(&mut at_once, first + second);
        stepper.step(&mut in_two, first);
        in_two.bits();
        stepper.step(&mut in_two, second);
        prop_assert_eq!(at_once.summary(), in_two.summary());
        prop_assert!(at_once.ages() == in_two.ages());
    }

    #[test]
    fn ages_follow_their_definition(size in sizes(), is_torus in any::<bool>(), seed in any::<u64>()) {
        let stepper = Stepper::new();
        let settings = Settings { ages: true, ..settings(size, Rule::LIFE, is_torus) };
        let mut board = Board::random(settings, seed, 0.4).unwrap();
        let cells = size.cells() as usize;
        let mut expected = vec![0u8; cells];
        for generation in 0..5 {
            for (cell, age) in expected.iter_mut().enumerate() {
                let (x, y) = (cell as u32 % size.width(), cell as u32 / size.width());
                *age = if packed::is_alive(size, board.bits(), x, y) { age.saturating_add(1) } else { 0 };
            }
            prop_assert!(board.ages().unwrap() == expected, "generation {}", generation);
            stepper.step(&mut board, 1);
        }
    }

    #[test]
    fn many_boards_step_as_each_would_alone(
        sizes in proptest::collection::vec(sizes(), 1..3),
        rule in rules(),
        is_torus in any::<bool>(),
        count in 1usize..600,
        generations in 0u64..20,
    ) {
        let stepper = Stepper::new();
        let mut boards: Vec<Board> = (0..count)
            .map(|number| {
                let ages = number % 100 == 7;
                let settings = Settings { ages, ..settings(sizes[number % sizes.len()], rule, is_torus) };
                Board::random(settings, number as u64, 0.4).unwrap()
            })
            .collect();
        let mut alone = boards.clone();
        Board::step_many(&mut boards, generations, &stepper.work()).unwrap();
        for (number, (one, board)) in alone.iter_mut().zip(&boards).enumerate() {
            stepper.step(one, generations);
            prop_assert_eq!(one.summary(), board.summary(), "board {}", number);
        }
    }
}
