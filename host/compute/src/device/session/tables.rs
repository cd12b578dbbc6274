//! What an owner has on the device, as the host knows it: the sizes of its buffers, where their contents are,
//! the sources of its pipelines. What a guest asks for is checked against this before anything is sent, so that
//! a mistake is an error at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::device::adapter::AdapterLimits;
use crate::device::commands::{ALIGNMENT_BYTES, Binding, COMMANDS_MAX, Command, WORKGROUPS_MAX};
use crate::device::error::DeviceError;
use crate::device::image::{BufferImage, FIRST_ID, Image, PipelineImage};
use crate::device::shader::BINDINGS_MAX;

/// Buffers of one owner at most.
pub const BUFFERS_MAX: usize = 4096;
/// Buffers of an owner's tensors at most: there may be more tensors than a guest may have buffers, and their gradients. Each
/// takes some memory of the worker beside its own, and a moment to be read back.
pub(in crate::device) const TENSOR_BUFFERS_MAX: usize = 1 << 16;
/// Pipelines of one owner at most.
pub const PIPELINES_MAX: usize = 256;
/// The greatest id: the meter has 32 bits for a pipeline's.
const ID_MAX: u64 = u32::MAX as u64;

/// An owner's buffers and pipelines.
#[derive(Debug)]
pub(super) struct Tables {
    next_id: u64,
    buffers: BTreeMap<u64, BufferEntry>,
    pipelines: BTreeMap<u64, PipelineEntry>,
    bytes_used: u64,
    bytes_max: u64,
    /// How many buffers are not freed.
    buffers_used: usize,
    buffers_max: usize,
    limits: AdapterLimits,
}

#[derive(Debug)]
struct BufferEntry {
    size_bytes: u64,
    contents: Contents,
    /// Freed by the owner, though work that is still queued may use it.
    is_freed: bool,
}

#[derive(Debug)]
struct PipelineEntry {
    image: Arc<PipelineImage>,
    /// Freed by the owner, though work that is still queued may use it.
    is_freed: bool,
}

impl PipelineEntry {
    fn new(image: Arc<PipelineImage>) -> Self {
        Self { image, is_freed: false }
    }
}

/// Where a buffer's contents are.
#[derive(Clone, Debug)]
pub(super) enum Contents {
    /// Nowhere: all zeros.
    Zeros,
    /// In the worker.
    OnWorker,
    /// With the host, until a worker needs them.
    Parked(Bytes),
    /// They went with a worker.
    Lost,
}

impl Tables {
    /// The tables of a session that continues from an image.
    pub(super) fn new(image: Image, bytes_max: u64, buffers_max: usize, limits: AdapterLimits) -> Self {
        let (bytes_used, buffers_used) = (image.size_bytes(), image.buffers.len());
        let entry = |buffer: BufferImage| {
            let size_bytes = buffer.size_bytes();
            let contents = match buffer {
                BufferImage::Zeros(_) => Contents::Zeros,
                BufferImage::Bytes(bytes) => Contents::Parked(bytes),
                BufferImage::Lost(_) => Contents::Lost,
            };
            BufferEntry { size_bytes, contents, is_freed: false }
        };
        Self {
            next_id: image.next_id.max(FIRST_ID),
            buffers: image.buffers.into_iter().map(|(id, buffer)| (id, entry(buffer))).collect(),
            pipelines: image
                .pipelines
                .into_iter()
                .map(|(id, image)| (id, PipelineEntry::new(Arc::new(image))))
                .collect(),
            bytes_used,
            bytes_max,
            buffers_used,
            buffers_max,
            limits,
        }
    }

    /// Changes what the buffers may take. They stay, even if they take more already.
    pub(super) fn set_bytes_max(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max;
    }

    /// Bytes of the buffers that are not freed.
    pub(super) fn bytes_used(&self) -> u64 {
        self.bytes_used
    }

    fn new_id(&mut self) -> Result<u64, DeviceError> {
        let id = self.next_id;
        check_limit("buffers and pipelines that were ever made", "ID_MAX", id, ID_MAX)?;
        self.next_id += 1;
        Ok(id)
    }

