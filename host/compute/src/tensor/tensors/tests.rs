//! What an actor sees of its tensors beyond the numbers: ids, errors, memory, tapes, snapshots, bytes.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::tensor::kernels::Function;
use crate::tensor::operation::Activation;
use crate::tensor::operation::convolution::Window;
use crate::tensor::{Adam, DecodeError, Sgd, TAPE_ENTRIES_MAX, TENSOR_BYTES_DEFAULT};

const ADAM: Adam =
    Adam { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decoupled: false };

fn tensors() -> Tensors {
    Tensors::new(TENSOR_BYTES_DEFAULT)
}

fn vector(tensors: &mut Tensors, values: &[f32]) -> TensorId {
    tensors.create(&[values.len() as u32], values.to_vec()).unwrap()
}

/// The loss Σ w², whose gradient is 2 w.
fn sum_of_squares(tensors: &mut Tensors, weight: TensorId) -> TensorId {
    let square = tensors.multiply(weight, weight).unwrap();
    tensors.sum(square, &[], false).unwrap()
}

fn gradient_values(tensors: &mut Tensors, id: TensorId) -> Option<Vec<f32>> {
    let gradient = tensors.gradient(id).unwrap()?;
    Some(tensors.values(gradient).unwrap().to_vec())
}

/// A small model and its optimiser after a few steps.
fn trained(tensors: &mut Tensors, steps: u64) -> (TensorId, TensorId, OptimiserId) {
    let weight = tensors.random_normal(&[2, 3], 0.0, 1.0, 5).unwrap();
    let bias = tensors.zeros(&[2]).unwrap();
    tensors.require_gradient(weight).unwrap();
    tensors.require_gradient(bias).unwrap();
    let optimiser = tensors.adam(&[weight, bias], ADAM).unwrap();
    train(tensors, (weight, bias, optimiser), 0..steps);
    (weight, bias, optimiser)
}

fn train(
    tensors: &mut Tensors,
    (weight, bias, optimiser): (TensorId, TensorId, OptimiserId),
    steps: std::ops::Range<u64>,
) {
    for step in steps {
        let input = tensors.random_uniform(&[4, 3], -1.0, 1.0, step).unwrap();
        let logits = tensors.linear(input, weight, Some(bias), Activation::Tanh).unwrap();
        let loss = tensors.cross_entropy(logits, &[0, 1, 1, 0]).unwrap();
        tensors.zero_gradients(&[weight, bias]).unwrap();
        tensors.backward(loss).unwrap();
        tensors.step(optimiser).unwrap();
        [input, logits, loss].into_iter().for_each(|id| tensors.free(id).unwrap());
    }
}

#[test]
fn gradients_add_up_until_they_are_dropped() {
    let mut tensors = tensors();
    let weight = vector(&mut tensors, &[1.0, -2.0]);
    tensors.require_gradient(weight).unwrap();
    assert_eq!(gradient_values(&mut tensors, weight), None);
    for expected in [[2.0, -4.0], [4.0, -8.0]] {
        let loss = sum_of_squares(&mut tensors, weight);
        tensors.backward(loss).unwrap();
        assert_eq!(gradient_values(&mut tensors, weight).unwrap(), expected);
    }
    tensors.zero_gradients(&[weight]).unwrap();
    assert_eq!(gradient_values(&mut tensors, weight), None);
}

#[test]
fn a_tape_serves_one_backward() {
    let mut tensors = tensors();
    let weight = vector(&mut tensors, &[3.0]);
    tensors.require_gradient(weight).unwrap();
    let loss = sum_of_squares(&mut tensors, weight);
    tensors.backward(loss).unwrap();
    assert_eq!(tensors.backward(loss), Err(TensorError::NoTape { id: loss }));
}

#[test]
fn a_tape_ends_with_its_message() {
    let mut tensors = tensors();
    let weight = vector(&mut tensors, &[3.0]);
    tensors.require_gradient(weight).unwrap();
    let loss = sum_of_squares(&mut tensors, weight);
    tensors.set_recording(false);
    drop(tensors.end_message());
    assert_eq!(tensors.backward(loss), Err(TensorError::NoTape { id: loss }));
    assert!(tensors.set_recording(true));
}

