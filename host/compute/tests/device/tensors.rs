//! Every operation of tensors, forward and back, on the device beside the processors, over random shapes: empty ones, ones
//! of size 1, odd ones, and some that are large enough for several parts.
//!
//! Both compute with 32 bits in their own order, and a driver's `exp` or division may be off in the last bits. So a number
//! may differ by a few 10⁻⁵ of the largest one that is computed with it.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use belljar_compute::device::{Device, DeviceError};
use belljar_compute::tensor::{
    Activation, Adam, BatchNorm, Engine, Function, Sgd, TENSOR_BYTES_DEFAULT, TensorError, TensorId, Tensors, Window,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support;

const TOLERANCE: f32 = 4e-5;

pub type Operation<'a> = &'a dyn Fn(&mut Tensors, &[TensorId]) -> Result<TensorId, TensorError>;

/// What the device's sessions run on, apart from the tests, which block.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads")
});

/// The same for all tests, so that each kernel is compiled once.
static BOTH: LazyLock<Mutex<Result<Both, String>>> = LazyLock::new(|| Mutex::new(Both::new()));

pub struct Both {
    pub device: Device,
    pub on_device: Tensors,
    pub on_processors: Tensors,
}

impl Both {
    fn new() -> Result<Both, String> {
        let device = match RUNTIME.block_on(Device::open(support::config())) {
            Err(DeviceError::NoAdapter(why)) => return Err(why),
            device => device.expect("a device that can be opened"),
        };
        let mut on_device = Tensors::new(TENSOR_BYTES_DEFAULT);
        compute_on(&mut on_device, &device);
        Ok(Both { device, on_device, on_processors: Tensors::new(TENSOR_BYTES_DEFAULT) })
    }

    /// Does the same on both, and compares what comes out.
    pub fn compare(&mut self, work: impl Fn(&mut Tensors) -> Vec<Vec<f32>>) {
        let (found, right) = (work(&mut self.on_device), work(&mut self.on_processors));
        assert_eq!(found.len(), right.len());
        for (which, (found, right)) in found.iter().zip(&right).enumerate() {
            assert_near(which, found, right);
        }
    }

    /// Compares an operation's output and the gradients of all of its inputs.
    pub fn check(&mut self, operation: Operation<'_>, inputs: &[Input]) {
        self.compare(|tensors| {
            let create = |input: &Input| tensors.create(&input.shape, input.values.clone()).expect("room");
            let ids: Vec<_> = inputs.iter().map(create).collect();
            ids.iter().for_each(|&id| tensors.require_gradient(id).expect("a leaf"));
            let output = operation(tensors, &ids).expect("an operation that can be done");
            let shape = tensors.shape(output).expect("the output");
            let count = shape.iter().product::<u32>() as usize;
            let weights = tensors.create(&shape, numbers(count, 77)).expect("room");
            let weighted = tensors.multiply(output, weights).expect("the same shape");
            let loss = tensors.sum(weighted, &[], false).expect("a loss");
            tensors.backward(loss).expect("a tape");
            let mut results = vec![tensors.values(output).expect("the output").to_vec()];
            for &id in &ids {
                let gradient = tensors.gradient(id).expect("a leaf").expect("a gradient");
                results.push(tensors.values(gradient).expect("a gradient").to_vec());
                tensors.free(gradient).expect("it is there");
            }
            ids.iter().chain(&[output, weights, weighted, loss]).for_each(|&id| tensors.free(id).expect("it is there"));
            results
        });
    }
}

pub fn compute_on(tensors: &mut Tensors, device: &Device) {
    compute_by(tensors, Engine::Device, device);
}

pub fn compute_by(tensors: &mut Tensors, engine: Engine, device: &Device) {
    let _entered = RUNTIME.enter();
    tensors.set_engine(engine);
    tensors.compute_on(device, tensors.memory_bytes_max());
}

