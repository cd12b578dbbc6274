//! Reading the state, from bytes of which nothing is believed: every length is compared with the bytes that are left
//! before anything of that length is made, and every value must be one that is written.

use std::sync::Arc;

use super::{
    CODEC_VERSION, DecodeError, ENGINE_CPU, ENGINE_DEVICE, HAS_GRADIENT, MAGIC, REQUIRES_GRADIENT,
    VERSION_WITHOUT_ENGINE,
};
use crate::tensor::cpu::{Adam, Sgd};
use crate::tensor::error::TensorError;
use crate::tensor::memory::Memory;
use crate::tensor::optimiser::{OPTIMISERS_MAX, Optimiser, Parameter, Rule};
use crate::tensor::shape::{RANK_MAX, Shape};
use crate::tensor::tensors::{Engine, Entry, TENSORS_MAX, Tensors};
use crate::tensor::value::Tensor;

/// The largest id that bytes may name, far more than are ever given.
const ID_MAX: u64 = 1 << 63;

impl Tensors {
    /// The state that [`Tensors::encode`] wrote, and what the tensors may take from now on.
    ///
    /// # Errors
    /// [`DecodeError`] for any other bytes, or when the tensors take more than they may.
    pub fn decode(bytes: &[u8], memory_bytes_max: u64) -> Result<Tensors, DecodeError> {
        let mut tensors = Tensors::new(memory_bytes_max);
        let mut reader = Reader { rest: bytes, length: bytes.len(), buffers_used: 0 };
        tensors.set_engine(reader.header()?);
        let last_id = reader.last_id()?;
        let buffers = reader.buffers(&tensors.executor.memory)?;
        tensors.last_id = last_id;
        let count = reader.count("the number of tensors", TENSORS_MAX)?;
        let mut previous = None;
        for _ in 0..count {
            let id = reader.id("a tensor's id", &mut previous, last_id)?;
            let flags = reader.bounded_u8("a tensor's flags", REQUIRES_GRADIENT | HAS_GRADIENT)?;
            let mut entry = Entry::new(reader.tensor(&buffers)?);
            entry.requires_gradient = flags & REQUIRES_GRADIENT != 0;
            if flags & HAS_GRADIENT != 0 {
                entry.gradient = Some(reader.tensor_of(&buffers, entry.value.shape())?);
            }
            tensors.entries.insert(id, entry);
        }
        let count = reader.count("the number of optimisers", OPTIMISERS_MAX)?;
        let mut previous = None;
        for _ in 0..count {
            let id = reader.id("an optimiser's id", &mut previous, last_id)?;
            let optimiser = reader.optimiser(&buffers, &tensors)?;
            tensors.optimisers.insert(id, optimiser);
        }
        reader.end(buffers.len())?;
        Ok(tensors)
    }
}

/// The bytes that are left.
struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
    /// Buffers are numbered in the order in which tensors first name them: how many have been named.
    buffers_used: u64,
}

impl<'a> Reader<'a> {
    /// The engine.
    fn header(&mut self) -> Result<Engine, DecodeError> {
        if !self.rest.starts_with(&MAGIC) {
            return Err(DecodeError::Magic);
        }
        self.rest = &self.rest[MAGIC.len()..];
        match self.u32("the version")? {
            VERSION_WITHOUT_ENGINE => Ok(Engine::Auto),
            CODEC_VERSION => match self.bounded_u8("the engine", ENGINE_DEVICE)? {
                ENGINE_CPU => Ok(Engine::Cpu),
                ENGINE_DEVICE => Ok(Engine::Device),
                other => Err(self.invalid("the engine", other.into())),
            },
            found => Err(DecodeError::Version { found }),
        }
    }

    /// The buffers, each as a tensor of one axis.
    fn buffers(&mut self, memory: &Arc<Memory>) -> Result<Vec<Tensor>, DecodeError> {
        // Every buffer has at least its length, so that there are no more than bytes to hold those.
        let count = self.count("the number of buffers", self.rest.len() / size_of::<u64>())?;
        let mut buffers = Vec::with_capacity(count);
        for _ in 0..count {
            let elements = self.count("a buffer's elements", self.rest.len() / size_of::<f32>())?;
            let bytes = self.take("a buffer", elements * size_of::<f32>())?;
            let (values, _) = bytes.as_chunks();
            buffers.push(Tensor::compute(memory, Shape::new(&[elements])?, |output| {
                for (out, &value) in output.iter_mut().zip(values) {
                    *out = f32::from_le_bytes(value);
                }
            })?);
        }
        Ok(buffers)
    }

