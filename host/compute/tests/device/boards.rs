//! Boards on the device: the same cells as the processors come to, to the last bit, and nothing that stays there.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use belljar_compute::Threads;
use belljar_compute::automaton::{AutomatonError, Boards, DeviceStepper, Edges, Rule, Settings, Size, Work};
use belljar_compute::device::{Device, DeviceConfig};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::support::{config, device_with};

const MEMORY_BYTES_MAX: u64 = 64 << 20;

/// A device, and the runtime that it is used in. Boards are stepped by threads that may block, such as a test's.
fn open(config: DeviceConfig) -> Option<(Runtime, Device)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let device = runtime.block_on(device_with(config))?;
    Some((runtime, device))
}

fn settings(width: u32, height: u32, rule: Rule, edges: Edges) -> Settings {
    Settings { size: Size::new(width, height).expect("a size"), rule, edges, ages: false }
}

fn life(width: u32, height: u32) -> Settings {
    settings(width, height, Rule::LIFE, Edges::Torus)
}

/// Does something on two threads, which is told to end if it is to be.
fn with_work<T>(is_stopped: bool, job: impl FnOnce(&Work<'_>) -> T) -> T {
    let threads = Threads::new(2);
    job(&Work { threads: Some(&threads), owner: 1, stop: &AtomicBool::new(is_stopped) })
}

/// Life, every second time, and any other rule; on sizes around those that fill whole words, and others.
fn any_settings() -> impl Strategy<Value = Settings> {
    let any_rule = (0u16..512, 0u16..512).prop_map(|(birth, survival)| Rule::from_masks(birth, survival).unwrap());
    let rule = prop_oneof![Just(Rule::LIFE), any_rule];
    let width = prop_oneof![1u32..6, 30u32..35, 62u32..67, 1u32..150];
    let edges = prop_oneof![Just(Edges::Torus), Just(Edges::Dead)];
    let height = prop_oneof![1u32..4, 1u32..70];
    (width, height, rule, edges).prop_map(|(width, height, rule, edges)| settings(width, height, rule, edges))
}

#[test]
fn the_device_comes_to_the_same_cells_as_the_processors() {
    let Some((runtime, device)) = open(config()) else { return };
    let _inside = runtime.enter();
    let stepper = RefCell::new(DeviceStepper::new(&device, MEMORY_BYTES_MAX));
    let boards = proptest::collection::vec(any_settings(), 1..4);
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(boards, 1usize..9, any::<u64>(), 0u64..12), |(kinds, count, seed, generations)| {
        let mut boards = Boards::new(MEMORY_BYTES_MAX);
        let ids: Vec<u64> = (0..count)
            .map(|number| boards.random(kinds[number % kinds.len()], seed ^ number as u64, 0.4).expect("room"))
            .collect();
        let mut by_processors = boards.clone();
        with_work(false, |work| {
            by_processors.step_many(&ids, generations, work).expect("nothing stops it");
            boards.step_many_on(&mut stepper.borrow_mut(), &ids, generations, work).expect("nothing stops it");
        });
        prop_assert!(boards.encode() == by_processors.encode(), "{:?}", kinds);
        Ok(())
    });
    outcome.expect("the same cells");
    assert_eq!(stepper.borrow().usage().memory_bytes, 0);
}

#[test]
fn a_board_of_several_submissions_goes_on_where_it_was() {
    let Some((runtime, device)) = open(config()) else { return };
    let _inside = runtime.enter();
    let mut stepper = DeviceStepper::new(&device, MEMORY_BYTES_MAX);
    let mut boards = Boards::new(MEMORY_BYTES_MAX);
    let id = boards.random(life(40, 30), 1, 0.4).expect("room");
    let mut by_processors = boards.clone();
    // More than the commands of a submission; and a board that is named twice is stepped twice.
    with_work(false, |work| {
        boards.step_many_on(&mut stepper, &[id, id], 2101, work).expect("nothing stops it");
        by_processors.step_many(&[id, id], 2101, work).expect("nothing stops it");
    });
    assert_eq!(boards.get(id).unwrap().generation(), 4202);
    assert_eq!(boards.encode(), by_processors.encode());
    assert_eq!(stepper.usage().dispatches, 4202);
}