#[test]
fn nothing_is_recorded_while_recording_is_off_or_behind_a_detached_tensor() {
    let mut tensors = tensors();
    let weight = vector(&mut tensors, &[3.0]);
    tensors.require_gradient(weight).unwrap();
    assert!(tensors.set_recording(false));
    let loss = sum_of_squares(&mut tensors, weight);
    assert!(!tensors.set_recording(true));
    assert_eq!(tensors.backward(loss), Err(TensorError::NoTape { id: loss }));
    let constant = tensors.detach(weight).unwrap();
    let loss = tensors.multiply(constant, constant).unwrap();
    assert_eq!(tensors.backward(loss), Err(TensorError::NoTape { id: loss }));
}

#[test]
fn a_loss_has_one_element() {
    let mut tensors = tensors();
    let weight = vector(&mut tensors, &[1.0, 2.0]);
    tensors.require_gradient(weight).unwrap();
    let error = tensors.backward(weight).unwrap_err();
    assert!(matches!(error, TensorError::InvalidArgument { operation: "backward", .. }), "{error}");
}

#[test]
fn what_was_computed_keeps_the_values_that_it_was_computed_from() {
    let mut tensors = tensors();
    let weight = vector(&mut tensors, &[1.0, 2.0]);
    tensors.require_gradient(weight).unwrap();
    let loss = sum_of_squares(&mut tensors, weight);
    tensors.set(weight, &[10.0, 20.0]).unwrap();
    tensors.backward(loss).unwrap();
    assert_eq!(gradient_values(&mut tensors, weight).unwrap(), [2.0, 4.0]);
}

#[test]
fn the_tape_has_a_limit() {
    let mut tensors = tensors();
    let mut sum = vector(&mut tensors, &[1.0]);
    tensors.require_gradient(sum).unwrap();
    for _ in 0..TAPE_ENTRIES_MAX {
        sum = tensors.apply(sum, Function::Add(1.0)).unwrap();
    }
    let error = tensors.apply(sum, Function::Add(1.0)).unwrap_err();
    assert!(matches!(error, TensorError::TooMany { name: "TAPE_ENTRIES_MAX", .. }), "{error}");
    tensors.backward(sum).unwrap();
    assert_eq!(gradient_values(&mut tensors, 1).unwrap(), [1.0]);
}

#[test]
fn errors_name_both_shapes_and_the_rule() {
    let mut tensors = tensors();
    let left = tensors.zeros(&[2, 3]).unwrap();
    let right = tensors.zeros(&[4, 5]).unwrap();
    let message = |result: Result<TensorId, TensorError>| result.unwrap_err().to_string();
    assert_eq!(
        message(tensors.matmul(left, right)),
        "matmul: the shapes [2, 3] and [4, 5] do not fit: the last dimension of the first must be the second to last of the second"
    );
    assert_eq!(
        message(tensors.slice(left, 1, 2, 4)),
        "slice: the range is 2..4, and must be a range within the axis 1 of [2, 3]"
    );
    assert_eq!(message(tensors.add(left, 77)), "there is no tensor 77: it was freed, or belongs to another actor");
    assert_eq!(tensors.len(), 2);
}

#[test]
fn memory_is_charged_once_and_freed_with_the_last_holder() {
    let mut tensors = Tensors::new(4000);
    let used = |tensors: &Tensors| tensors.memory_bytes();
    let first = tensors.zeros(&[500]).unwrap();
    let shared = tensors.reshape(first, &[5, 100]).unwrap();
    assert_eq!(used(&tensors), 2000);
    let error = tensors.zeros(&[501]).unwrap_err();
    assert_eq!(error, TensorError::OutOfMemory { needed_bytes: 2004, used_bytes: 2000, limit_bytes: 4000 });
    assert!(error.is_retryable());
    tensors.free(first).unwrap();
    assert_eq!(used(&tensors), 2000);
    tensors.free(shared).unwrap();
    assert_eq!(used(&tensors), 0);
}

#[test]
fn what_the_tape_holds_is_charged_until_the_message_ends() {
    let mut tensors = tensors();
    let weight = tensors.zeros(&[1000]).unwrap();
    tensors.require_gradient(weight).unwrap();
    let result = tensors.apply(weight, Function::Exp).unwrap();
    tensors.free(result).unwrap();
    assert_eq!(tensors.memory_bytes(), 8000);
    drop(tensors.end_message());
    assert_eq!(tensors.memory_bytes(), 4000);
}