/// Both, or nothing on a machine without an adapter.
pub fn both() -> Option<MutexGuard<'static, Result<Both, String>>> {
    // A test that failed leaves tensors behind, and no others are wrong because of them.
    let both = BOTH.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(why) = &*both {
        println!("SKIPPED: {why}");
        return None;
    }
    Some(both)
}

macro_rules! on_both {
    ($both:ident) => {
        let Some(mut guard) = $crate::tensors::both() else { return };
        let Ok($both) = &mut *guard else { return };
    };
    ($both:ident in cases) => {
        let Some(mut guard) = both() else { return Ok(()) };
        let Ok($both) = &mut *guard else { return Ok(()) };
    };
}
pub(crate) use on_both;

fn assert_near(which: usize, found: &[f32], right: &[f32]) {
    assert_eq!(found.len(), right.len());
    let largest =
        right.iter().filter(|number| number.is_finite()).fold(1.0f32, |largest, number| largest.max(number.abs()));
    for (place, (found, right)) in found.iter().zip(right).enumerate() {
        let is_near = found == right || (found - right).abs() <= TOLERANCE * largest;
        assert!(is_near, "result {which}: {found} instead of {right} at {place}");
    }
}

pub struct Input {
    shape: Vec<u32>,
    values: Vec<f32>,
}

pub fn input(shape: &[u32], values: fn(usize, u64) -> Vec<f32>) -> Input {
    let count = shape.iter().product::<u32>() as usize;
    Input { shape: shape.to_vec(), values: values(count, 1 + shape.len() as u64 * 31 + count as u64) }
}

/// Numbers from -1 to 1, at least 10⁻³ away from 0 and from each other where there are few.
pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let number = |place: usize| {
        let mixed = (place as u64 + 1).wrapping_mul(seed.wrapping_mul(2) | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let unit = (mixed >> 40) as f32 / (1 << 24) as f32;
        let number = 2.0 * unit - 1.0;
        number + 1e-3_f32.copysign(number)
    };
    (0..count).map(number).collect()
}

fn positive(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|number| 0.3 + number.abs()).collect()
}

fn lengths(rank: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![1 => Just(0u32), 3 => Just(1), 8 => 2u32..9], rank)
}

const FUNCTIONS: [Function; 10] = [
    Function::Negate,
    Function::Exp,
    Function::Tanh,
    Function::Sigmoid,
    Function::Relu,
    Function::LeakyRelu(0.2),
    Function::Gelu,
    Function::Add(2.0),
    Function::Multiply(-3.0),
    Function::Power(3.0),
];
const FUNCTIONS_OF_POSITIVE: [Function; 4] =
    [Function::Log, Function::Sqrt, Function::Power(-1.5), Function::Power(0.0)];
