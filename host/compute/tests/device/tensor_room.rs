//! What tensors take of an owner's memory and of the device's, and where operations are computed that have no room there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use belljar_compute::device::{AdapterKind, DeviceConfig, Usage, WorkerProgram};
use belljar_compute::tensor::{Activation, Engine, Function, Sgd, TENSOR_BYTES_DEFAULT, TensorError, Tensors, Window};

use crate::support;
use crate::tensors::{Both, Network, Operation, RUNTIME, compute_by, compute_on, input, numbers, on_both};

#[test]
fn elements_on_both_sides_count_on_both_and_all_is_given_back() {
    on_both!(both);
    let mut tensors = Tensors::new(20_000);
    compute_on(&mut tensors, &both.device);
    let weight = tensors.create(&[1000], vec![2.0; 1000]).expect("room");
    assert_eq!(tensors.memory_bytes(), 4000);
    let root = tensors.apply(weight, Function::Sqrt).expect("room");
    assert_eq!(tensors.memory_bytes(), 12_000);
    tensors.values(root).expect("it is there");
    assert_eq!(tensors.memory_bytes(), 16_000);
    let error = tensors.zeros(&[1001]).expect_err("no room");
    assert!(matches!(error, TensorError::OutOfMemory { .. }), "{error}");
    [weight, root].into_iter().for_each(|id| tensors.free(id).expect("it is there"));
    assert_eq!(tensors.memory_bytes(), 0);
}

#[test]
fn indices_on_the_device_count_and_have_their_limit() {
    on_both!(both);
    let mut tensors = Tensors::new(TENSOR_BYTES_DEFAULT);
    compute_on(&mut tensors, &both.device);
    let table = tensors.create(&[10, 1], numbers(10, 1)).expect("room");
    tensors.require_gradient(table).expect("a leaf");
    let loss_of_rows = |tensors: &mut Tensors| {
        let rows = tensors.embedding(table, &[3; 3000]).expect("room");
        tensors.sum(rows, &[], false).expect("a loss")
    };
    // The gradient of the rows has room, and their places beside it have not.
    let loss = loss_of_rows(&mut tensors);
    tensors.set_memory_bytes_max(tensors.memory_bytes() + 18_000);
    let error = tensors.backward(loss).expect_err("no room");
    assert!(matches!(error, TensorError::OutOfMemory { .. }), "{error}");
    tensors.set_memory_bytes_max(TENSOR_BYTES_DEFAULT);
    let loss = loss_of_rows(&mut tensors);
    tensors.backward(loss).expect("room");
    drop(tensors);

    // A row more than there are starts for in one operand.
    let limits = both.device.adapter().limits;
    let rows_max = limits.storage_binding_bytes_max.min(limits.buffer_bytes_max) / 4;
    let Some(rows) = u32::try_from(rows_max).ok().filter(|&rows| rows <= 1 << 26) else {
        println!("SKIPPED: {rows_max} rows are too many for a test");
        return;
    };
    let mut tensors = Tensors::new(1 << 30);
    compute_on(&mut tensors, &both.device);
    let table = tensors.zeros(&[rows, 1]).expect("room");
    tensors.require_gradient(table).expect("a leaf");
    let row = tensors.embedding(table, &[rows - 1]).expect("room");
    let loss = tensors.sum(row, &[], false).expect("a loss");
    let error = tensors.backward(loss).expect_err("one start too many");
    assert!(matches!(error, TensorError::OutOfMemory { .. }), "{error}");
    RUNTIME.block_on(tensors.finish()).expect("nothing is lost");
}

#[test]
fn what_has_no_room_on_the_device_is_computed_by_the_processors_unless_that_is_named() {
    on_both!(both);
    for engine in [Engine::Auto, Engine::Device] {
        // Room for all roots, and for no copy of the larger numbers that they are computed from.
        let mut tensors = Tensors::new(19_000);
        compute_by(&mut tensors, engine, &both.device);
        let small = tensors.create(&[100], vec![4.0; 100]).expect("room");
        let root = tensors.apply(small, Function::Sqrt).expect("room on the device");
        let large = tensors.create(&[2000], vec![9.0; 2000]).expect("room");
        let outcome = tensors.apply(large, Function::Sqrt);
        match (engine, outcome) {
            (Engine::Auto, Ok(roots)) => assert_eq!(tensors.values(roots).expect("room"), [3.0; 2000]),
            (Engine::Device, Err(TensorError::OutOfMemory { .. })) => {}
            (_, outcome) => panic!("{engine:?}: {outcome:?}"),
        }
        assert_eq!(tensors.values(root).expect("nothing was lost"), [2.0; 100]);
        assert_eq!(tensors.device_usage().dispatches, 1);
    }
}