    /// Makes room for a buffer of zeros.
    pub(super) fn add_buffer(&mut self, size_bytes: u64) -> Result<u64, DeviceError> {
        check_alignment(size_bytes)?;
        check_limit("bytes in a buffer", "buffer_bytes_max", size_bytes, self.limits.buffer_bytes_max)?;
        check_limit("buffers", "BUFFERS_MAX", self.buffers_used as u64 + 1, self.buffers_max as u64)?;
        if size_bytes == 0 {
            return Err(DeviceError::Validation { position: None, message: "a buffer can't be empty".into() });
        }
        let bytes_used = self.bytes_used.saturating_add(size_bytes);
        check_limit("bytes of buffers", "memory_bytes_max", bytes_used, self.bytes_max)?;
        let id = self.new_id()?;
        self.bytes_used = bytes_used;
        self.buffers_used += 1;
        self.buffers.insert(id, BufferEntry { size_bytes, contents: Contents::Zeros, is_freed: false });
        Ok(id)
    }

    /// Marks a buffer as freed; it goes when the work before has been done. Its memory can be taken again at once:
    /// a buffer that is made from now on comes to the device with its first use, which is queued behind this.
    pub(super) fn mark_freed(&mut self, id: u64) -> Result<(), DeviceError> {
        let entry = self.buffers.get_mut(&id).filter(|entry| !entry.is_freed);
        let entry = entry.ok_or(DeviceError::UnknownBuffer(id))?;
        entry.is_freed = true;
        self.buffers_used = self.buffers_used.saturating_sub(1);
        self.bytes_used = self.bytes_used.saturating_sub(entry.size_bytes);
        Ok(())
    }

    /// Removes a buffer that was freed, and says whether the worker has it.
    pub(super) fn remove_buffer(&mut self, id: u64) -> bool {
        self.buffers.remove(&id).is_some_and(|entry| matches!(entry.contents, Contents::OnWorker))
    }

    /// An id for a pipeline that is about to be built.
    pub(super) fn new_pipeline_id(&mut self) -> Result<u64, DeviceError> {
        let pipelines = self.pipelines.values().filter(|entry| !entry.is_freed).count() as u64;
        check_limit("pipelines", "PIPELINES_MAX", pipelines + 1, PIPELINES_MAX as u64)?;
        self.new_id()
    }

    /// Keeps a pipeline that was built.
    pub(super) fn add_pipeline(&mut self, id: u64, pipeline: Arc<PipelineImage>) {
        self.pipelines.insert(id, PipelineEntry::new(pipeline));
    }

    /// Marks a pipeline as freed; it goes when the work before has been done.
    pub(super) fn mark_pipeline_freed(&mut self, id: u64) -> Result<(), DeviceError> {
        let entry = self.pipelines.get_mut(&id).filter(|entry| !entry.is_freed);
        entry.ok_or(DeviceError::UnknownPipeline(id))?.is_freed = true;
        Ok(())
    }

    /// Removes a pipeline that was freed.
    pub(super) fn remove_pipeline(&mut self, id: u64) {
        self.pipelines.remove(&id);
    }

    /// What a pipeline is built from, freed or not.
    pub(super) fn pipeline(&self, id: u64) -> Result<Arc<PipelineImage>, DeviceError> {
        self.pipelines.get(&id).map(|entry| Arc::clone(&entry.image)).ok_or(DeviceError::UnknownPipeline(id))
    }

    /// A buffer's size in bytes and where its contents are, freed or not.
    pub(super) fn contents(&self, id: u64) -> Result<(u64, Contents), DeviceError> {
        let entry = self.buffers.get(&id).ok_or(DeviceError::UnknownBuffer(id))?;
        Ok((entry.size_bytes, entry.contents.clone()))
    }

    /// Notes where a buffer's contents are now.
    pub(super) fn set_contents(&mut self, id: u64, contents: Contents) {
        if let Some(entry) = self.buffers.get_mut(&id) {
            entry.contents = contents;
        }
    }

    /// Notes that the worker is gone.
    pub(super) fn lose_worker(&mut self) {
        for entry in self.buffers.values_mut() {
            if matches!(entry.contents, Contents::OnWorker) {
                entry.contents = Contents::Lost;
            }
        }
    }

    /// The buffers whose contents are lost.
    pub(super) fn lost(&self) -> Vec<u64> {
        let is_lost = |entry: &BufferEntry| !entry.is_freed && matches!(entry.contents, Contents::Lost);
        self.buffers.iter().filter(|(_, entry)| is_lost(entry)).map(|(&id, _)| id).collect()
    }