const ACTIVATIONS: [Activation; 4] = [Activation::None, Activation::Relu, Activation::Tanh, Activation::Sigmoid];

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 16, ..ProptestConfig::default() })]

    #[test]
    fn functions_of_elements(shape in lengths(0..4)) {
        on_both!(both in cases);
        for function in FUNCTIONS {
            both.check(&|tensors, ids| tensors.apply(ids[0], function), &[input(&shape, numbers)]);
        }
        for function in FUNCTIONS_OF_POSITIVE {
            both.check(&|tensors, ids| tensors.apply(ids[0], function), &[input(&shape, positive)]);
        }
    }

    #[test]
    fn arithmetic_with_broadcasting(
        shape in lengths(0..6), repeated in prop::collection::vec(any::<bool>(), 6), cut in 0usize..5,
    ) {
        on_both!(both in cases);
        let mut smaller: Vec<u32> =
            shape.iter().zip(repeated).map(|(&length, repeated)| if repeated { 1 } else { length }).collect();
        smaller.drain(..cut.min(smaller.len()));
        let inputs = [input(&shape, numbers), input(&smaller, positive)];
        both.check(&|tensors, ids| tensors.add(ids[0], ids[1]), &inputs);
        both.check(&|tensors, ids| tensors.subtract(ids[1], ids[0]), &inputs);
        both.check(&|tensors, ids| tensors.multiply(ids[0], ids[1]), &inputs);
        both.check(&|tensors, ids| tensors.divide(ids[0], ids[1]), &inputs);
        both.check(&|tensors, ids| tensors.multiply(ids[0], ids[0]), &inputs[..1]);
    }

    #[test]
    fn layouts(shape in lengths(3), cut in 0u32..5) {
        on_both!(both in cases);
        let one = [input(&shape, numbers)];
        let count = shape.iter().product::<u32>();
        both.check(&|tensors, ids| tensors.reshape(ids[0], &[count]), &one);
        both.check(&|tensors, ids| tensors.permute(ids[0], &[2, 0, 1]), &one);
        both.check(&|tensors, ids| tensors.slice(ids[0], 1, cut.min(shape[1]), shape[1]), &one);
        let two = [input(&shape, numbers), input(&[shape[0], cut, shape[2]], numbers)];
        both.check(&|tensors, ids| tensors.concatenate(ids, 1), &two);
        both.check(&|tensors, ids| tensors.concatenate(&[ids[1], ids[0], ids[1]], 1), &two);
    }

    #[test]
    fn reductions(shape in lengths(3), axes in prop::sample::subsequence(vec![0u32, 1, 2], 0..=3), keep: bool) {
        on_both!(both in cases);
        let one = [input(&shape, numbers)];
        both.check(&|tensors, ids| tensors.sum(ids[0], &axes, keep), &one);
        if !shape.contains(&0) {
            both.check(&|tensors, ids| tensors.mean(ids[0], &axes, keep), &one);
            both.check(&|tensors, ids| tensors.max(ids[0], &axes, keep), &one);
        }
    }

    #[test]
    fn products(sizes in lengths(4), activation in prop::sample::select(ACTIVATIONS.to_vec())) {
        on_both!(both in cases);
        let &[batch, rows, inner, columns] = &sizes[..] else { unreachable!() };
        let right = input(&[inner, columns], numbers);
        both.check(&|tensors, ids| tensors.matmul(ids[0], ids[1]), &[input(&[batch, rows, inner], numbers), right]);
        both.check(
            &|tensors, ids| tensors.matmul(ids[0], ids[1]),
            &[input(&[rows, inner], numbers), input(&[batch, inner, columns], numbers)],
        );
        both.check(
            &|tensors, ids| tensors.linear(ids[0], ids[1], Some(ids[2]), activation),
            &[input(&[batch, rows, inner], numbers), input(&[columns, inner], numbers), input(&[columns], numbers)],
        );
    }

    #[test]
    fn convolutions(
        batch in 0u32..3, channels in 0u32..5, out_channels in 0u32..5,
        kernel in prop::array::uniform2(1u32..4), room in prop::array::uniform2(0u32..5),
        stride in prop::array::uniform2(1u32..4), padding in prop::array::uniform2(0u32..3),
        activation in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        on_both!(both in cases);
        let padding = [padding[0].min(kernel[0] - 1), padding[1].min(kernel[1] - 1)];
        let window = Window { stride, padding };
        both.check(
            &|tensors, ids| tensors.conv2d(ids[0], ids[1], Some(ids[2]), window, activation),
            &[
                input(&[batch, kernel[0] + room[0], kernel[1] + room[1], channels], numbers),
                input(&[out_channels, kernel[0], kernel[1], channels], numbers),
                input(&[out_channels], numbers),
            ],
        );
        both.check(
            &|tensors, ids| tensors.conv1d(ids[0], ids[1], None, stride[0], padding[0], activation),
            &[input(&[batch, kernel[0] + room[0], channels], numbers), input(&[out_channels, kernel[0], channels], numbers)],
        );
    }

    #[test]
    fn pooling(
        batch in 0u32..3, channels in 0u32..4,
        window in prop::array::uniform2(1u32..4), room in prop::array::uniform2(0u32..5),
        stride in prop::array::uniform2(1u32..4),
    ) {
        on_both!(both in cases);
        let images = [input(&[batch, window[0] + room[0], window[1] + room[1], channels], numbers)];
        both.check(&|tensors, ids| tensors.max_pool2d(ids[0], window, stride), &images);
        both.check(&|tensors, ids| tensors.average_pool2d(ids[0], window, stride), &images);
    }

    #[test]
    fn normalisation(outer in 2u32..9, inner in 1u32..4, channels in 0u32..6, training: bool) {
        on_both!(both in cases);
        let inputs =
            [input(&[outer, inner, channels], numbers), input(&[channels], positive), input(&[channels], numbers)];
        both.check(
            &|tensors, ids| {
                let running_mean = tensors.full(&[channels], 0.3)?;
                let running_variance = tensors.full(&[channels], 1.7)?;
                let options = BatchNorm { running_mean, running_variance, training, momentum: 0.1, epsilon: 0.1 };
                let output = tensors.batch_norm(ids[0], ids[1], ids[2], options)?;
                // The running moments are looked at along with the output.
                let flat = tensors.reshape(output, &[outer * inner, channels])?;
                let [mean, variance] = [running_mean, running_variance].map(|id| tensors.reshape(id, &[1, channels]));
                tensors.concatenate(&[flat, mean?, variance?], 0)
            },
            &inputs,
        );
        both.check(&|tensors, ids| tensors.layer_norm(ids[0], ids[1], ids[2], 0.1), &inputs);
    }

    #[test]
    fn softmax_and_losses(
        rows in 1u32..6, classes in 1u32..9, axis in 0u32..2, labels in prop::collection::vec(0u32..100, 6),
    ) {
        on_both!(both in cases);
        let logits = [input(&[rows, classes], numbers)];
        let labels: Vec<_> = labels[..rows as usize].iter().map(|label| label % classes).collect();
        both.check(&|tensors, ids| tensors.softmax(ids[0], axis), &logits);
        both.check(&|tensors, ids| tensors.log_softmax(ids[0], axis), &logits);
        both.check(&|tensors, ids| tensors.cross_entropy(ids[0], &labels), &logits);
        both.check(&|tensors, ids| tensors.dropout(ids[0], 0.4, 9), &logits);
        both.check(&|tensors, ids| tensors.embedding(ids[0], &labels), &[input(&[classes, rows], numbers)]);
        both.check(
            &|tensors, ids| tensors.mean_squared_error(ids[0], ids[1]),
            &[input(&[rows, classes], numbers), input(&[rows, classes], positive)],
        );
    }

    #[test]
    fn lstm(batch in 0u32..4, time in 0u32..4, inputs in 0u32..4, hidden in 0u32..4, started: bool) {
        on_both!(both in cases);
        let mut all = vec![
            input(&[batch, time, inputs], numbers),
            input(&[4 * hidden, inputs], numbers),
            input(&[4 * hidden, hidden], numbers),
            input(&[4 * hidden], numbers),
        ];
        if started {
            all.extend([input(&[batch, hidden], numbers), input(&[batch, hidden], positive)]);
        }
        both.check(
            &|tensors, ids| {
                let start = ids.get(4).zip(ids.get(5)).map(|(&state, &cell)| (state, cell));
                let (states, cells) = tensors.lstm(ids[0], ids[1], ids[2], ids[3], start)?;
                tensors.concatenate(&[states, cells], 1)
            },
            &all,
        );
    }

    #[test]
    fn attention(batch in 0u32..3, queries in 0u32..5, keys in 1u32..5, heads in 1u32..3, causal: bool) {
        on_both!(both in cases);
        let (width, value_width) = (2 * heads, 3 * heads);
        both.check(
            &|tensors, ids| tensors.attention(ids[0], ids[1], ids[2], heads, causal),
            &[
                input(&[batch, queries, width], numbers),
                input(&[batch, keys, width], numbers),
                input(&[batch, keys, value_width], numbers),
            ],
        );
    }

    #[test]
    fn optimisers(count in 1u32..200, momentum in prop::option::of(0.1f64..0.9), nesterov: bool, decoupled: bool) {
        on_both!(both in cases);
        let momentum = momentum.unwrap_or_default();
        let sgd = Sgd { learning_rate: 0.1, momentum, weight_decay: 0.1, nesterov: nesterov && momentum > 0.0 };
        let adam =
            Adam { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-3, weight_decay: 0.1, decoupled };
        both.compare(|tensors| {
            let weight = tensors.create(&[count], numbers(count as usize, 5)).expect("room");
            tensors.require_gradient(weight).expect("a leaf");
            let optimisers = [tensors.sgd(&[weight], sgd), tensors.adam(&[weight], adam)].map(Result::unwrap);
            let mut norm = 0.0;
            for step in 0..6 {
                let cube = tensors.apply(weight, Function::Power(3.0)).expect("room");
                let loss = tensors.sum(cube, &[], false).expect("room");
                tensors.zero_gradients(&[weight]).expect("it is there");
                tensors.backward(loss).expect("a tape");
                norm = tensors.clip_gradient_norm(&[weight], 0.5).expect("a gradient");
                tensors.step(optimisers[step % 2]).expect("a gradient");
                [cube, loss].into_iter().for_each(|id| tensors.free(id).expect("it is there"));
            }
            let values = tensors.values(weight).expect("it is there").to_vec();
            tensors.free(weight).expect("it is there");
            optimisers.into_iter().for_each(|id| tensors.free_optimiser(id).expect("it is there"));
            vec![values, vec![norm as f32]]
        });
    }
}