/// A worker that gets little memory finds no room long before its owner's limit.
#[test]
fn a_device_without_memory_leaves_work_to_the_processors_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("worker");
    let WorkerProgram::Path(worker) = support::config().program else { panic!("tests have a program of their own") };
    let text = format!("#!/bin/sh\nulimit -v 1500000\nexec '{}'\n", worker.display());
    fs::write(&script, text).expect("a file");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("it is ours");
    let config = DeviceConfig { program: WorkerProgram::Path(script), ..support::config() };
    let Some(device) = RUNTIME.block_on(support::device_with(config)) else { return };
    if device.adapter().kind != AdapterKind::Cpu {
        println!("SKIPPED: a GPU has memory of its own");
        return;
    }
    const ELEMENTS: u32 = 1 << 24;
    const ADDED: u64 = 18;
    for engine in [Engine::Auto, Engine::Device] {
        let mut tensors = Tensors::new(4 << 30);
        compute_by(&mut tensors, engine, &device);
        let first = tensors.full(&[ELEMENTS], 1.0).expect("room");
        let mut outcome = Ok(first);
        for _ in 0..ADDED {
            if let Ok(last) = outcome {
                outcome = tensors.add(last, first);
            }
        }
        match (engine, outcome) {
            (Engine::Auto, Ok(last)) => {
                let sum = tensors.mean(last, &[], false).expect("room");
                assert_eq!(tensors.values(sum).expect("it is there"), [1.0 + ADDED as f32]);
            }
            (Engine::Device, Err(TensorError::OutOfMemory { .. })) => {}
            (_, outcome) => panic!("{engine:?}: {outcome:?}"),
        }
        assert_eq!(tensors.values(first).expect("nothing was lost")[..3], [1.0; 3]);
        let Usage { memory_bytes, workers_lost, .. } = tensors.device_usage();
        assert!(memory_bytes < ADDED * u64::from(ELEMENTS) * 4, "the device had room for all of {memory_bytes} bytes");
        assert_eq!(workers_lost, 0);
    }
}

#[test]
fn tensors_may_take_of_the_device_what_they_may_take_at_all() {
    let config = DeviceConfig { memory_bytes_max: 1 << 16, ..support::config() };
    let Some(device) = RUNTIME.block_on(support::device_with(config)) else { return };
    let mut tensors = Tensors::new(1 << 20);
    compute_on(&mut tensors, &device);
    let large = tensors.full(&[1 << 17], 1.5).expect("room for twice as much");
    assert_eq!(tensors.values(large).expect("it is there"), [1.5; 1 << 17]);
}