#[test]
fn a_large_board_takes_workgroups_on_two_axes() {
    let Some((runtime, device)) = open(config()) else { return };
    let _inside = runtime.enter();
    let mut stepper = DeviceStepper::new(&device, MEMORY_BYTES_MAX);
    // 4,259,840 words, more than the 65,535 workgroups of an axis compute.
    let mut boards = Boards::new(u64::MAX);
    let id = boards.random(settings(65_536, 2080, Rule::LIFE, Edges::Dead), 2, 0.4).expect("room");
    let mut by_processors = boards.clone();
    with_work(false, |work| {
        boards.step_many_on(&mut stepper, &[id], 2, work).expect("nothing stops it");
        by_processors.step_many(&[id], 2, work).expect("nothing stops it");
    });
    assert_eq!(boards.get(id).unwrap().summary(), by_processors.get(id).unwrap().summary());
}

#[test]
fn boards_that_count_ages_are_stepped_by_the_processors() {
    let Some((runtime, device)) = open(config()) else { return };
    let _inside = runtime.enter();
    let mut stepper = DeviceStepper::new(&device, MEMORY_BYTES_MAX);
    let mut boards = Boards::new(MEMORY_BYTES_MAX);
    let id = boards.random(Settings { ages: true, ..life(50, 50) }, 3, 0.4).expect("room");
    let mut by_processors = boards.clone();
    with_work(false, |work| {
        boards.step_many_on(&mut stepper, &[id], 9, work).expect("nothing stops it");
        by_processors.step_many(&[id], 9, work).expect("nothing stops it");
    });
    assert_eq!(boards.encode(), by_processors.encode());
    assert_eq!(stepper.usage().dispatches, 0);
}

#[test]
fn work_that_is_stopped_leaves_the_boards_as_they_were() {
    let Some((runtime, device)) = open(config()) else { return };
    let _inside = runtime.enter();
    let mut stepper = DeviceStepper::new(&device, MEMORY_BYTES_MAX);
    let mut boards = Boards::new(MEMORY_BYTES_MAX);
    let id = boards.random(life(100, 100), 4, 0.4).expect("room");
    let before = boards.encode();
    let threads = Threads::new(1);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            stop.store(true, Ordering::Relaxed);
        });
        let work = Work { threads: Some(&threads), owner: 1, stop: &stop };
        assert_eq!(boards.step_many_on(&mut stepper, &[id], u64::MAX, &work), Err(AutomatonError::Stopped));
    });
    assert!(boards.encode() == before);
}

#[test]
fn boards_that_have_no_room_on_the_device_say_so() {
    let Some((runtime, device)) = open(config()) else { return };
    let _inside = runtime.enter();
    let mut stepper = DeviceStepper::new(&device, 10_000);
    let mut boards = Boards::new(MEMORY_BYTES_MAX);
    let [small, large] = [100, 1000].map(|side| boards.random(life(side, side), 5, 0.4).expect("room"));
    let before = boards.encode();
    let error = with_work(false, |work| boards.step_many_on(&mut stepper, &[small, large], 1, work).unwrap_err());
    assert!(matches!(&error, AutomatonError::NoDevice(why) if why.contains("memory")), "{error}");
    assert!(boards.encode() == before);
    with_work(false, |work| boards.step_many_on(&mut stepper, &[small], 1, work)).expect("there is room for it");
    let unknown = with_work(false, |work| boards.step_many_on(&mut stepper, &[9], 1, work));
    assert_eq!(unknown, Err(AutomatonError::UnknownBoard(9)));
}