/// Everything that a network for images is trained with, step by step.
#[test]
fn a_network_is_trained_to_the_same_on_both() {
    on_both!(both);
    let dispatches = both.on_device.device_usage().dispatches;
    both.compare(|tensors| {
        let mut network = Network::new(tensors);
        let losses = (0..3).map(|step| network.train(tensors, step)).collect();
        let weights = network.parameters.iter().map(|&id| tensors.values(id).expect("it is there").to_vec());
        let results = weights.chain([losses]).collect();
        network.free(tensors);
        results
    });
    // It was the device that computed, and nothing came back in between but the losses.
    let usage = both.on_device.device_usage();
    assert!(usage.dispatches >= dispatches + 100, "{usage:?}");
}

/// A convolution, batch normalisation, pooling and a linear layer, with Adam.
pub struct Network {
    pub parameters: Vec<TensorId>,
    running: [TensorId; 2],
    optimiser: u64,
}

impl Network {
    pub fn new(tensors: &mut Tensors) -> Network {
        let shapes: [&[u32]; 6] = [&[6, 3, 3, 2], &[6], &[6], &[6], &[4, 54], &[4]];
        let parameter = |(seed, shape)| tensors.random_normal(shape, 0.0, 0.3, seed).expect("room");
        let parameters: Vec<_> = (1u64..).zip(shapes).map(parameter).collect();
        parameters.iter().for_each(|&id| tensors.require_gradient(id).expect("a leaf"));
        let running = [0.0, 1.0].map(|value| tensors.full(&[6], value).expect("room"));
        let options =
            Adam { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-4, weight_decay: 0.0, decoupled: false };
        let optimiser = tensors.adam(&parameters, options).expect("room");
        Network { parameters, running, optimiser }
    }