    /// Everything was read, and every buffer belongs to a tensor.
    fn end(&mut self, buffers: usize) -> Result<(), DecodeError> {
        if self.buffers_used != buffers as u64 {
            return Err(self.invalid("the number of buffers that tensors name", self.buffers_used));
        }
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.invalid("the number of bytes behind the end", left as u64)),
        }
    }

    fn tensor(&mut self, buffers: &[Tensor]) -> Result<Tensor, DecodeError> {
        let rank = self.bounded_u8("a tensor's rank", RANK_MAX as u8)?;
        let dimensions = (0..rank).map(|_| self.u32("a tensor's dimension")).collect::<Result<Vec<_>, _>>()?;
        let shape = Shape::from_u32(&dimensions)?;
        let number = self.u64("a tensor's buffer")?;
        let buffer = usize::try_from(number).ok().filter(|_| number <= self.buffers_used);
        let buffer =
            buffer.and_then(|number| buffers.get(number)).ok_or_else(|| self.invalid("a tensor's buffer", number))?;
        if buffer.shape().elements() != shape.elements() {
            return Err(self.invalid("the number of elements of a tensor's buffer", buffer.shape().elements() as u64));
        }
        self.buffers_used = self.buffers_used.max(number + 1);
        Ok(buffer.reshaped(shape))
    }

    /// A tensor that must have this shape.
    fn tensor_of(&mut self, buffers: &[Tensor], shape: &Shape) -> Result<Tensor, DecodeError> {
        let tensor = self.tensor(buffers)?;
        if tensor.shape() == shape {
            return Ok(tensor);
        }
        Err(TensorError::shapes("decode", shape, tensor.shape(), "what belongs to a tensor needs its shape").into())
    }

    fn optimiser(&mut self, buffers: &[Tensor], tensors: &Tensors) -> Result<Optimiser, DecodeError> {
        let rule = self.rule()?.checked()?;
        let count = self.count("the number of parameters", TENSORS_MAX)?;
        let mut parameters = Vec::new();
        for _ in 0..count {
            let id = self.u64("a parameter's id")?;
            if id == 0 || id > tensors.last_id {
                // A tensor that is yet to come could have any shape.
                return Err(self.invalid("a parameter's id", id));
            }
            let mut parameter = Parameter { steps: self.u64("a parameter's steps")?, ..Parameter::new(id) };
            if self.bounded_u8("whether moments follow", 1)? == 1 {
                for _ in 0..rule.moments() {
                    // The moments of a parameter that was freed stay without it.
                    parameter.moments.push(match tensors.entries.get(&id) {
                        Some(entry) => self.tensor_of(buffers, entry.value.shape())?,
                        None => self.tensor(buffers)?,
                    });
                }
            }
            parameters.push(parameter);
        }
        Ok(Optimiser { rule, parameters })
    }

    fn rule(&mut self) -> Result<Rule, DecodeError> {
        Ok(match self.bounded_u8("an optimiser's rule", 1)? {
            0 => Rule::Sgd(Sgd {
                learning_rate: self.f64("a learning rate")?,
                momentum: self.f64("a momentum")?,
                weight_decay: self.f64("a weight decay")?,
                nesterov: self.bounded_u8("nesterov", 1)? == 1,
            }),
            _ => Rule::Adam(Adam {
                learning_rate: self.f64("a learning rate")?,
                beta1: self.f64("a beta1")?,
                beta2: self.f64("a beta2")?,
                epsilon: self.f64("an epsilon")?,
                weight_decay: self.f64("a weight decay")?,
                decoupled: self.bounded_u8("decoupled", 1)? == 1,
            }),
        })
    }

    /// The last id, after which there are more than can ever be given.
    fn last_id(&mut self) -> Result<u64, DecodeError> {
        let last_id = self.u64("the last id")?;
        if last_id <= ID_MAX { Ok(last_id) } else { Err(self.invalid("the last id", last_id)) }
    }

    /// An id that is larger than the one before and at most the last.
    fn id(&mut self, field: &'static str, previous: &mut Option<u64>, last: u64) -> Result<u64, DecodeError> {
        let id = self.u64(field)?;
        if previous.replace(id).is_some_and(|previous| previous >= id) || id == 0 || id > last {
            return Err(self.invalid(field, id));
        }
        Ok(id)
    }

    fn count(&mut self, field: &'static str, max: usize) -> Result<usize, DecodeError> {
        let count = self.u64(field)?;
        usize::try_from(count).ok().filter(|&count| count <= max).ok_or_else(|| self.invalid(field, count))
    }

    fn bounded_u8(&mut self, field: &'static str, max: u8) -> Result<u8, DecodeError> {
        let [value] = self.array(field)?;
        if value <= max { Ok(value) } else { Err(self.invalid(field, value.into())) }
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_le_bytes)
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_le_bytes)
    }

    fn f64(&mut self, field: &'static str) -> Result<f64, DecodeError> {
        self.array(field).map(f64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(|| self.truncated(field))?;
        self.rest = rest;
        Ok(*array)
    }

    fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.truncated(field))?;
        self.rest = rest;
        Ok(taken)
    }

    fn truncated(&self, field: &'static str) -> DecodeError {
        DecodeError::Truncated { field, offset: self.length }
    }

    fn invalid(&self, field: &'static str, value: u64) -> DecodeError {
        DecodeError::Invalid { field, value, offset: self.length - self.rest.len() }
    }
}