#[test]
fn a_snapshot_keeps_its_values_and_does_not_count_for_the_actor() {
    let mut tensors = Tensors::new(12_000);
    let weight = tensors.full(&[1000], 1.0).unwrap();
    let view = tensors.reshape(weight, &[10, 100]).unwrap();
    let snapshot = tensors.clone();
    assert_eq!(snapshot.memory_bytes(), tensors.memory_bytes());
    tensors.free(view).unwrap();
    tensors.set(weight, &[2.0; 1000]).unwrap();
    assert_eq!(tensors.memory_bytes(), 4000);
    assert!(snapshot.values(weight).unwrap().iter().all(|&value| value == 1.0));
    assert!(snapshot.values(view).unwrap().iter().all(|&value| value == 1.0));
    drop(tensors);
    assert_eq!(snapshot.memory_bytes(), 4000);
}

#[test]
fn training_goes_on_from_bytes_bit_for_bit() {
    let mut straight = tensors();
    let model = trained(&mut straight, 3);
    let bytes = straight.encode().unwrap();
    let mut restored = Tensors::decode(&bytes, TENSOR_BYTES_DEFAULT).unwrap();
    restored.run_on(Arc::new(Threads::new(2)), 9, Arc::default());
    assert_eq!(restored.memory_bytes(), straight.memory_bytes());
    assert_eq!(restored.encode().unwrap(), bytes);
    train(&mut straight, model, 3..6);
    train(&mut restored, model, 3..6);
    assert_eq!(restored.encode().unwrap(), straight.encode().unwrap());
}

#[test]
fn the_bytes_are_those_of_version_one() {
    let mut tensors = tensors();
    let weight = vector(&mut tensors, &[1.0, -2.5, -0.0]);
    tensors.require_gradient(weight).unwrap();
    let view = tensors.reshape(weight, &[3, 1]).unwrap();
    let loss = sum_of_squares(&mut tensors, weight);
    tensors.backward(loss).unwrap();
    let sgd = Sgd { learning_rate: 0.5, momentum: 0.9, weight_decay: 0.0, nesterov: true };
    let optimiser = tensors.sgd(&[weight], sgd).unwrap();
    tensors.adam(&[view], ADAM).unwrap();
    tensors.step(optimiser).unwrap();
    tensors.free(loss).unwrap();
    let golden = include_bytes!("../../../tests/golden/tensors_v1.bin");
    assert_eq!(tensors.encode().unwrap(), golden);
    let decoded = Tensors::decode(golden, TENSOR_BYTES_DEFAULT).unwrap();
    assert_eq!(decoded.encode().unwrap(), golden);
}

#[test]
fn bytes_that_do_not_fit_into_the_limit_are_refused() {
    let mut tensors = tensors();
    tensors.zeros(&[1000]).unwrap();
    let error = Tensors::decode(&tensors.encode().unwrap(), 3999).unwrap_err();
    assert!(matches!(error, DecodeError::Tensor(TensorError::OutOfMemory { .. })), "{error}");
}

#[test]
fn ids_are_not_used_again() {
    let mut tensors = tensors();
    let first = tensors.zeros(&[1]).unwrap();
    tensors.free(first).unwrap();
    assert_eq!(tensors.free(first), Err(TensorError::UnknownTensor { id: first }));
    let decoded = Tensors::decode(&tensors.encode().unwrap(), TENSOR_BYTES_DEFAULT);
    assert!(decoded.unwrap().zeros(&[1]).unwrap() > first);
}

#[test]
fn an_optimiser_without_room_for_all_of_its_moments_keeps_none() {
    let mut tensors = tensors();
    let weight = tensors.zeros(&[1000]).unwrap();
    tensors.require_gradient(weight).unwrap();
    let loss = sum_of_squares(&mut tensors, weight);
    tensors.backward(loss).unwrap();
    let adam = tensors.adam(&[weight], ADAM).unwrap();
    tensors.set_memory_bytes_max(tensors.memory_bytes() + 4000);
    assert!(matches!(tensors.step(adam), Err(TensorError::OutOfMemory { .. })));
    let mut restored = Tensors::decode(&tensors.encode().unwrap(), TENSOR_BYTES_DEFAULT).unwrap();
    restored.step(adam).unwrap();
}

