//! The functions of the interface, each the method of the same name.

use belljar_compute::tensor::Tensors;

use super::{steps_of, steps_to_make};
use crate::capability::bindings::belljar::plugin::tensor::{
    Activation, AdamOptions, BatchNorm, Engine, Error, Function, Host, LstmStates, MemoryUse, SgdOptions, Window1d,
    Window2d,
};
use crate::state::HostState;

impl Host for HostState {
    async fn use_engine(&mut self, engine: Engine) -> wasmtime::Result<Result<(), Error>> {
        let before = self.compute.tensors.engine();
        self.set_engine(engine.into());
        // One that cannot be had is told at once, and one that nobody asked for is looked for when there is much to do.
        let found = if engine == Engine::Device { self.find_engine().await } else { Ok(()) };
        if found.is_err() {
            self.set_engine(before);
        }
        Ok(found)
    }

    async fn create(&mut self, shape: Vec<u32>, values: Vec<f32>) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(steps_of(values.len() as u64), move |tensors| tensors.create(&shape, values)).await
    }

    async fn zeros(&mut self, shape: Vec<u32>) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(steps_to_make(&shape), move |tensors| tensors.zeros(&shape)).await
    }

    async fn full(&mut self, shape: Vec<u32>, value: f32) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(steps_to_make(&shape), move |tensors| tensors.full(&shape, value)).await
    }

    async fn random_uniform(
        &mut self,
        shape: Vec<u32>,
        low: f32,
        high: f32,
        seed: u64,
    ) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(steps_to_make(&shape), move |tensors| tensors.random_uniform(&shape, low, high, seed)).await
    }

    async fn random_normal(
        &mut self,
        shape: Vec<u32>,
        mean: f32,
        deviation: f32,
        seed: u64,
    ) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(steps_to_make(&shape), move |tensors| tensors.random_normal(&shape, mean, deviation, seed)).await
    }

    async fn shape(&mut self, input: u64) -> wasmtime::Result<Result<Vec<u32>, Error>> {
        self.at_once(|tensors| tensors.shape(input))
    }

    async fn values(&mut self, input: u64) -> wasmtime::Result<Result<Vec<f32>, Error>> {
        let (limit, elements) = (self.limits.host_call_bytes_max, self.elements(input));
        let size_bytes = elements.saturating_mul(size_of::<f32>() as u64);
        if size_bytes > limit {
            let text = format!(
                "the tensor has {size_bytes} bytes of elements, and a call returns at most {limit} (`host_call_bytes_max`): \
                 read it in slices"
            );
            return Ok(Err(Error::TooMany(text)));
        }
        self.carry_out(steps_of(elements), move |tensors| tensors.values(input).map(<[f32]>::to_vec)).await
    }

    async fn set(&mut self, input: u64, values: Vec<f32>) -> wasmtime::Result<Result<(), Error>> {
        self.operate(steps_of(values.len() as u64), move |tensors| tensors.set(input, &values)).await
    }

    async fn free(&mut self, input: u64) -> wasmtime::Result<Result<(), Error>> {
        // To give much memory back takes its time, too.
        self.carry_out(self.steps_over(&[input]), move |tensors| tensors.free(input)).await
    }

    async fn memory(&mut self) -> wasmtime::Result<MemoryUse> {
        let tensors = self.compute.tensors_with_room();
        Ok(MemoryUse { used: tensors.memory_bytes(), limit: tensors.memory_bytes_max() })
    }

    async fn reshape(&mut self, input: u64, shape: Vec<u32>) -> wasmtime::Result<Result<u64, Error>> {
        self.at_once(|tensors| tensors.reshape(input, &shape))
    }

    async fn permute(&mut self, input: u64, axes: Vec<u32>) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.permute(input, &axes)).await
    }

    async fn transpose(&mut self, input: u64, first: u32, second: u32) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.transpose(input, first, second)).await
    }

    async fn slice(&mut self, input: u64, axis: u32, start: u32, end: u32) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.slice(input, axis, start, end)).await
    }

    async fn concatenate(&mut self, inputs: Vec<u64>, axis: u32) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(self.steps_over(&inputs), move |tensors| tensors.concatenate(&inputs, axis)).await
    }

    async fn apply(&mut self, input: u64, function: Function) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.apply(input, function.into())).await
    }

    async fn add(&mut self, left: u64, right: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.binary(left, right, Tensors::add).await
    }

    async fn subtract(&mut self, left: u64, right: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.binary(left, right, Tensors::subtract).await
    }

    async fn multiply(&mut self, left: u64, right: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.binary(left, right, Tensors::multiply).await
    }

    async fn divide(&mut self, left: u64, right: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.binary(left, right, Tensors::divide).await
    }

    async fn matmul(&mut self, left: u64, right: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.binary(left, right, Tensors::matmul).await
    }

    async fn sum(&mut self, input: u64, axes: Vec<u32>, keep: bool) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.sum(input, &axes, keep)).await
    }

    async fn mean(&mut self, input: u64, axes: Vec<u32>, keep: bool) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.mean(input, &axes, keep)).await
    }

    async fn max(&mut self, input: u64, axes: Vec<u32>, keep: bool) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.max(input, &axes, keep)).await
    }

    async fn argmax(&mut self, input: u64, axis: u32) -> wasmtime::Result<Result<Vec<u32>, Error>> {
        self.operate(self.steps_over(&[input]), move |tensors| tensors.argmax(input, axis)).await
    }

    async fn softmax(&mut self, input: u64, axis: u32) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.softmax(input, axis)).await
    }

    async fn log_softmax(&mut self, input: u64, axis: u32) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.log_softmax(input, axis)).await
    }

    async fn linear(
        &mut self,
        input: u64,
        weight: u64,
        bias: Option<u64>,
        activation: Activation,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let work = move |tensors: &mut Tensors, input, weight| tensors.linear(input, weight, bias, activation.into());
        self.binary(input, weight, work).await
    }

    async fn conv1d(
        &mut self,
        input: u64,
        weight: u64,
        bias: Option<u64>,
        window: Window1d,
        activation: Activation,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let Window1d { stride, padding } = window;
        let work = move |tensors: &mut Tensors, input, weight| {
            tensors.conv1d(input, weight, bias, stride, padding, activation.into())
        };
        self.binary(input, weight, work).await
    }

    async fn conv2d(
        &mut self,
        input: u64,
        weight: u64,
        bias: Option<u64>,
        window: Window2d,
        activation: Activation,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let work = move |tensors: &mut Tensors, input, weight| {
            tensors.conv2d(input, weight, bias, window.into(), activation.into())
        };
        self.binary(input, weight, work).await
    }

    async fn max_pool2d(
        &mut self,
        input: u64,
        window: (u32, u32),
        stride: (u32, u32),
    ) -> wasmtime::Result<Result<u64, Error>> {
        let steps = self.steps_over(&[input]).saturating_mul(area(window));
        self.operate(steps, move |tensors| tensors.max_pool2d(input, window.into(), stride.into())).await
    }

    async fn average_pool2d(
        &mut self,
        input: u64,
        window: (u32, u32),
        stride: (u32, u32),
    ) -> wasmtime::Result<Result<u64, Error>> {
        let steps = self.steps_over(&[input]).saturating_mul(area(window));
        self.operate(steps, move |tensors| tensors.average_pool2d(input, window.into(), stride.into())).await
    }

    async fn batch_normalise(
        &mut self,
        input: u64,
        weight: u64,
        bias: u64,
        options: BatchNorm,
    ) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.batch_norm(input, weight, bias, options.into())).await
    }

    async fn layer_normalise(
        &mut self,
        input: u64,
        weight: u64,
        bias: u64,
        epsilon: f64,
    ) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.layer_norm(input, weight, bias, epsilon)).await
    }

    async fn dropout(&mut self, input: u64, probability: f32, seed: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(input, move |tensors, input| tensors.dropout(input, probability, seed)).await
    }

    async fn embedding(&mut self, table: u64, indices: Vec<u32>) -> wasmtime::Result<Result<u64, Error>> {
        let steps = self.elements(table).saturating_mul(indices.len() as u64);
        self.operate(steps, move |tensors| tensors.embedding(table, &indices)).await
    }

    async fn lstm(
        &mut self,
        input: u64,
        input_weight: u64,
        state_weight: u64,
        bias: u64,
        start: Option<LstmStates>,
    ) -> wasmtime::Result<Result<LstmStates, Error>> {
        let steps = self.steps_between(input, input_weight).saturating_add(self.steps_between(input, state_weight));
        let start = start.map(|states| (states.hidden, states.cell));
        let work = move |tensors: &mut Tensors| {
            let (hidden, cell) = tensors.lstm(input, input_weight, state_weight, bias, start)?;
            Ok(LstmStates { hidden, cell })
        };
        self.operate(steps, work).await
    }

    async fn attention(
        &mut self,
        query: u64,
        key: u64,
        value: u64,
        heads: u32,
        causal: bool,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let steps = self.steps_between(query, key).saturating_add(self.steps_between(key, value));
        self.operate(steps, move |tensors| tensors.attention(query, key, value, heads, causal)).await
    }

    async fn cross_entropy(&mut self, logits: u64, labels: Vec<u32>) -> wasmtime::Result<Result<u64, Error>> {
        self.unary(logits, move |tensors, logits| tensors.cross_entropy(logits, &labels)).await
    }

    async fn mean_squared_error(&mut self, input: u64, target: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(self.steps_over(&[input, target]), move |tensors| tensors.mean_squared_error(input, target)).await
    }

    async fn require_gradient(&mut self, input: u64) -> wasmtime::Result<Result<(), Error>> {
        self.at_once(|tensors| tensors.require_gradient(input))
    }

    async fn detach(&mut self, input: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.at_once(|tensors| tensors.detach(input))
    }

    async fn backward(&mut self, loss: u64) -> wasmtime::Result<Result<(), Error>> {
        // How long its tape is, only the tensors know.
        self.operate(u64::MAX, move |tensors| tensors.backward(loss)).await
    }

    async fn gradient(&mut self, input: u64) -> wasmtime::Result<Result<Option<u64>, Error>> {
        self.at_once(|tensors| tensors.gradient(input))
    }

    async fn zero_gradients(&mut self, inputs: Vec<u64>) -> wasmtime::Result<Result<(), Error>> {
        self.carry_out(self.steps_over(&inputs), move |tensors| tensors.zero_gradients(&inputs)).await
    }

    async fn set_recording(&mut self, recording: bool) -> wasmtime::Result<bool> {
        Ok(self.compute.tensors.set_recording(recording))
    }

    async fn clip_gradient_norm(&mut self, inputs: Vec<u64>, norm_max: f64) -> wasmtime::Result<Result<f64, Error>> {
        self.operate(self.steps_over(&inputs), move |tensors| tensors.clip_gradient_norm(&inputs, norm_max)).await
    }

    async fn sgd(&mut self, parameters: Vec<u64>, options: SgdOptions) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(self.steps_over(&parameters), move |tensors| tensors.sgd(&parameters, options.into())).await
    }

    async fn adam(&mut self, parameters: Vec<u64>, options: AdamOptions) -> wasmtime::Result<Result<u64, Error>> {
        self.operate(self.steps_over(&parameters), move |tensors| tensors.adam(&parameters, options.into())).await
    }

    async fn step(&mut self, optimiser: u64) -> wasmtime::Result<Result<(), Error>> {
        self.operate(u64::MAX, move |tensors| tensors.step(optimiser)).await
    }

    async fn set_learning_rate(&mut self, optimiser: u64, learning_rate: f64) -> wasmtime::Result<Result<(), Error>> {
        self.at_once(|tensors| tensors.set_learning_rate(optimiser, learning_rate))
    }

    async fn free_optimiser(&mut self, optimiser: u64) -> wasmtime::Result<Result<(), Error>> {
        // How much there is to give back, only the tensors know.
        self.carry_out(u64::MAX, move |tensors| tensors.free_optimiser(optimiser)).await
    }
}

/// Of how many elements a window is.
fn area((height, width): (u32, u32)) -> u64 {
    u64::from(height) * u64::from(width)
}