/// Every kernel has its way to the processors.
#[test]
fn a_device_without_any_room_computes_nothing_and_all_is_right() {
    let config = DeviceConfig { memory_bytes_max: 0, ..support::config() };
    let Some(device) = RUNTIME.block_on(support::device_with(config)) else { return };
    let mut starved = Tensors::new(TENSOR_BYTES_DEFAULT);
    {
        let _entered = RUNTIME.enter();
        starved.compute_on(&device, 0);
    }
    let mut both = Both { device, on_device: starved, on_processors: Tensors::new(TENSOR_BYTES_DEFAULT) };
    both.compare(|tensors| {
        let mut network = Network::new(tensors);
        vec![(0..3).map(|step| network.train(tensors, step)).collect()]
    });
    let window = Window { stride: [1, 1], padding: [1, 1] };
    let unary: [Operation<'_>; 9] = [
        &|tensors, ids| tensors.apply(ids[0], Function::Exp),
        &|tensors, ids| tensors.permute(ids[0], &[2, 0, 1]),
        &|tensors, ids| tensors.slice(ids[0], 1, 1, 3),
        &|tensors, ids| tensors.sum(ids[0], &[1], false),
        &|tensors, ids| tensors.mean(ids[0], &[], false),
        &|tensors, ids| tensors.max(ids[0], &[0, 2], true),
        &|tensors, ids| tensors.softmax(ids[0], 1),
        &|tensors, ids| tensors.log_softmax(ids[0], 2),
        &|tensors, ids| tensors.concatenate(&[ids[0], ids[0]], 1),
    ];
    for operation in unary {
        both.check(operation, &[input(&[2, 3, 4], numbers)]);
    }
    let square = [input(&[5, 5], numbers), input(&[5, 5], numbers)];
    let binary: [Operation<'_>; 4] = [
        &|tensors, ids| tensors.add(ids[0], ids[1]),
        &|tensors, ids| tensors.matmul(ids[0], ids[1]),
        &|tensors, ids| tensors.mean_squared_error(ids[0], ids[1]),
        &|tensors, ids| tensors.linear(ids[0], ids[1], None, Activation::Tanh),
    ];
    for operation in binary {
        both.check(operation, &square);
    }
    both.check(&|tensors, ids| tensors.embedding(ids[0], &[2, 0, 2]), &[input(&[3, 4], numbers)]);
    both.check(&|tensors, ids| tensors.cross_entropy(ids[0], &[2, 0, 1]), &[input(&[3, 4], numbers)]);
    both.check(&|tensors, ids| tensors.average_pool2d(ids[0], [2, 2], [1, 1]), &[input(&[2, 4, 4, 3], numbers)]);
    both.check(
        &|tensors, ids| tensors.conv2d(ids[0], ids[1], None, window, Activation::Relu),
        &[input(&[2, 4, 4, 3], numbers), input(&[5, 3, 3, 3], numbers)],
    );
    both.check(
        &|tensors, ids| Ok(tensors.lstm(ids[0], ids[1], ids[2], ids[3], None)?.0),
        &[input(&[2, 3, 4], numbers), input(&[20, 4], numbers), input(&[20, 5], numbers), input(&[20], numbers)],
    );
    both.check(
        &|tensors, ids| tensors.attention(ids[0], ids[1], ids[2], 2, true),
        &[input(&[2, 3, 4], numbers), input(&[2, 3, 4], numbers), input(&[2, 3, 4], numbers)],
    );
    both.compare(|tensors| {
        let weight = tensors.create(&[30], numbers(30, 1)).expect("room");
        tensors.require_gradient(weight).expect("a leaf");
        let options = Sgd { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.1, nesterov: true };
        let optimiser = tensors.sgd(&[weight], options).expect("room");
        let square = tensors.multiply(weight, weight).expect("the same shape");
        let loss = tensors.sum(square, &[], false).expect("a loss");
        tensors.backward(loss).expect("a tape");
        tensors.step(optimiser).expect("a gradient");
        vec![tensors.values(weight).expect("it is there").to_vec()]
    });
    assert_eq!(both.on_device.device_usage().dispatches, 0);
}

/// Elements of an optimiser's parameter are on one side, also where the device has room for some of them only; and what a
/// step fails for, it fails for before it changes anything.
#[test]
fn a_step_of_an_optimiser_is_all_on_one_side_or_an_error_that_changes_nothing() {
    const ELEMENTS: u32 = 1000;
    const BYTES: u64 = 4 * ELEMENTS as u64;
    let train = |tensors: &mut Tensors| {
        let weights = [1, 2].map(|seed| tensors.create(&[ELEMENTS], numbers(ELEMENTS as usize, seed)).expect("room"));
        weights.iter().for_each(|weight| tensors.require_gradient(*weight).expect("a leaf"));
        let options = Sgd { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.1, nesterov: true };
        let optimiser = tensors.sgd(&weights, options).expect("room");
        let product = tensors.multiply(weights[0], weights[1]).expect("the same shape");
        let loss = tensors.sum(product, &[], false).expect("a loss");
        tensors.backward(loss).expect("a tape");
        (weights, optimiser)
    };
    let values =
        |tensors: &Tensors, weights: [_; 2]| weights.map(|weight| tensors.values(weight).expect("room").to_vec());

    let mut right = Tensors::new(TENSOR_BYTES_DEFAULT);
    let (weights, optimiser) = train(&mut right);
    let before = values(&right, weights);
    right.step(optimiser).expect("gradients");
    let after = values(&right, weights);

    on_both!(both);
    let mut outcomes = [0, 0];
    for room in 0..12 {
        let mut tensors = Tensors::new(TENSOR_BYTES_DEFAULT);
        compute_by(&mut tensors, Engine::Auto, &both.device);
        let (weights, optimiser) = train(&mut tensors);
        tensors.set_memory_bytes_max(tensors.memory_bytes() + room * BYTES + BYTES / 2);
        let outcome = tensors.step(optimiser);
        tensors.set_memory_bytes_max(TENSOR_BYTES_DEFAULT);
        let expected = match outcome {
            Ok(_) => &after,
            Err(TensorError::OutOfMemory { .. }) => &before,
            Err(error) => panic!("{error}"),
        };
        outcomes[usize::from(outcome.is_ok())] += 1;
        for (found, expected) in values(&tensors, weights).iter().zip(expected) {
            for (found, expected) in found.iter().zip(expected.iter()) {
                assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}, with room for {room} more");
            }
        }
    }
    assert!(outcomes.iter().all(|&count| count > 0), "{outcomes:?}");
}
