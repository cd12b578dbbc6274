//! `belljar:plugin/tensor`: tensors that the host holds and computes with. The tensors and what can be done with them are
//! the crate `belljar-compute`'s; here is what of it is done beside the guests, since it takes longer than a moment.

mod convert;
mod operations;

use std::time::{Duration, Instant};

use belljar_compute::tensor::{Engine, TensorError, TensorId, Tensors};

use super::bindings::belljar::plugin::tensor::Error;
use crate::compute::Stop;
use crate::state::HostState;

/// Elements times elements, of an operation of two tensors, up to which it is done on the guest's own thread: at most a
/// millisecond of work, and most often a hundredth of that, which is not worth a change of threads.
const DONE_AT_ONCE_MAX: u64 = 1 << 20;
/// Tensors that are named at once by a call that may be worth no change of threads. Even finding more takes its time.
const NAMED_AT_ONCE_MAX: usize = 128;
/// What an element counts for in an operation of one tensor, which may be the error function.
const STEPS_OF_ELEMENT: u64 = 16;

/// How long a GPU is looked for that no guest has asked for: 5 s.
const LOOKED_FOR_MAX: Duration = Duration::from_secs(5);
/// Why a journaled actor gets no device, and what to do.
const NOT_EXACT: &str = "messages of this actor may be replayed, and a device need not come to the same numbers again; \
                              `--durability checkpoint` keeps its state in checkpoints instead";

impl HostState {
    /// Does something that takes a moment.
    fn at_once<T>(
        &mut self,
        work: impl FnOnce(&mut Tensors) -> Result<T, TensorError>,
    ) -> wasmtime::Result<Result<T, Error>> {
        let started = Instant::now();
        let outcome = work(self.compute.tensors_with_room());
        self.compute.usage.operated(started.elapsed());
        Ok(outcome.map_err(Error::from))
    }

    /// Does an operation that takes about so many steps.
    async fn operate<T: Send + 'static>(
        &mut self,
        steps: u64,
        work: impl FnOnce(&mut Tensors) -> Result<T, TensorError> + Send + 'static,
    ) -> wasmtime::Result<Result<T, Error>> {
        // A GPU that nobody asked for is not looked for before there is something for it to do.
        if (steps > DONE_AT_ONCE_MAX || self.compute.tensors.engine() == Engine::Device)
            && let Err(error) = self.find_engine().await
        {
            return Ok(Err(error));
        }
        self.carry_out(steps, work).await
    }

    /// Does what takes about so many steps, with the engine that there is.
    async fn carry_out<T: Send + 'static>(
        &mut self,
        steps: u64,
        work: impl FnOnce(&mut Tensors) -> Result<T, TensorError> + Send + 'static,
    ) -> wasmtime::Result<Result<T, Error>> {
        // What is on a device may have to be waited for, which this thread must not.
        if steps <= DONE_AT_ONCE_MAX && !self.compute.tensors.is_on_device() {
            return self.at_once(work);
        }
        let started = Instant::now();
        // As long as it waits for a place it has its tensors.
        let (place, owner) = (self.services.compute.place().await, self.compute.owner);
        // A guest whose call ends before this gets no other call, so nobody misses its tensors.
        let mut tensors = std::mem::replace(self.compute.tensors_with_room(), Tensors::new(0));
        let stop = Stop::new();
        let stopped = stop.flag();
        let beside = place.run(move |threads| {
            tensors.run_on(threads.clone(), owner, stopped);
            let outcome = work(&mut tensors);
            tensors.run_here();
            (tensors, outcome)
        });
        let (tensors, outcome) = beside.await?;
        self.compute.tensors = tensors;
        self.compute.usage.operated(started.elapsed());
        Ok(outcome.map_err(Error::from))
    }

    fn set_engine(&mut self, engine: Engine) {
        self.compute.tensors_with_room().set_engine(engine);
        self.compute.has_found_engine = false;
    }

    /// Has tensors computed by what the guest wants, if that has not been looked for yet.
    async fn find_engine(&mut self) -> Result<(), Error> {
        if self.compute.has_found_engine {
            return Ok(());
        }
        let engine = self.compute.tensors.engine();
        let processors = self.services.compute.clone();
        let device = match engine {
            Engine::Cpu => None,
            Engine::Auto if self.compute.is_exact => None,
            Engine::Device if self.compute.is_exact => return Err(Error::NoDevice(NOT_EXACT.to_owned())),
            // One that takes long to be found is none to wait for where nobody asked for it.
            Engine::Auto => tokio::time::timeout(LOOKED_FOR_MAX, processors.device()).await.ok().and_then(Result::ok),
            Engine::Device => Some(processors.device().await.map_err(|error| Error::NoDevice(error.to_string()))?),
        };
        if let Some(device) = device.filter(|device| engine.takes(device.adapter().kind)) {
            self.compute.compute_tensors_on(&device);
        }
        self.compute.has_found_engine = true;
        Ok(())
    }

    /// An operation of one tensor.
    async fn unary(
        &mut self,
        input: TensorId,
        work: impl FnOnce(&mut Tensors, TensorId) -> Result<TensorId, TensorError> + Send + 'static,
    ) -> wasmtime::Result<Result<TensorId, Error>> {
        self.operate(self.steps_over(&[input]), move |tensors| work(tensors, input)).await
    }

    /// An operation of two tensors.
    async fn binary(
        &mut self,
        left: TensorId,
        right: TensorId,
        work: impl FnOnce(&mut Tensors, TensorId, TensorId) -> Result<TensorId, TensorError> + Send + 'static,
    ) -> wasmtime::Result<Result<TensorId, Error>> {
        self.operate(self.steps_between(left, right), move |tensors| work(tensors, left, right)).await
    }

    /// The steps of an operation that looks at every element of these tensors. Of empty ones something large may be made.
    fn steps_over(&self, ids: &[TensorId]) -> u64 {
        if ids.len() > NAMED_AT_ONCE_MAX || ids.iter().any(|id| self.elements(*id) == 0) {
            return u64::MAX;
        }
        let elements = ids.iter().map(|id| self.elements(*id)).fold(0, u64::saturating_add);
        steps_of(elements)
    }

    /// At most the steps of an operation that may bring every element of one tensor together with every one of another.
    fn steps_between(&self, left: TensorId, right: TensorId) -> u64 {
        self.elements(left).saturating_mul(self.elements(right)).saturating_add(self.steps_over(&[left, right]))
    }

    /// How many elements a tensor has; none if there is no such tensor, which the operation will say.
    fn elements(&self, id: TensorId) -> u64 {
        let shape = self.compute.tensors.shape(id);
        shape.map_or(0, |shape| shape.iter().map(|&length| u64::from(length)).product())
    }
}

/// The steps of making a tensor of this shape.
fn steps_to_make(shape: &[u32]) -> u64 {
    let elements = shape.iter().fold(1_u64, |product, length| product.saturating_mul((*length).into()));
    steps_of(elements)
}

/// The steps of looking at so many elements.
fn steps_of(elements: u64) -> u64 {
    elements.saturating_mul(STEPS_OF_ELEMENT)
}
