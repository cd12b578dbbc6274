//! The types of the interface as those of the crate that computes, and its errors as the guest's.

use belljar_compute::device::shader::Position as Place;
use belljar_compute::device::{self, AdapterKind as Kind, Device, DeviceError};

use crate::capability::bindings::belljar::plugin::compute::{
    AdapterInfo, AdapterKind, BindGroupEntry, BufferClear, BufferCopy, Command, Dispatch, Error, LimitError, Limits,
    Position, ValidationError,
};

impl From<DeviceError> for Error {
    fn from(error: DeviceError) -> Error {
        let text = error.to_string();
        match error {
            DeviceError::NoAdapter(_) | DeviceError::CannotStart(_) => Error::NoAdapter(text),
            DeviceError::Validation { position, message } => {
                Error::Validation(ValidationError { position: position.map(Position::from), message })
            }
            DeviceError::Limit { position, what, name, found, max } => {
                // The setting that a user can change.
                let name = if name == "memory_bytes_max" { "compute_bytes_max".to_owned() } else { name };
                Error::Limit(LimitError { position: position.map(Position::from), what, name, found, max })
            }
            DeviceError::UnknownBuffer(buffer) => Error::UnknownBuffer(buffer),
            DeviceError::UnknownPipeline(pipeline) => Error::UnknownPipeline(pipeline),
            DeviceError::OutOfRange { size_bytes, .. } => Error::OutOfRange(size_bytes),
            DeviceError::Unaligned { alignment_bytes, .. } => Error::Unaligned(alignment_bytes),
            DeviceError::BufferLost(buffer) => Error::BufferLost(buffer),
            DeviceError::OutOfFuel { pipeline, .. } => Error::OutOfFuel(pipeline),
            DeviceError::TimedOut { .. } => Error::TimedOut(text),
            DeviceError::OutOfMemory => Error::OutOfMemory,
            // Of what else there is, the guest needs to know that its buffers are gone.
            _ => Error::WorkerLost(text),
        }
    }
}

impl From<Place> for Position {
    fn from(Place { line, column }: Place) -> Position {
        Position { line, column }
    }
}

impl From<Command> for device::Command {
    fn from(command: Command) -> device::Command {
        match command {
            Command::DispatchWorkgroups(Dispatch { pipeline, bind_group, workgroups: (x, y, z) }) => {
                let bindings = bind_group.into_iter().map(device::Binding::from).collect();
                device::Command::Dispatch { pipeline, bindings, workgroups: [x, y, z] }
            }
            Command::CopyBufferToBuffer(copy) => {
                let BufferCopy { source, source_offset, destination, destination_offset, size } = copy;
                device::Command::Copy {
                    from: source,
                    from_offset_bytes: source_offset,
                    to: destination,
                    to_offset_bytes: destination_offset,
                    length_bytes: size,
                }
            }
            Command::ClearBuffer(BufferClear { buffer, offset, size }) => {
                device::Command::Clear { buffer, offset_bytes: offset, length_bytes: size }
            }
        }
    }
}

impl From<BindGroupEntry> for device::Binding {
    fn from(entry: BindGroupEntry) -> device::Binding {
        let BindGroupEntry { group, binding, buffer, offset, size } = entry;
        device::Binding { group, binding, buffer, offset_bytes: offset, size_bytes: size }
    }
}

impl From<Kind> for AdapterKind {
    fn from(kind: Kind) -> AdapterKind {
        match kind {
            Kind::Discrete => AdapterKind::Discrete,
            Kind::Integrated => AdapterKind::Integrated,
            Kind::Virtual => AdapterKind::Virtual,
            Kind::Cpu => AdapterKind::Cpu,
            Kind::Other => AdapterKind::Other,
        }
    }
}

/// What the guest is told of the adapter, on which its buffers may take so many bytes.
pub(super) fn adapter_info(device: &Device, memory_bytes_max: u64) -> AdapterInfo {
    let device::Adapter { name, driver, backend, kind, limits, timestamps } = device.adapter().clone();
    let limits = Limits {
        memory_bytes_max,
        buffer_bytes_max: limits.buffer_bytes_max,
        storage_binding_bytes_max: limits.storage_binding_bytes_max,
        uniform_binding_bytes_max: limits.uniform_binding_bytes_max,
        storage_alignment_bytes: limits.storage_alignment_bytes,
        uniform_alignment_bytes: limits.uniform_alignment_bytes,
        storage_buffers_max: limits.storage_buffers_max,
        workgroup_invocations_max: limits.workgroup_invocations_max,
        workgroup_bytes_max: limits.workgroup_bytes_max,
        workgroups_per_axis_max: limits.workgroups_per_axis_max,
        dispatch_time_max_ms: device.dispatch_time_max().as_millis() as u64,
    };
    AdapterInfo { name, driver, backend, kind: kind.into(), limits, timestamps }
}