    pub fn train(&mut self, tensors: &mut Tensors, step: u64) -> f32 {
        let [weight, bias, scale, shift, linear, linear_bias] = self.parameters[..] else { unreachable!() };
        let before = tensors.last_id();
        let images = tensors.random_uniform(&[5, 6, 6, 2], -1.0, 1.0, 100 + step).expect("room");
        let window = Window { stride: [1, 1], padding: [1, 1] };
        let seen = tensors.conv2d(images, weight, Some(bias), window, Activation::Relu).expect("fitting shapes");
        let [running_mean, running_variance] = self.running;
        let options = BatchNorm { running_mean, running_variance, training: true, momentum: 0.1, epsilon: 1e-3 };
        let normal = tensors.batch_norm(seen, scale, shift, options).expect("fitting shapes");
        let pooled = tensors.max_pool2d(normal, [2, 2], [2, 2]).expect("a fitting window");
        let flat = tensors.reshape(pooled, &[5, 54]).expect("as many");
        let logits = tensors.linear(flat, linear, Some(linear_bias), Activation::None).expect("fitting shapes");
        let loss = tensors.cross_entropy(logits, &[0, 1, 2, 3, 0]).expect("labels below 4");
        tensors.zero_gradients(&self.parameters).expect("they are there");
        tensors.backward(loss).expect("a tape");
        tensors.step(self.optimiser).expect("gradients");
        let value = tensors.values(loss).expect("it is there")[0];
        (before + 1..=tensors.last_id()).for_each(|id| drop(tensors.free(id)));
        value
    }

