//! Where an operation is computed that is computed on the device.

use std::sync::Arc;

use super::kernel::{Dispatch, GROUP_INVOCATIONS, Kernel};
use super::queue::{DeviceNumbers, Queue};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::memory::Charge;
use crate::tensor::shape::{PerAxis, Shape};
use crate::tensor::value::Tensor;

/// How many multiply-adds an element counts for that is computed alone: it goes to memory and back, and its place in a layout
/// may take as many divisions as there are dimensions.
const WORK_OF_ELEMENT: usize = 16;

/// The queue that an operation's kernels go to, and whose operation it is.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) executor: &'a Executor,
    pub(crate) queue: &'a Arc<Queue>,
}

impl Site<'_> {
    /// A tensor whose elements are yet to be computed, all of them.
    pub(crate) fn output(self, shape: Shape) -> Result<Tensor, TensorError> {
        self.executor.check_stop()?;
        Tensor::on_device(&self.executor.memory, self.queue, shape)
    }

    /// Whole numbers for a kernel, one at least, which are on the account until this is dropped.
    pub(super) fn indices(self, values: &[u32]) -> Result<Indices, TensorError> {
        self.check_indices(values.len())?;
        let charge = self.executor.reserve(values.len())?;
        Ok(Indices { numbers: self.queue.write_whole(values)?, _charge: charge })
    }

    /// Fails unless a kernel can have so many whole numbers as an operand.
    pub(super) fn check_indices(self, count: usize) -> Result<(), TensorError> {
        let elements_max = self.queue.elements_max();
        if count <= elements_max {
            return Ok(());
        }
        let [needed_bytes, limit_bytes] = [count, elements_max].map(|count| count as u64 * size_of::<u32>() as u64);
        Err(TensorError::OutOfMemory { needed_bytes, used_bytes: 0, limit_bytes })
    }

    /// Queues a kernel with one invocation for each of so many elements, which is its first parameter.
    pub(super) fn run_each(
        self,
        kernel: Kernel,
        elements: usize,
        parameters: Words,
        operands: &[&Tensor],
    ) -> Result<(), TensorError> {
        let parameters = Words::new().count(elements).and(&parameters);
        let groups = elements.div_ceil(GROUP_INVOCATIONS);
        self.run(kernel, groups, WORK_OF_ELEMENT * GROUP_INVOCATIONS, parameters, operands)
    }

    /// Queues a kernel of so many workgroups, one of which takes about so many multiply-adds.
    pub(super) fn run(
        self,
        kernel: Kernel,
        groups: usize,
        work_of_group: usize,
        parameters: Words,
        operands: &[&Tensor],
    ) -> Result<(), TensorError> {
        let numbers = operands.iter().map(|tensor| tensor.numbers(self.queue)).collect::<Result<Vec<_>, _>>()?;
        let operands: Vec<&DeviceNumbers> = numbers.iter().map(|numbers| &**numbers).collect();
        self.run_on(kernel, groups, work_of_group, parameters, &operands)
    }

    /// [`run`](Self::run) of numbers that need not be a tensor's.
    pub(super) fn run_on(
        self,
        kernel: Kernel,
        groups: usize,
        work_of_group: usize,
        Words(parameters): Words,
        operands: &[&DeviceNumbers],
    ) -> Result<(), TensorError> {
        self.queue.dispatch(&Dispatch { kernel, parameters, operands, groups, work_of_group })
    }
}

/// Whole numbers on the device.
pub(super) struct Indices {
    pub(super) numbers: DeviceNumbers,
    _charge: Arc<Charge>,
}

/// A kernel's parameters, as words.
#[derive(Clone, Default)]
pub(super) struct Words(Vec<u32>);

impl Words {
    pub(super) fn new() -> Words {
        Words::default()
    }

    /// A count or a place, which the kernels have 32 bits for: no operand on the device has more elements.
    pub(super) fn count(mut self, count: usize) -> Words {
        self.0.push(u32::try_from(count).unwrap_or(u32::MAX));
        self
    }

    pub(super) fn counts(self, counts: impl IntoIterator<Item = usize>) -> Words {
        counts.into_iter().fold(self, Words::count)
    }

    pub(super) fn flag(self, flag: bool) -> Words {
        self.count(flag.into())
    }

    pub(super) fn number(mut self, number: f32) -> Words {
        self.0.push(number.to_bits());
        self
    }

    /// Numbers for each axis, of each kind two vectors of four. They begin behind four words: that of the first workgroup,
    /// that of the elements, and two more.
    pub(super) fn in_vectors<const N: usize>(mut self, kinds: [PerAxis; N]) -> Words {
        self.0.resize(2, 0);
        kinds.into_iter().fold(self, Words::counts)
    }

    pub(super) fn and(mut self, other: &Words) -> Words {
        self.0.extend(&other.0);
        self
    }
}
