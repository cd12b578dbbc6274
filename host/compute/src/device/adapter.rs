//! The adapter that kernels run on, and what it can do.

use serde::{Deserialize, Serialize};

/// An adapter: a GPU with its driver, or a driver that computes on the CPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    /// The name that the driver gives, such as `NVIDIA GeForce RTX 4090`.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// The interface through which it is used, such as `vulkan`.
    pub backend: String,
    /// What it is.
    pub kind: AdapterKind,
    /// What it allows.
    pub limits: AdapterLimits,
    /// Whether it measures how long a submission takes on the device.
    pub timestamps: bool,
}

/// What an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the machine's memory.
    Integrated,
    /// A GPU that a virtual machine shares.
    Virtual,
    /// No GPU: kernels run on the CPU, far slower than the host's own code.
    Cpu,
    /// The driver does not say.
    Other,
}

impl AdapterKind {
    /// Whether it is known to be a GPU, so that work goes there which nobody sent there by name. One whose driver does not say
    /// is not: it may be a way to a GPU from within a virtual machine or to the processors, and the host's own code is known
    /// to be fast.
    pub fn is_gpu(self) -> bool {
        match self {
            Self::Discrete | Self::Integrated | Self::Virtual => true,
            Self::Cpu | Self::Other => false,
        }
    }
}

/// What a kernel and its buffers may be on an adapter. The lower of the driver's limits and Belljar's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterLimits {
    /// Bytes of one buffer.
    pub buffer_bytes_max: u64,
    /// Bytes of a buffer that a kernel sees as storage.
    pub storage_binding_bytes_max: u64,
    /// Bytes of a buffer that a kernel sees as uniform.
    pub uniform_binding_bytes_max: u64,
    /// What the offset of a storage binding is a multiple of, in bytes.
    pub storage_alignment_bytes: u32,
    /// What the offset of a uniform binding is a multiple of, in bytes.
    pub uniform_alignment_bytes: u32,
    /// Storage buffers of one kernel.
    pub storage_buffers_max: u32,
    /// Invocations of a workgroup.
    pub workgroup_invocations_max: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes_max: u32,
    /// Workgroups of a dispatch along one axis.
    pub workgroups_per_axis_max: u32,
}

#[cfg(test)]
mod tests {
    use super::AdapterKind;

    #[test]
    fn what_is_not_known_to_be_a_gpu_is_none() {
        let kinds = [
            (AdapterKind::Discrete, true),
            (AdapterKind::Integrated, true),
            (AdapterKind::Virtual, true),
            (AdapterKind::Cpu, false),
            (AdapterKind::Other, false),
        ];
        for (kind, is_gpu) in kinds {
            assert_eq!(kind.is_gpu(), is_gpu, "{kind:?}");
        }
    }
}
