//! One step of training a small network for images, from kernels alone: what a tape of tensors can reach at best.
//! Convolutions 3-32-32, pooling, 32-64-64, pooling, dense layers 4096-146-10: 665,200 parameters. The batch is 64,
//! the optimiser Adam.

use belljar_compute::tensor::cpu::{
    Adam, Around, ConvBackward, ConvGradients, ConvShape, Finish, Matrix, PoolShape, Workers, adam, conv2d,
    conv2d_backward, cross_entropy, cross_entropy_backward, gemm, max_pool, max_pool_backward, relu_backward, sum_axis,
};

use crate::{Measurement, Numbers, image, numbers};

const BATCH: usize = 64;
const CLASSES: usize = 10;
/// The numbers between the last pooling and the dense layers, and between these.
const FLAT: usize = 4096;
const HIDDEN: usize = 146;

/// The step as something to measure.
pub fn step(workers: Workers<'_>) -> Measurement<'_> {
    let mut network = Network::new();
    Measurement {
        name: "CNN step, 665,200 parameters".into(),
        operations: network.operations(),
        work: Box::new(move || {
            network.step(workers);
        }),
    }
}

/// Numbers that are trained, their gradient, and what Adam knows of them.
struct Parameter {
    values: Numbers,
    gradient: Numbers,
    mean: Numbers,
    square: Numbers,
}

impl Parameter {
    fn new(count: usize, scale: f32) -> Self {
        let mut values = numbers(count);
        values.iter_mut().for_each(|number| *number *= scale);
        Self { values, gradient: Numbers::zeros(count), mean: Numbers::zeros(count), square: Numbers::zeros(count) }
    }

    fn train(&mut self, workers: Workers<'_>, step: u64) {
        let settings =
            Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decoupled: false };
        adam(workers, &settings, step, &mut self.values, &self.gradient, &mut self.mean, &mut self.square);
    }
}

/// A convolution that ends with ReLU.
struct Convolution {
    shape: ConvShape,
    weight: Parameter,
    bias: Parameter,
    output: Numbers,
    gradient: Numbers,
}

impl Convolution {
    fn new(size: usize, from: usize, to: usize) -> Self {
        let shape = image(size, from, to);
        Self {
            shape,
            weight: Parameter::new(shape.weight_len(), (2.0 / (9 * from) as f32).sqrt()),
            bias: Parameter::new(to, 0.0),
            output: Numbers::zeros(shape.output_len()),
            gradient: Numbers::zeros(shape.output_len()),
        }
    }

    fn forward(&mut self, workers: Workers<'_>, input: &[f32]) {
        conv2d(workers, &self.shape, input, &self.weight.values, Some(&self.bias.values), true, &mut self.output);
    }

    fn backward(&mut self, workers: Workers<'_>, input: &[f32], input_gradient: Option<&mut [f32]>) {
        let from = ConvBackward {
            input,
            weight: &self.weight.values,
            activated: Some(&self.output),
            gradient: &self.gradient,
        };
        let to = ConvGradients {
            input: input_gradient,
            weight: Some(&mut self.weight.gradient),
            bias: Some(&mut self.bias.gradient),
        };
        conv2d_backward(workers, &self.shape, from, to);
    }
}

struct Pool {
    shape: PoolShape,
    output: Numbers,
    gradient: Numbers,
}

impl Pool {
    fn new(size: usize, channels: usize) -> Self {
        let shape = PoolShape { batch: BATCH, height: size, width: size, channels, window: [2, 2], stride: [2, 2] };
        Self { shape, output: Numbers::zeros(shape.output_len()), gradient: Numbers::zeros(shape.output_len()) }
    }
}

/// A dense layer.
struct Dense {
    from: usize,
    to: usize,
    weight: Parameter,
    bias: Parameter,
    output: Numbers,
    gradient: Numbers,
}

impl Dense {
    fn new(from: usize, to: usize) -> Self {
        Self {
            from,
            to,
            weight: Parameter::new(from * to, (1.0 / from as f32).sqrt()),
            bias: Parameter::new(to, 0.0),
            output: Numbers::zeros(BATCH * to),
            gradient: Numbers::zeros(BATCH * to),
        }
    }

