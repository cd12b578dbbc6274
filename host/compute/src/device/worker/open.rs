//! Chooses an adapter and opens a device on it.

use wgpu::{
    Backends, DeviceDescriptor, DeviceType, ExperimentalFeatures, Features, Instance, InstanceDescriptor,
    InstanceFlags, Limits, MemoryHints, Trace,
};

use crate::device::adapter::{Adapter, AdapterKind, AdapterLimits};
use crate::device::protocol::Failure;
use crate::device::shader::{METER_GROUP, WORKGROUP_BYTES_MAX, WORKGROUP_INVOCATIONS_MAX};

/// A device that was just opened.
pub(super) struct Opened {
    pub(super) adapter: Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
}

/// What a timestamp in a command encoder takes.
const TIMESTAMPS: Features = Features::TIMESTAMP_QUERY.union(Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);

/// Opens the best adapter that will do: a GPU before the CPU, memory of its own before the machine's.
pub(super) fn open(allow_cpu: bool, name: Option<&str>) -> Result<Opened, Failure> {
    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::VULKAN,
        // No validation layers: they are for finding faults in wgpu.
        flags: InstanceFlags::empty(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(Backends::VULKAN));
    let found = adapters.iter().map(|adapter| adapter.get_info().name).collect::<Vec<_>>().join(", ");
    let wanted = name.map(str::to_lowercase);
    let chosen = adapters
        .into_iter()
        .filter(|adapter| {
            let info = adapter.get_info();
            wanted.as_ref().is_none_or(|wanted| info.name.to_lowercase().contains(wanted))
                && (allow_cpu || info.device_type != DeviceType::Cpu)
                && adapter.limits().max_bind_groups > METER_GROUP
        })
        .min_by_key(|adapter| rank(adapter.get_info().device_type))
        .ok_or_else(|| Failure::NoAdapter(explain(&found, allow_cpu, name)))?;
    let timestamps = chosen.features().contains(TIMESTAMPS);
    let required_limits = chosen.limits();
    let description = DeviceDescriptor {
        label: None,
        required_features: if timestamps { TIMESTAMPS } else { Features::empty() },
        required_limits,
        experimental_features: ExperimentalFeatures::disabled(),
        memory_hints: MemoryHints::MemoryUsage,
        trace: Trace::Off,
    };
    let (device, queue) = pollster::block_on(chosen.request_device(&description))
        .map_err(|e| Failure::NoAdapter(format!("{} can't be opened: {e}", chosen.get_info().name)))?;
    Ok(Opened { adapter: describe(&chosen, timestamps), device, queue })
}

fn rank(kind: DeviceType) -> u8 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn explain(found: &str, allow_cpu: bool, name: Option<&str>) -> String {
    if found.is_empty() {
        return "no Vulkan driver was found: install the one of your GPU".into();
    }
    let named = name.map_or_else(String::new, |name| format!(" is called like {name:?} and"));
    let cpu = if allow_cpu {
        ""
    } else {
        "; one that computes on the CPU is used only if `allow_cpu` is set (BELLJAR_COMPUTE_CPU=1 for `belljar`)"
    };
    format!("none of {found}{named} can be used{cpu}")
}

fn describe(adapter: &wgpu::Adapter, timestamps: bool) -> Adapter {
    let info = adapter.get_info();
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => AdapterKind::Discrete,
        DeviceType::IntegratedGpu => AdapterKind::Integrated,
        DeviceType::VirtualGpu => AdapterKind::Virtual,
        DeviceType::Cpu => AdapterKind::Cpu,
        DeviceType::Other => AdapterKind::Other,
    };
    let backend = info.backend.to_string();
    Adapter { name: info.name, driver, backend, kind, limits: limits(&adapter.limits()), timestamps }
}

fn limits(limits: &Limits) -> AdapterLimits {
    AdapterLimits {
        buffer_bytes_max: limits.max_buffer_size,
        storage_binding_bytes_max: limits.max_storage_buffer_binding_size,
        uniform_binding_bytes_max: limits.max_uniform_buffer_binding_size,
        storage_alignment_bytes: limits.min_storage_buffer_offset_alignment,
        uniform_alignment_bytes: limits.min_uniform_buffer_offset_alignment,
        // One is the meter's.
        storage_buffers_max: limits.max_storage_buffers_per_shader_stage.saturating_sub(1),
        workgroup_invocations_max: limits.max_compute_invocations_per_workgroup.min(WORKGROUP_INVOCATIONS_MAX as u32),
        workgroup_bytes_max: limits.max_compute_workgroup_storage_size.min(WORKGROUP_BYTES_MAX as u32),
        workgroups_per_axis_max: limits.max_compute_workgroups_per_dimension,
    }
}