#[test]
fn running_moments_have_one_number_for_each_channel_in_training_too() {
    let mut tensors = tensors();
    let input = tensors.random_normal(&[4, 3], 0.0, 1.0, 1).unwrap();
    let [weight, bias, mean, variance] = [3, 3, 5, 3].map(|length| tensors.zeros(&[length]).unwrap());
    let options =
        BatchNorm { running_mean: mean, running_variance: variance, training: true, momentum: 0.1, epsilon: 1e-5 };
    assert!(matches!(tensors.batch_norm(input, weight, bias, options), Err(TensorError::ShapeMismatch { .. })));
}

#[test]
fn an_attention_that_fails_leaves_nothing_on_the_tape() {
    let mut tensors = tensors();
    let input = tensors.random_normal(&[1, 64, 8], 0.0, 1.0, 1).unwrap();
    tensors.require_gradient(input).unwrap();
    let used = tensors.memory_bytes();
    tensors.set_memory_bytes_max(used + 20_000);
    assert!(matches!(tensors.attention(input, input, input, 2, true), Err(TensorError::OutOfMemory { .. })));
    assert_eq!(tensors.memory_bytes(), used);
}

#[test]
fn the_host_stops_operations() {
    let mut tensors = tensors();
    let tensor = tensors.zeros(&[2]).unwrap();
    let stop = Arc::new(AtomicBool::new(true));
    tensors.run_on(Arc::new(Threads::new(2)), 1, stop.clone());
    assert_eq!(tensors.add(tensor, tensor), Err(TensorError::Stopped));
    assert!(tensors.clone().add(tensor, tensor).is_ok());
    stop.store(false, Ordering::Relaxed);
    assert!(tensors.add(tensor, tensor).is_ok());
    stop.store(true, Ordering::Relaxed);
    tensors.run_here();
    assert!(tensors.add(tensor, tensor).is_ok());
}

#[test]
fn an_operation_that_would_take_too_long_is_refused() {
    let mut tensors = tensors();
    let image = tensors.zeros(&[1, 2048, 2048, 1]).unwrap();
    let kernel = tensors.zeros(&[1, 1024, 1024, 1]).unwrap();
    let window = Window { stride: [1, 1], padding: [0, 0] };
    let error = tensors.conv2d(image, kernel, None, window, Activation::None).unwrap_err();
    assert!(matches!(error, TensorError::TooMuchWork { operation: "conv2d", .. }), "{error}");
}

/// Copies of operands are as wide as vector registers: of one channel they are many times as large.
#[test]
fn what_a_kernel_needs_beside_its_operands_is_charged_before() {
    let mut tensors = Tensors::new(1 << 20);
    let kernel = tensors.zeros(&[1, 150, 150, 1]).unwrap();
    let window = Window { stride: [1, 1], padding: [0, 0] };
    let error = tensors.conv2d(kernel, kernel, None, window, Activation::None).unwrap_err();
    assert!(matches!(error, TensorError::OutOfMemory { .. }), "{error}");
    let vector = tensors.zeros(&[30_000, 1]).unwrap();
    let row = tensors.reshape(vector, &[1, 30_000]).unwrap();
    let error = tensors.matmul(row, vector).unwrap_err();
    assert!(matches!(error, TensorError::OutOfMemory { .. }), "{error}");
    tensors.set_memory_bytes_max(1 << 25);
    assert!(tensors.conv2d(kernel, kernel, None, window, Activation::None).is_ok());
    assert!(tensors.matmul(row, vector).is_ok());
}

#[test]
fn a_kernel_without_channels_is_bounded_by_its_positions() {
    let mut tensors = tensors();
    let line = tensors.zeros(&[1, 1 << 24, 0]).unwrap();
    let kernel = tensors.zeros(&[1, 1 << 24, 0]).unwrap();
    let error = tensors.conv1d(line, kernel, None, 1, (1 << 24) - 1, Activation::None).unwrap_err();
    assert!(matches!(error, TensorError::TooMuchWork { .. }), "{error}");
}

#[test]
fn ids_that_cannot_be_counted_up_are_refused() {
    let mut bytes = tensors().encode().unwrap();
    bytes[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(Tensors::decode(&bytes, 0), Err(DecodeError::Invalid { field: "the last id", .. })));
}