    fn forward(&mut self, workers: Workers<'_>, relu: bool, input: &[f32]) {
        let weight = Matrix::new(&self.weight.values, self.from, self.to);
        let finish = Finish { bias: Some(&self.bias.values), relu, accumulate: false };
        gemm(workers, Matrix::new(input, BATCH, self.from), weight, &mut self.output, finish);
    }

    fn backward(&mut self, workers: Workers<'_>, input: &[f32], input_gradient: &mut [f32]) {
        let finish = Finish::default();
        let gradient = Matrix::new(&self.gradient, BATCH, self.to);
        let input = Matrix::new(input, BATCH, self.from).transposed();
        gemm(workers, input, gradient, &mut self.weight.gradient, finish);
        let around = Around { outer: 1, length: BATCH, inner: self.to };
        sum_axis(workers, around, 1.0, &self.gradient, &mut self.bias.gradient);
        let weight = Matrix::new(&self.weight.values, self.from, self.to).transposed();
        gemm(workers, gradient, weight, input_gradient, finish);
    }
}

struct Network {
    steps: u64,
    images: Numbers,
    labels: Vec<u32>,
    convolutions: [Convolution; 4],
    pools: [Pool; 2],
    dense: [Dense; 2],
}

impl Network {
    fn new() -> Self {
        Self {
            steps: 0,
            images: numbers(BATCH * 32 * 32 * 3),
            labels: (0..BATCH).map(|index| (index % CLASSES) as u32).collect(),
            convolutions: [(32, 3, 32), (32, 32, 32), (16, 32, 64), (16, 64, 64)]
                .map(|(size, from, to)| Convolution::new(size, from, to)),
            pools: [Pool::new(32, 32), Pool::new(16, 64)],
            dense: [Dense::new(FLAT, HIDDEN), Dense::new(HIDDEN, CLASSES)],
        }
    }

    /// All multiplications and additions of products and convolutions. There is no gradient of the images.
    fn operations(&self) -> f64 {
        let convolutions = self.convolutions.iter().enumerate().map(|(index, layer)| {
            let terms = layer.shape.output_len() * 9 * layer.shape.in_channels;
            terms * if index == 0 { 2 } else { 3 }
        });
        let dense = self.dense.iter().map(|layer| 3 * BATCH * layer.from * layer.to);
        2.0 * convolutions.chain(dense).sum::<usize>() as f64
    }

    /// Trains for one batch, and says the loss.
    fn step(&mut self, workers: Workers<'_>) -> f32 {
        self.steps += 1;
        let [first, second, third, fourth] = &mut self.convolutions;
        let [upper, lower] = &mut self.pools;
        let [hidden, logits] = &mut self.dense;

        first.forward(workers, &self.images);
        second.forward(workers, &first.output);
        max_pool(workers, &upper.shape, &second.output, &mut upper.output);
        third.forward(workers, &upper.output);
        fourth.forward(workers, &third.output);
        max_pool(workers, &lower.shape, &fourth.output, &mut lower.output);
        hidden.forward(workers, true, &lower.output);
        logits.forward(workers, false, &hidden.output);
        let loss = cross_entropy(workers, CLASSES, &logits.output, &self.labels);

        cross_entropy_backward(workers, CLASSES, &logits.output, &self.labels, 1.0, &mut logits.gradient);
        let mut activated = Numbers::zeros(hidden.gradient.len());
        logits.backward(workers, &hidden.output, &mut activated);
        relu_backward(workers, &hidden.output, &activated, &mut hidden.gradient);
        hidden.backward(workers, &lower.output, &mut lower.gradient);
        max_pool_backward(workers, &lower.shape, &fourth.output, &lower.gradient, &mut fourth.gradient);
        fourth.backward(workers, &third.output, Some(&mut third.gradient));
        third.backward(workers, &upper.output, Some(&mut upper.gradient));
        max_pool_backward(workers, &upper.shape, &second.output, &upper.gradient, &mut second.gradient);
        second.backward(workers, &first.output, Some(&mut first.gradient));
        first.backward(workers, &self.images, None);

        let convolutions = self.convolutions.iter_mut().flat_map(|layer| [&mut layer.weight, &mut layer.bias]);
        let dense = self.dense.iter_mut().flat_map(|layer| [&mut layer.weight, &mut layer.bias]);
        for parameter in convolutions.chain(dense) {
            parameter.train(workers, self.steps);
        }
        loss
    }
}
