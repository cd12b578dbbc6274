//! Every tensor operation, forward and backward, every optimiser and the clipping of gradients, against what PyTorch
//! computed. `golden/pytorch.py` writes the values.

use belljar_compute::tensor::{
    Activation, Adam, BatchNorm, Function, Sgd, TENSOR_BYTES_DEFAULT, TensorError, TensorId, Tensors, Window,
};
use serde::Deserialize;
use serde_json::Value;

/// Both round to 32 bits in between, in different orders; the numbers are of the order of one.
const TOLERANCE: f32 = 2e-5;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    optimisers: Vec<Steps>,
    clip: Clip,
}

#[derive(Deserialize)]
struct Case {
    operation: String,
    options: Value,
    inputs: Vec<Listed>,
    output: Listed,
    upstream: Listed,
    gradients: Vec<Listed>,
}

#[derive(Deserialize)]
struct Steps {
    optimiser: String,
    options: Value,
    start: Listed,
    gradients: Vec<Listed>,
    after: Vec<Listed>,
}

#[derive(Deserialize)]
struct Clip {
    gradients: Vec<Listed>,
    norm: f64,
    after: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    shape: Vec<u32>,
    values: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/pytorch.json")).unwrap()
}

fn tensors() -> Tensors {
    Tensors::new(TENSOR_BYTES_DEFAULT)
}

fn create(tensors: &mut Tensors, listed: &Listed) -> TensorId {
    tensors.create(&listed.shape, listed.values.clone()).unwrap()
}

fn assert_close(tensors: &Tensors, id: TensorId, expected: &Listed, what: &str) {
    assert_eq!(tensors.shape(id).unwrap(), expected.shape, "{what}");
    for (&found, &expected) in tensors.values(id).unwrap().iter().zip(&expected.values) {
        let error = (found - expected).abs();
        assert!(error <= TOLERANCE * expected.abs().max(1.0), "{what}: {found} instead of {expected}");
    }
}

#[test]
fn operations_and_their_gradients_are_those_of_pytorch() {
    for (number, case) in golden().cases.iter().enumerate() {
        let what = format!("case {number}, {} {}", case.operation, case.options);
        let mut tensors = tensors();
        let inputs: Vec<_> = case.inputs.iter().map(|input| create(&mut tensors, input)).collect();
        for &input in &inputs {
            tensors.require_gradient(input).unwrap();
        }
        let output = compute(&mut tensors, &case.operation, &inputs, &case.options).unwrap();
        assert_close(&tensors, output, &case.output, &what);

        let upstream = create(&mut tensors, &case.upstream);
        let weighted = tensors.multiply(output, upstream).unwrap();
        let loss = tensors.sum(weighted, &[], false).unwrap();
        tensors.backward(loss).unwrap();
        for (place, (&input, expected)) in inputs.iter().zip(&case.gradients).enumerate() {
            let gradient = tensors.gradient(input).unwrap().unwrap();
            assert_close(&tensors, gradient, expected, &format!("{what}, gradient {place}"));
        }
    }
}

#[test]
fn optimisers_step_as_those_of_pytorch() {
    for steps in golden().optimisers {
        let what = format!("{} {}", steps.optimiser, steps.options);
        let mut tensors = tensors();
        let parameter = create(&mut tensors, &steps.start);
        tensors.require_gradient(parameter).unwrap();
        let optimiser = optimiser(&mut tensors, parameter, &steps).unwrap();
        for (gradient, after) in steps.gradients.iter().zip(&steps.after) {
            give_gradient(&mut tensors, parameter, gradient);
            tensors.step(optimiser).unwrap();
            assert_close(&tensors, parameter, after, &what);
        }
    }
}

#[test]
fn gradients_are_clipped_as_by_pytorch() {
    let Clip { gradients, norm, after } = golden().clip;
    let mut tensors = tensors();
    let parameters: Vec<_> = gradients.iter().map(|gradient| tensors.zeros(&gradient.shape).unwrap()).collect();
    for (&parameter, gradient) in parameters.iter().zip(&gradients) {
        tensors.require_gradient(parameter).unwrap();
        give_gradient(&mut tensors, parameter, gradient);
    }
    let found = tensors.clip_gradient_norm(&parameters, 1.0).unwrap();
    assert!((found - norm).abs() < 1e-5, "{found} instead of {norm}");
    for (&parameter, after) in parameters.iter().zip(&after) {
        let gradient = tensors.gradient(parameter).unwrap().unwrap();
        assert_close(&tensors, gradient, after, "a clipped gradient");
    }
}

/// Makes a parameter's gradient the given one, as that of the sum of its products with it.
fn give_gradient(tensors: &mut Tensors, parameter: TensorId, gradient: &Listed) {
    tensors.zero_gradients(&[parameter]).unwrap();
    let gradient = create(tensors, gradient);
    let product = tensors.multiply(parameter, gradient).unwrap();
    let loss = tensors.sum(product, &[], false).unwrap();
    tensors.backward(loss).unwrap();
}

fn optimiser(tensors: &mut Tensors, parameter: TensorId, steps: &Steps) -> Result<u64, TensorError> {
    let option = |name: &str, default: f64| steps.options[name].as_f64().unwrap_or(default);
    let beta = |place: usize, default: f64| steps.options["betas"][place].as_f64().unwrap_or(default);
    let learning_rate = option("lr", f64::NAN);
    let weight_decay = option("weight_decay", 0.0);
    if steps.optimiser == "sgd" {
        let nesterov = steps.options["nesterov"].as_bool().unwrap_or(false);
        let momentum = option("momentum", 0.0);
        return tensors.sgd(&[parameter], Sgd { learning_rate, momentum, weight_decay, nesterov });
    }
    let (beta1, beta2, epsilon) = (beta(0, 0.9), beta(1, 0.999), option("eps", 1e-8));
    let decoupled = steps.optimiser == "adamw";
    tensors.adam(&[parameter], Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled })
}