#[test]
fn an_optimiser_of_a_tensor_that_is_yet_to_come_is_refused() {
    let mut tensors = tensors();
    let weight = tensors.zeros(&[3]).unwrap();
    tensors.sgd(&[weight], Sgd { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0, nesterov: false }).unwrap();
    let mut bytes = tensors.encode().unwrap();
    // The parameter is the last: its id, its steps, and that no moments follow.
    let place = bytes.len() - 17;
    bytes[place..][..8].copy_from_slice(&3u64.to_le_bytes());
    let error = Tensors::decode(&bytes, TENSOR_BYTES_DEFAULT).unwrap_err();
    assert!(matches!(error, DecodeError::Invalid { field: "a parameter's id", value: 3, .. }), "{error}");
}

/// A network with every fast kernel, large enough for several parts of each.
#[test]
fn training_does_not_depend_on_the_number_of_threads() {
    let run = |count| {
        let mut tensors = tensors();
        tensors.run_on(Arc::new(Threads::new(count)), 1, Arc::default());
        let parameters = [&[24u32, 3, 3, 5][..], &[24], &[24], &[24], &[40, 24 * 10 * 10], &[40], &[7, 40], &[7]]
            .map(|shape| tensors.random_normal(shape, 0.1, 0.2, shape.len() as u64).unwrap());
        parameters.iter().for_each(|&id| tensors.require_gradient(id).unwrap());
        let [filter, bias, scale, shift, first, first_bias, second, second_bias] = parameters;
        let optimiser = tensors.adam(&parameters, ADAM).unwrap();
        let labels: Vec<u32> = (0..20).map(|image| image % 7).collect();
        for step in 0..2 {
            let images = tensors.random_uniform(&[20, 20, 20, 5], -1.0, 1.0, step).unwrap();
            let window = Window { stride: [1, 1], padding: [1, 1] };
            let layer = tensors.conv2d(images, filter, Some(bias), window, Activation::Relu).unwrap();
            let layer = tensors.layer_norm(layer, scale, shift, 1e-5).unwrap();
            let layer = tensors.max_pool2d(layer, [2, 2], [2, 2]).unwrap();
            let layer = tensors.reshape(layer, &[20, 24 * 10 * 10]).unwrap();
            let layer = tensors.linear(layer, first, Some(first_bias), Activation::Tanh).unwrap();
            let logits = tensors.linear(layer, second, Some(second_bias), Activation::None).unwrap();
            let loss = tensors.cross_entropy(logits, &labels).unwrap();
            tensors.zero_gradients(&parameters).unwrap();
            tensors.backward(loss).unwrap();
            tensors.clip_gradient_norm(&parameters, 1.0).unwrap();
            tensors.step(optimiser).unwrap();
        }
        tensors.encode().unwrap()
    };
    let alone = run(1);
    assert!(run(2) == alone && run(3) == alone);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let run = |count| {
        let mut tensors = tensors();
        tensors.run_on(Arc::new(Threads::new(count)), 1, Arc::default());
        let input = tensors.random_normal(&[70_001], 0.0, 1.0, 3).unwrap();
        tensors.require_gradient(input).unwrap();
        let squashed = tensors.apply(input, Function::Gelu).unwrap();
        let product = tensors.multiply(squashed, input).unwrap();
        let loss = tensors.mean(product, &[], false).unwrap();
        tensors.backward(loss).unwrap();
        tensors.encode().unwrap()
    };
    let alone = run(1);
    assert!(run(2) == alone && run(3) == alone);
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused_or_valid(at in 0usize..2000, change in 1u8.., length in 0usize..2000) {
        let mut tensors = tensors();
        trained(&mut tensors, 1);
        let mut bytes = tensors.encode().unwrap();
        let length = length.min(bytes.len());
        prop_assert!(Tensors::decode(&bytes[..length], 1 << 20).is_err() || length == bytes.len());
        let at = at % bytes.len();
        bytes[at] ^= change;
        if let Ok(decoded) = Tensors::decode(&bytes, 1 << 20) {
            prop_assert_eq!(decoded.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_decoding_panic(rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&b"BJTENSOR\x01\0\0\0"[..], &rest].concat();
        let _ = Tensors::decode(&bytes, 1 << 20);
    }

    #[test]
    fn no_arguments_make_an_operation_panic(
        shapes in prop::array::uniform3(hostile_shape()),
        numbers in prop::array::uniform4(hostile_number()),
        list in prop::collection::vec(hostile_number(), 0..10),
        real in prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(-1.0), Just(0.0), Just(0.5), any::<f32>()],
    ) {
        let mut tensors = Tensors::new(1 << 20);
        let mut ids: Vec<_> = shapes.iter().filter_map(|shape| tensors.zeros(shape).ok()).collect();
        ids.iter().step_by(2).for_each(|&id| tensors.require_gradient(id).unwrap());
        ids.resize(3, 77);
        call_everything(&mut tensors, [ids[0], ids[1], ids[2]], numbers, &list, real);
        prop_assert!(tensors.memory_bytes() <= 1 << 20);
        let mut snapshot = tensors.clone();
        prop_assert_eq!(snapshot.encode().unwrap(), tensors.encode().unwrap());
        for id in 0..=tensors.last_id() {
            let _ = (tensors.free(id), snapshot.free(id), tensors.free_optimiser(id));
        }
        drop(tensors.end_message());
        prop_assert_eq!(tensors.memory_bytes(), 0);
    }
}

fn hostile_number() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0u32..4, 1 => Just(u32::MAX), 1 => Just(1 << 31), 1 => any::<u32>()]
}

