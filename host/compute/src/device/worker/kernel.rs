//! A pipeline on the device, with the bind groups that it was run with.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroU64};

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding, ComputePipeline, Device,
};

use super::scope::scoped;
use crate::device::commands::Binding;
use crate::device::protocol::Failure;
use crate::device::shader::{self, METER_GROUP};

/// Sets of bind groups that are kept per pipeline; a loop that swaps two buffers needs two.
const BIND_GROUPS_KEPT_MAX: usize = 16;

/// A kernel that the device has compiled.
pub(super) struct Kernel {
    pipeline: ComputePipeline,
    /// The meter in its bind group, if the kernel loops.
    meter: Option<BindGroup>,
    /// Bind groups by their index, for bindings that were used before.
    groups: HashMap<Vec<Binding>, Vec<(u32, BindGroup)>>,
}

impl Kernel {
    /// Checks, meters and compiles a kernel.
    pub(super) fn build(
        device: &Device,
        meter: &Buffer,
        number: NonZeroU32,
        source: &str,
        entry_point: &str,
        fuel: u32,
    ) -> Result<Self, Failure> {
        let shader = shader::prepare(source, entry_point, number, fuel).map_err(Failure::Shader)?;
        let metered = shader.metered;
        scoped(device, || {
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Naga(Cow::Owned(shader.module)),
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some(entry_point),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            });
            let meter = metered.then(|| {
                let entry = BindGroupEntry { binding: 0, resource: meter.as_entire_binding() };
                bind_group(device, &pipeline, METER_GROUP, &[entry])
            });
            Ok(Self { pipeline, meter, groups: HashMap::new() })
        })
    }

    /// Whether the kernel writes to the meter.
    pub(super) fn is_metered(&self) -> bool {
        self.meter.is_some()
    }

    /// Makes the bind groups for the bindings, if they are not there from another time.
    pub(super) fn bind(
        &mut self,
        device: &Device,
        bindings: &[Binding],
        buffers: &HashMap<u64, Buffer>,
    ) -> Result<(), Failure> {
        if self.groups.contains_key(bindings) {
            return Ok(());
        }
        let mut groups: Vec<u32> = bindings.iter().map(|binding| binding.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut made = Vec::with_capacity(groups.len());
        for group in groups {
            let mut entries = Vec::new();
            for binding in bindings.iter().filter(|binding| binding.group == group) {
                let buffer = buffers.get(&binding.buffer).ok_or_else(|| unknown_buffer(binding.buffer))?;
                let size = binding.size_bytes.and_then(NonZeroU64::new);
                let resource = BindingResource::Buffer(BufferBinding { buffer, offset: binding.offset_bytes, size });
                entries.push(BindGroupEntry { binding: binding.binding, resource });
            }
            made.push((group, bind_group(device, &self.pipeline, group, &entries)));
        }
        self.groups.insert(bindings.to_vec(), made);
        Ok(())
    }

    /// Forgets bind groups if many are kept, before those of a submission are made: it needs all of its own until its end.
    pub(super) fn make_room(&mut self) {
        if self.groups.len() >= BIND_GROUPS_KEPT_MAX {
            self.groups.clear();
        }
    }

    /// Forgets all bind groups: they keep their buffers' memory.
    pub(super) fn unbind(&mut self) {
        self.groups.clear();
    }

    /// Records a dispatch with bindings that were bound before.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, bindings: &[Binding], [x, y, z]: [u32; 3]) {
        pass.set_pipeline(&self.pipeline);
        for (index, group) in self.groups.get(bindings).into_iter().flatten() {
            pass.set_bind_group(*index, group, &[]);
        }
        if let Some(meter) = &self.meter {
            pass.set_bind_group(METER_GROUP, meter, &[]);
        }
        pass.dispatch_workgroups(x, y, z);
    }
}

fn bind_group(device: &Device, pipeline: &ComputePipeline, index: u32, entries: &[BindGroupEntry<'_>]) -> BindGroup {
    let layout = pipeline.get_bind_group_layout(index);
    device.create_bind_group(&BindGroupDescriptor { label: None, layout: &layout, entries })
}

pub(super) fn unknown_buffer(buffer: u64) -> Failure {
    Failure::Invalid(format!("the worker has no buffer {buffer}"))
}
