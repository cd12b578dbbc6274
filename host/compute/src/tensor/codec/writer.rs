//! Writing the state: one pass over the tensors, which collects the buffers that they share, and one over those.

use std::collections::HashMap;

use super::{CODEC_VERSION, ENGINE_CPU, ENGINE_DEVICE, HAS_GRADIENT, MAGIC, REQUIRES_GRADIENT, VERSION_WITHOUT_ENGINE};
use crate::tensor::cpu::{Adam, Sgd};
use crate::tensor::error::TensorError;
use crate::tensor::optimiser::Rule;
use crate::tensor::tensors::{Engine, Tensors};
use crate::tensor::value::Tensor;

impl Tensors {
    /// The state as bytes, without the tape. Elements that only the device has are waited for, which blocks the thread; a
    /// snapshot of what was [settled](Tensors::settle) has none.
    ///
    /// # Errors
    /// [`TensorError::Device`] when elements on the device are lost, [`TensorError::OutOfMemory`] when there is no room
    /// for theirs.
    pub fn encode(&self) -> Result<Vec<u8>, TensorError> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes)?;
        Ok(bytes)
    }

    /// The same behind what is there already.
    ///
    /// # Errors
    /// As for [`Tensors::encode`]; nothing is written then.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), TensorError> {
        let mut writer = Writer::default();
        writer.u64(self.entries.len() as u64);
        for (&id, entry) in &self.entries {
            writer.u64(id);
            let gradient = if entry.gradient.is_some() { HAS_GRADIENT } else { 0 };
            writer.u8(gradient | if entry.requires_gradient { REQUIRES_GRADIENT } else { 0 });
            writer.tensor(&entry.value)?;
            entry.gradient.iter().try_for_each(|gradient| writer.tensor(gradient))?;
        }
        writer.u64(self.optimisers.len() as u64);
        for (&id, optimiser) in &self.optimisers {
            writer.u64(id);
            writer.rule(optimiser.rule);
            writer.u64(optimiser.parameters.len() as u64);
            for parameter in &optimiser.parameters {
                writer.u64(parameter.id);
                writer.u64(parameter.steps);
                writer.u8(u8::from(!parameter.moments.is_empty()));
                parameter.moments.iter().try_for_each(|moment| writer.tensor(moment))?;
            }
        }
        writer.finish(self.engine(), self.last_id, bytes);
        Ok(())
    }
}

/// Writes the part behind the buffers, and collects those.
#[derive(Default)]
struct Writer<'a> {
    bytes: Vec<u8>,
    numbers: HashMap<usize, u64>,
    buffers: Vec<&'a [f32]>,
}

impl<'a> Writer<'a> {
    fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    fn u64(&mut self, value: u64) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn f64(&mut self, value: f64) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn tensor(&mut self, tensor: &'a Tensor) -> Result<(), TensorError> {
        let next = self.buffers.len() as u64;
        let number = *self.numbers.entry(tensor.buffer_identity()).or_insert(next);
        if number == next {
            self.buffers.push(tensor.values()?);
        }
        self.u8(tensor.shape().rank() as u8);
        for length in tensor.shape().to_u32() {
            self.bytes.extend(length.to_le_bytes());
        }
        self.u64(number);
        Ok(())
    }

    fn rule(&mut self, rule: Rule) {
        match rule {
            Rule::Sgd(Sgd { learning_rate, momentum, weight_decay, nesterov }) => {
                self.u8(0);
                [learning_rate, momentum, weight_decay].into_iter().for_each(|number| self.f64(number));
                self.u8(nesterov.into());
            }
            Rule::Adam(Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled }) => {
                self.u8(1);
                [learning_rate, beta1, beta2, epsilon, weight_decay].into_iter().for_each(|number| self.f64(number));
                self.u8(decoupled.into());
            }
        }
    }

    fn finish(self, engine: Engine, last_id: u64, bytes: &mut Vec<u8>) {
        let elements: usize = self.buffers.iter().map(|buffer| size_of_val(*buffer) + size_of::<u64>()).sum();
        let header = MAGIC.len() + size_of::<u32>() + size_of::<u8>() + 2 * size_of::<u64>();
        bytes.reserve_exact(header + elements + self.bytes.len());
        bytes.extend(MAGIC);
        match engine {
            Engine::Auto => bytes.extend(VERSION_WITHOUT_ENGINE.to_le_bytes()),
            Engine::Cpu => bytes.extend(CODEC_VERSION.to_le_bytes().iter().chain(&[ENGINE_CPU])),
            Engine::Device => bytes.extend(CODEC_VERSION.to_le_bytes().iter().chain(&[ENGINE_DEVICE])),
        }
        bytes.extend(last_id.to_le_bytes());
        bytes.extend((self.buffers.len() as u64).to_le_bytes());
        for buffer in self.buffers {
            bytes.extend((buffer.len() as u64).to_le_bytes());
            let start = bytes.len();
            bytes.resize(start + size_of_val(buffer), 0);
            let (places, _) = bytes[start..].as_chunks_mut();
            for (place, value) in places.iter_mut().zip(buffer) {
                *place = value.to_le_bytes();
            }
        }
        bytes.extend(self.bytes);
    }
}