    pub fn free(self, tensors: &mut Tensors) {
        self.parameters.iter().chain(&self.running).for_each(|&id| tensors.free(id).expect("it is there"));
        tensors.free_optimiser(self.optimiser).expect("it is there");
    }
}

#[test]
fn a_snapshot_has_what_was_settled_and_needs_no_device() {
    on_both!(both);
    let mut tensors = Tensors::new(TENSOR_BYTES_DEFAULT);
    compute_on(&mut tensors, &both.device);
    let weight = tensors.full(&[1000], 1.5).expect("room");
    let double = tensors.add(weight, weight).expect("the same shape");
    let used = tensors.memory_bytes();
    RUNTIME.block_on(tensors.settle()).expect("a device that works");
    let snapshot = tensors.clone();
    tensors.forget_settled();
    assert_eq!(tensors.memory_bytes(), used);
    let square = tensors.multiply(double, double).expect("the same shape");
    assert_eq!(tensors.values(square).expect("it is there"), [9.0; 1000]);
    drop(tensors);

    let bytes = snapshot.encode().expect("it is with the host");
    let restored = Tensors::decode(&bytes, TENSOR_BYTES_DEFAULT).expect("its own bytes");
    assert_eq!(restored.engine(), Engine::Device);
    assert_eq!(restored.values(double).expect("it is there"), [3.0; 1000]);
    assert_eq!(restored.encode().expect("it is with the host"), bytes);
}

#[test]
fn the_processors_go_on_with_what_the_device_computed() {
    on_both!(both);
    let mut tensors = Tensors::new(TENSOR_BYTES_DEFAULT);
    compute_on(&mut tensors, &both.device);
    let weight = tensors.full(&[7], 4.0).expect("room");
    let root = tensors.apply(weight, Function::Sqrt).expect("room");
    tensors.set_engine(Engine::Cpu);
    let sum = tensors.add(root, weight).expect("the same shape");
    assert_eq!(tensors.values(sum).expect("it is there"), [6.0; 7]);
    compute_on(&mut tensors, &both.device);
    let product = tensors.multiply(sum, root).expect("the same shape");
    assert_eq!(tensors.values(product).expect("it is there"), [12.0; 7]);
}