    /// The buffers that the worker has.
    pub(super) fn on_worker(&self) -> Vec<u64> {
        let is_there = |entry: &BufferEntry| matches!(entry.contents, Contents::OnWorker);
        self.buffers.iter().filter(|(_, entry)| is_there(entry)).map(|(&id, _)| id).collect()
    }

    /// An image of everything. Buffers that the worker has are in `read`.
    pub(super) fn image(&self, mut read: BTreeMap<u64, Bytes>) -> Image {
        let mut buffer_image = |id: &u64, entry: &BufferEntry| match &entry.contents {
            Contents::Zeros => BufferImage::Zeros(entry.size_bytes),
            Contents::Parked(bytes) => BufferImage::Bytes(bytes.clone()),
            Contents::OnWorker => read.remove(id).map_or(BufferImage::Lost(entry.size_bytes), BufferImage::Bytes),
            Contents::Lost => BufferImage::Lost(entry.size_bytes),
        };
        let kept = self.buffers.iter().filter(|(_, entry)| !entry.is_freed);
        let pipelines = self.pipelines.iter().filter(|(_, entry)| !entry.is_freed);
        Image {
            next_id: self.next_id,
            buffers: kept.map(|(id, entry)| (*id, buffer_image(id, entry))).collect(),
            pipelines: pipelines.map(|(&id, entry)| (id, (*entry.image).clone())).collect(),
        }
    }

    /// Checks a range of a buffer.
    pub(super) fn check_range(&self, buffer: u64, offset_bytes: u64, length_bytes: u64) -> Result<(), DeviceError> {
        let entry = self.buffers.get(&buffer).filter(|entry| !entry.is_freed);
        let size_bytes = entry.ok_or(DeviceError::UnknownBuffer(buffer))?.size_bytes;
        check_alignment(offset_bytes)?;
        check_alignment(length_bytes)?;
        match offset_bytes.checked_add(length_bytes) {
            Some(end) if end <= size_bytes => Ok(()),
            _ => Err(DeviceError::OutOfRange { buffer, offset_bytes, length_bytes, size_bytes }),
        }
    }

    /// Checks a submission.
    pub(super) fn check_commands(&self, commands: &[Command]) -> Result<(), DeviceError> {
        check_limit("commands in a submission", "COMMANDS_MAX", commands.len() as u64, COMMANDS_MAX as u64)?;
        for command in commands {
            match command {
                Command::Dispatch { pipeline, bindings, workgroups } => {
                    if self.pipelines.get(pipeline).is_none_or(|entry| entry.is_freed) {
                        return Err(DeviceError::UnknownPipeline(*pipeline));
                    }
                    self.check_workgroups(*workgroups)?;
                    check_limit("bindings", "BINDINGS_MAX", bindings.len() as u64, BINDINGS_MAX)?;
                    bindings.iter().try_for_each(|binding| self.check_binding(binding))?;
                }
                Command::Copy { from, from_offset_bytes, to, to_offset_bytes, length_bytes } => {
                    self.check_range(*from, *from_offset_bytes, *length_bytes)?;
                    self.check_range(*to, *to_offset_bytes, *length_bytes)?;
                }
                Command::Clear { buffer, offset_bytes, length_bytes } => {
                    self.check_range(*buffer, *offset_bytes, *length_bytes)?;
                }
            }
        }
        Ok(())
    }

    fn check_workgroups(&self, workgroups: [u32; 3]) -> Result<(), DeviceError> {
        let per_axis = u64::from(self.limits.workgroups_per_axis_max);
        for count in workgroups {
            check_limit("workgroups along one axis", "workgroups_per_axis_max", count.into(), per_axis)?;
        }
        let total = workgroups.iter().map(|&count| u64::from(count)).fold(1, u64::saturating_mul);
        check_limit("workgroups", "WORKGROUPS_MAX", total, WORKGROUPS_MAX)
    }

    fn check_binding(&self, binding: &Binding) -> Result<(), DeviceError> {
        self.check_range(binding.buffer, binding.offset_bytes, binding.size_bytes.unwrap_or(0))
    }
}

fn check_limit(what: &str, name: &str, found: u64, max: u64) -> Result<(), DeviceError> {
    if found <= max { Ok(()) } else { Err(DeviceError::limit(what, name, found, max)) }
}

fn check_alignment(value: u64) -> Result<(), DeviceError> {
    if value.is_multiple_of(ALIGNMENT_BYTES) {
        Ok(())
    } else {
        Err(DeviceError::Unaligned { value, alignment_bytes: ALIGNMENT_BYTES })
    }
}
