//! The compute device with real workers on a real adapter, a CPU one if need be. Without a Vulkan driver these
//! tests have nothing to run on and say so.
#![cfg(target_os = "linux")]

mod boards;
mod descriptors;
mod hostile;
mod loss;
mod orphans;
mod sharing;
mod support;
mod tensor_loss;
mod tensor_room;
mod tensors;
mod transfer;
mod work;