/// More terms than an invocation may make iterations, more numbers than one round of a reduction brings together, tiles
/// that are not full, and a product whose terms are shared out.
#[test]
fn large_shapes_are_right() {
    on_both!(both);
    let matmul: Operation<'_> = &|tensors, ids| tensors.matmul(ids[0], ids[1]);
    both.check(matmul, &[input(&[3, 80_000], numbers), input(&[80_000, 2], numbers)]);
    both.check(matmul, &[input(&[70, 50], numbers), input(&[50, 67], numbers)]);
    both.check(matmul, &[input(&[5, 20, 30], numbers), input(&[5, 30, 40], numbers)]);
    both.check(&|tensors, ids| tensors.sum(ids[0], &[1], false), &[input(&[2, 70_001, 3], numbers)]);
    both.check(&|tensors, ids| tensors.max(ids[0], &[], false), &[input(&[5_000], numbers)]);
    both.check(&|tensors, ids| tensors.softmax(ids[0], 1), &[input(&[30, 500], numbers)]);
    let window = Window { stride: [1, 1], padding: [1, 1] };
    both.check(
        &|tensors, ids| tensors.conv2d(ids[0], ids[1], Some(ids[2]), window, Activation::Relu),
        &[input(&[3, 13, 12, 9], numbers), input(&[34, 3, 3, 9], numbers), input(&[34], numbers)],
    );
}

/// More tensors than the worker keeps bindings of a kernel for, all in one submission, so that none may be let go of in
/// between.
#[test]
fn one_submission_has_a_kernel_with_many_bindings() {
    on_both!(both);
    let inputs: Vec<_> = (1..=40).map(|length| input(&[3, length, 2], numbers)).collect();
    both.check(&|tensors, ids| tensors.concatenate(ids, 1), &inputs);
}

#[test]
fn shapes_of_seven_and_eight_dimensions_are_right() {
    on_both!(both);
    let seven = || input(&[2, 3, 1, 2, 3, 2, 2], numbers);
    let eight = || input(&[2, 1, 3, 2, 2, 1, 3, 2], numbers);
    both.check(&|tensors, ids| tensors.permute(ids[0], &[6, 0, 3, 2, 5, 1, 4]), &[seven()]);
    both.check(&|tensors, ids| tensors.permute(ids[0], &[7, 0, 3, 2, 5, 1, 4, 6]), &[eight()]);
    both.check(&|tensors, ids| tensors.slice(ids[0], 6, 1, 3), &[eight()]);
    both.check(&|tensors, ids| tensors.softmax(ids[0], 6), &[eight()]);
    both.check(&|tensors, ids| tensors.concatenate(ids, 5), &[eight(), eight()]);
    // Axes that lie together, and axes that do not.
    for axes in [&[2, 3, 4][..], &[0, 3, 6], &[1, 7]] {
        both.check(&|tensors, ids| tensors.sum(ids[0], axes, false), &[eight()]);
        both.check(&|tensors, ids| tensors.max(ids[0], axes, true), &[eight()]);
    }
    both.check(&|tensors, ids| tensors.multiply(ids[0], ids[1]), &[seven(), input(&[3, 4, 1, 1, 2, 1], numbers)]);
    both.check(&|tensors, ids| tensors.subtract(ids[0], ids[1]), &[eight(), input(&[1, 4, 1, 2, 1, 5, 3, 1], numbers)]);
    both.check(
        &|tensors, ids| tensors.matmul(ids[0], ids[1]),
        &[input(&[2, 1, 2, 1, 2, 1, 3, 4], numbers), input(&[2, 1, 2, 1, 2, 1, 4, 2], numbers)],
    );
}

/// An axis of a dispatch has 65,535 workgroups, of 64 elements each.
#[test]
fn more_workgroups_than_an_axis_has_are_right() {
    on_both!(both);
    for workgroups in [65_535, 65_536, 2 * 65_535 + 1] {
        let elements = 64 * workgroups - 5;
        both.compare(|tensors| {
            let single = tensors.create(&[elements as u32], numbers(elements, 3)).expect("room");
            let doubled = tensors.add(single, single).expect("the same shape");
            let largest = tensors.max(doubled, &[], false).expect("room");
            let results = [doubled, largest].map(|id| tensors.values(id).expect("it is there").to_vec());
            [single, doubled, largest].into_iter().for_each(|id| tensors.free(id).expect("it is there"));
            results.to_vec()
        });
    }
}
