//! A machine without a device for kernels, as many are.

use crate::bindings::belljar::plugin::compute as wit;
use wit::{AdapterInfo, Command, Error};

pub fn request_adapter() -> Result<AdapterInfo, Error> {
    Err(no_adapter())
}

pub fn create_buffer(_size: u64) -> Result<u64, Error> {
    Err(no_adapter())
}

pub fn write_buffer(_buffer: u64, _offset: u64, _bytes: &[u8]) -> Result<(), Error> {
    Err(no_adapter())
}

pub fn write_buffer_f32(_buffer: u64, _offset: u64, _values: &[f32]) -> Result<(), Error> {
    Err(no_adapter())
}

pub fn read_buffer(_buffer: u64, _offset: u64, _size: u64) -> Result<Vec<u8>, Error> {
    Err(no_adapter())
}

pub fn read_buffer_f32(_buffer: u64, _offset: u64, _count: u64) -> Result<Vec<f32>, Error> {
    Err(no_adapter())
}

pub fn destroy_buffer(_buffer: u64) -> Result<(), Error> {
    Err(no_adapter())
}

pub fn create_compute_pipeline(_source: &str, _entry_point: &str) -> Result<u64, Error> {
    Err(no_adapter())
}

pub fn destroy_compute_pipeline(_pipeline: u64) -> Result<(), Error> {
    Err(no_adapter())
}

pub fn submit(_commands: &[Command]) -> Result<(), Error> {
    Err(no_adapter())
}

pub fn finish() -> Result<Option<u64>, Error> {
    Err(no_adapter())
}

pub fn lost_buffers() -> Vec<u64> {
    Vec::new()
}

fn no_adapter() -> Error {
    Error::NoAdapter("a unit test has none; call the component to run its kernels".to_owned())
}
