//! The device in a build without one: there is no queue, and so there are no numbers on it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::kernel::Dispatch;
use crate::tensor::error::TensorError;

/// A queue that there is none of.
#[derive(Debug)]
pub(crate) enum Queue {}

impl Queue {
    pub(crate) fn elements_max(&self) -> usize {
        match *self {}
    }

    pub(crate) fn numbers(self: &Arc<Queue>, _: usize) -> Result<DeviceNumbers, TensorError> {
        match **self {}
    }

    pub(crate) fn write(self: &Arc<Queue>, _: &[f32]) -> Result<DeviceNumbers, TensorError> {
        match **self {}
    }

    pub(crate) fn write_whole(self: &Arc<Queue>, _: &[u32]) -> Result<DeviceNumbers, TensorError> {
        match **self {}
    }

    pub(crate) fn copy(self: &Arc<Queue>, _: &DeviceNumbers) -> Result<DeviceNumbers, TensorError> {
        match **self {}
    }

    pub(crate) fn dispatch(&self, _: &Dispatch<'_>) -> Result<(), TensorError> {
        match *self {}
    }

    pub(crate) fn stop_by(&self, _: &Arc<AtomicBool>) {
        match *self {}
    }

    pub(crate) fn release_spare(&self) {
        match *self {}
    }
}

/// Numbers that there are none of.
#[derive(Debug)]
pub(crate) enum DeviceNumbers {}

impl DeviceNumbers {
    pub(crate) fn elements(&self) -> usize {
        match *self {}
    }

    pub(crate) fn is_of(&self, _: &Arc<Queue>) -> bool {
        match *self {}
    }

    pub(crate) fn are_lost(&self) -> bool {
        match *self {}
    }

    pub(crate) fn read(&self, _: &mut [f32]) -> Result<(), TensorError> {
        match *self {}
    }

    pub(crate) async fn read_back(&self, _: &mut [f32]) -> Result<(), TensorError> {
        match *self {}
    }
}
