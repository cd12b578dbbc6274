//! Tensors on a device that is killed, or hangs, while their owner goes on or is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use belljar_compute::Threads;
use belljar_compute::device::QUEUED_BYTES_MAX;
use belljar_compute::tensor::{Function, TENSOR_BYTES_DEFAULT, TensorError, TensorId, Tensors};
use rustix::process::{Pid, Signal, kill_process};

use crate::tensors::{RUNTIME, compute_on, on_both};

#[test]
fn what_a_killed_worker_had_is_lost_and_all_else_goes_on() {
    on_both!(both);
    let mut tensors = Tensors::new(TENSOR_BYTES_DEFAULT);
    compute_on(&mut tensors, &both.device);
    let kept = tensors.create(&[3], vec![1.0, 2.0, 3.0]).expect("room");
    let lost = tensors.add(kept, kept).expect("the same shape");
    RUNTIME.block_on(tensors.finish()).expect("nothing is wrong yet");
    let used = tensors.memory_bytes();
    kill_worker(&tensors);
    for _ in 0..2 {
        let error = tensors.values(lost).expect_err("it was with the worker");
        assert!(matches!(error, TensorError::Device { .. }), "{error}");
    }
    assert_eq!(tensors.memory_bytes(), used, "a copy that was not made is charged");
    // It stays lost, is no part of a snapshot, and is told once at the end of the message.
    assert!(tensors.apply(lost, Function::Exp).is_err());
    assert!(RUNTIME.block_on(tensors.settle()).is_err());
    assert!(RUNTIME.block_on(tensors.finish()).is_err());
    assert!(RUNTIME.block_on(tensors.finish()).is_ok());

    let again = tensors.add(kept, kept).expect("what the host has is there");
    assert_eq!(tensors.values(again).expect("a new worker"), [2.0, 4.0, 6.0]);
}

/// Waits for elements from a worker that does nothing meanwhile, and is stopped.
fn values_of_a_device_that_hangs(tensors: &Tensors, id: TensorId, stop: Arc<AtomicBool>) {
    let raise = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(tensors.values(id).expect_err("they never come"), TensorError::Stopped);
    raise.join().expect("no panic");
    signal_worker(tensors, Signal::CONT);
}

#[test]
fn who_waits_for_a_device_that_hangs_is_stopped() {
    on_both!(both);
    let mut tensors = Tensors::new(TENSOR_BYTES_DEFAULT);
    compute_on(&mut tensors, &both.device);
    let stop = Arc::new(AtomicBool::new(false));
    tensors.run_on(Arc::new(Threads::new(1)), 0, Arc::clone(&stop));
    let kept = tensors.create(&[3], vec![1.0, 2.0, 3.0]).expect("room");
    let double = tensors.add(kept, kept).expect("the same shape");
    RUNTIME.block_on(tensors.finish()).expect("nothing is wrong yet");
    signal_worker(&tensors, Signal::STOP);
    values_of_a_device_that_hangs(&tensors, double, stop);
    tensors.run_here();
    assert_eq!(tensors.values(double).expect("nothing was lost"), [2.0, 4.0, 6.0]);
}

#[test]
fn work_that_is_given_up_on_its_way_to_the_device_is_lost() {
    on_both!(both);
    let mut tensors = Tensors::new(TENSOR_BYTES_DEFAULT);
    compute_on(&mut tensors, &both.device);
    let stop = Arc::new(AtomicBool::new(false));
    tensors.run_on(Arc::new(Threads::new(1)), 0, Arc::clone(&stop));
    let one = tensors.full(&[3], 1.0).expect("room");
    let first = tensors.add(one, one).expect("the same shape");
    RUNTIME.block_on(tensors.finish()).expect("nothing is wrong yet");
    signal_worker(&tensors, Signal::STOP);
    // About as many bytes as may be queued: the parameters of the kernels have no room behind them.
    const COUNT: usize = QUEUED_BYTES_MAX >> 20;
    let values = vec![2.0; (1 << 18) - 1];
    let create = |tensors: &mut Tensors| tensors.create(&[values.len() as u32], values.clone()).expect("room");
    let operands: Vec<_> = (0..COUNT).map(|_| create(&mut tensors)).collect();
    let sums = operands.iter().map(|&operand| tensors.add(operand, operand).expect("the same shape"));
    let double = sums.last().expect("many");
    values_of_a_device_that_hangs(&tensors, double, stop);
    tensors.run_here();
    for lost in [first, double] {
        let error = tensors.values(lost).expect_err("it was with the device");
        assert!(error.to_string().contains("given up"), "{error}");
    }
    assert!(RUNTIME.block_on(tensors.finish()).is_err());
    let again = tensors.add(operands[0], operands[1]).expect("what the host has is there");
    assert_eq!(tensors.values(again).expect("a device that works"), vec![4.0; values.len()]);
}

fn kill_worker(tensors: &Tensors) {
    signal_worker(tensors, Signal::KILL);
}

fn signal_worker(tensors: &Tensors, signal: Signal) {
    let id = tensors.device_worker().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    kill_process(id.expect("a worker is there"), signal).expect("the worker is ours");
}