fn hostile_shape() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        8 => prop::collection::vec(0u32..4, 0..5),
        1 => prop::collection::vec(hostile_number(), 0..12),
        1 => Just(vec![1 << 31, 0]),
    ]
}

/// Calls every function with these arguments, whatever comes of it.
fn call_everything(tensors: &mut Tensors, ids: [TensorId; 3], numbers: [u32; 4], list: &[u32], real: f32) {
    let [a, b, c] = ids;
    let [i, j, k, l] = numbers;
    let options =
        BatchNorm { running_mean: b, running_variance: c, training: i % 2 == 0, momentum: real.into(), epsilon: 1e-5 };
    let window = Window { stride: [i, j], padding: [k, l] };
    let results = [
        tensors.create(list, vec![0.0; 3]),
        tensors.full(list, real),
        tensors.random_uniform(list, real, 1.0, 1),
        tensors.random_normal(list, 0.0, real, 1),
        tensors.reshape(a, list),
        tensors.permute(a, list),
        tensors.transpose(a, i, j),
        tensors.slice(a, i, j, k),
        tensors.concatenate(&[a, b, c][..i.min(3) as usize], j),
        tensors.apply(a, Function::Power(real)),
        tensors.add(a, b),
        tensors.divide(a, b),
        tensors.matmul(a, b),
        tensors.sum(a, list, false),
        tensors.mean(a, &[i], true),
        tensors.max(a, list, true),
        tensors.softmax(a, i),
        tensors.log_softmax(a, i),
        tensors.linear(a, b, Some(c), Activation::Relu),
        tensors.conv1d(a, b, None, i, j, Activation::None),
        tensors.conv2d(a, b, Some(c), window, Activation::Sigmoid),
        tensors.max_pool2d(a, [i, j], [k, l]),
        tensors.average_pool2d(a, [i, j], [k, l]),
        tensors.batch_norm(a, b, c, options),
        tensors.layer_norm(a, b, c, real.into()),
        tensors.dropout(a, real, 1),
        tensors.embedding(a, list),
        tensors.lstm(a, b, c, b, Some((b, c))).map(|(states, _)| states),
        tensors.attention(a, b, c, i, true),
        tensors.cross_entropy(a, list),
        tensors.mean_squared_error(a, b),
        tensors.detach(a),
    ];
    let _ = (tensors.argmax(a, i), tensors.set(a, &[real]), tensors.clip_gradient_norm(&ids, real.into()));
    // Everything that came of it goes into one loss, so that every way back is gone as well.
    let parts: Vec<_> = results.into_iter().flatten().filter_map(|id| tensors.sum(id, &[], false).ok()).collect();
    if let Some(loss) = parts.into_iter().reduce(|sum, part| tensors.add(sum, part).unwrap_or(sum)) {
        let _ = tensors.backward(loss);
    }
    let sgd = Sgd { learning_rate: 0.1, momentum: real.into(), weight_decay: 0.0, nesterov: false };
    for optimiser in [tensors.sgd(&[a], sgd), tensors.adam(&ids, ADAM)].into_iter().flatten() {
        let _ = (tensors.step(optimiser), tensors.set_learning_rate(optimiser, real.into()));
    }
}