fn compute(
    tensors: &mut Tensors,
    operation: &str,
    inputs: &[TensorId],
    options: &Value,
) -> Result<TensorId, TensorError> {
    let number = |name: &str| options[name].as_u64().unwrap() as u32;
    let numbers = |name: &str| serde_json::from_value::<Vec<u32>>(options[name].clone()).unwrap();
    let pair = |name: &str| serde_json::from_value::<[u32; 2]>(options[name].clone()).unwrap();
    let keep = || options["keep"].as_bool().unwrap();
    let input = inputs[0];
    match operation {
        "apply" => tensors.apply(input, function(options)),
        "add" => tensors.add(input, inputs[1]),
        "subtract" => tensors.subtract(input, inputs[1]),
        "multiply" => tensors.multiply(input, inputs[1]),
        "divide" => tensors.divide(input, inputs[1]),
        "reshape" => tensors.reshape(input, &numbers("shape")),
        "permute" => tensors.permute(input, &numbers("axes")),
        "transpose" => tensors.transpose(input, number("first"), number("second")),
        "slice" => tensors.slice(input, number("axis"), number("start"), number("end")),
        "concatenate" => tensors.concatenate(inputs, number("axis")),
        "matmul" => tensors.matmul(input, inputs[1]),
        "linear" => tensors.linear(input, inputs[1], inputs.get(2).copied(), activation(options)),
        "conv1d" => {
            let (stride, padding) = (number("stride"), number("padding"));
            tensors.conv1d(input, inputs[1], Some(inputs[2]), stride, padding, activation(options))
        }
        "conv2d" => {
            let window = Window { stride: pair("stride"), padding: pair("padding") };
            tensors.conv2d(input, inputs[1], Some(inputs[2]), window, activation(options))
        }
        "max-pool2d" => tensors.max_pool2d(input, pair("window"), pair("stride")),
        "average-pool2d" => tensors.average_pool2d(input, pair("window"), pair("stride")),
        "batch-norm" => batch_norm(tensors, inputs, options),
        "layer-norm" => tensors.layer_norm(input, inputs[1], inputs[2], 1e-5),
        "softmax" => tensors.softmax(input, number("axis")),
        "log-softmax" => tensors.log_softmax(input, number("axis")),
        "cross-entropy" => tensors.cross_entropy(input, &numbers("labels")),
        "mean-squared-error" => tensors.mean_squared_error(input, inputs[1]),
        "sum" => tensors.sum(input, &numbers("axes"), keep()),
        "mean" => tensors.mean(input, &numbers("axes"), keep()),
        "max" => tensors.max(input, &numbers("axes"), keep()),
        "embedding" => tensors.embedding(input, &numbers("indices")),
        "lstm" => {
            let start = Some((inputs[4], inputs[5]));
            let (hidden, cell) = tensors.lstm(input, inputs[1], inputs[2], inputs[3], start)?;
            let time = tensors.shape(cell)?[1];
            let last = tensors.slice(cell, 1, time - 1, time)?;
            tensors.concatenate(&[hidden, last], 1)
        }
        "attention" => {
            let causal = options["causal"].as_bool().unwrap();
            tensors.attention(input, inputs[1], inputs[2], number("heads"), causal)
        }
        unknown => panic!("there is no operation {unknown}"),
    }
}

fn batch_norm(tensors: &mut Tensors, inputs: &[TensorId], options: &Value) -> Result<TensorId, TensorError> {
    let listed = |name: &str| serde_json::from_value::<Listed>(options[name].clone()).unwrap();
    let batch_norm = BatchNorm {
        running_mean: create(tensors, &listed("mean")),
        running_variance: create(tensors, &listed("variance")),
        training: options["training"].as_bool().unwrap(),
        momentum: 0.1,
        epsilon: 1e-5,
    };
    let output = tensors.batch_norm(inputs[0], inputs[1], inputs[2], batch_norm)?;
    assert_close(tensors, batch_norm.running_mean, &listed("mean_after"), "the running mean");
    assert_close(tensors, batch_norm.running_variance, &listed("variance_after"), "the running variance");
    Ok(output)
}

fn activation(options: &Value) -> Activation {
    match options["activation"].as_str().unwrap() {
        "none" => Activation::None,
        "relu" => Activation::Relu,
        "tanh" => Activation::Tanh,
        "sigmoid" => Activation::Sigmoid,
        unknown => panic!("there is no activation {unknown}"),
    }
}

fn function(options: &Value) -> Function {
    let number = options["number"].as_f64().unwrap_or(f64::NAN) as f32;
    match options["function"].as_str().unwrap() {
        "negate" => Function::Negate,
        "exp" => Function::Exp,
        "log" => Function::Log,
        "sqrt" => Function::Sqrt,
        "tanh" => Function::Tanh,
        "sigmoid" => Function::Sigmoid,
        "relu" => Function::Relu,
        "leaky-relu" => Function::LeakyRelu(number),
        "gelu" => Function::Gelu,
        "add" => Function::Add(number),
        "multiply" => Function::Multiply(number),
        "power" => Function::Power(number),
        unknown => panic!("there is no function {unknown}"),
    }
}
