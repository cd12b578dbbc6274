//! `belljar:plugin/compute`: kernels of the guest's own in WGSL, on the machine's compute device. The device, with the
//! process that protects the host from a driver, is the crate `belljar-compute`'s; here are the functions of the interface.

mod convert;

use belljar_compute::device::{self, DeviceError, Session};

use super::bindings::belljar::plugin::compute::{AdapterInfo, Command, Error, Host};
use crate::state::HostState;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl HostState {
    /// What the guest has of the device, within what the rest of its compute leaves.
    async fn session(&mut self) -> Result<&Session, DeviceError> {
        let processors = self.services.compute.clone();
        self.compute.session(&processors).await
    }

    /// Refuses to return more bytes than may pass in one call.
    fn returned_at_once(&self, size_bytes: u64) -> Result<(), DeviceError> {
        let limit_bytes = self.limits.host_call_bytes_max;
        if size_bytes <= limit_bytes {
            return Ok(());
        }
        let (what, name) = ("bytes to be returned by one call".to_owned(), "host_call_bytes_max".to_owned());
        Err(DeviceError::Limit { position: None, what, name, found: size_bytes, max: limit_bytes })
    }

    async fn write(&mut self, buffer: u64, offset: u64, bytes: Vec<u8>) -> Result<(), DeviceError> {
        self.session().await?.write(buffer, offset, bytes.into()).await
    }

    async fn read(&mut self, buffer: u64, offset: u64, size: u64) -> Result<Vec<u8>, DeviceError> {
        self.returned_at_once(size)?;
        self.session().await?.read(buffer, offset, size).await
    }
}

fn answer<T>(result: Result<T, DeviceError>) -> Answer<T> {
    Ok(result.map_err(Error::from))
}

impl Host for HostState {
    async fn request_adapter(&mut self) -> Answer<AdapterInfo> {
        let processors = self.services.compute.clone();
        let memory_bytes_max = self.compute.device_bytes_max();
        let device = match processors.device().await {
            Ok(device) => device,
            Err(error) => return answer(Err(error)),
        };
        Ok(Ok(convert::adapter_info(&device, memory_bytes_max.min(device.memory_bytes_max()))))
    }

    async fn create_buffer(&mut self, size: u64) -> Answer<u64> {
        answer(self.session().await.and_then(|session| session.create_buffer(size)))
    }

    async fn write_buffer(&mut self, buffer: u64, offset: u64, bytes: Vec<u8>) -> Answer<()> {
        answer(self.write(buffer, offset, bytes).await)
    }

    async fn write_buffer_f32(&mut self, buffer: u64, offset: u64, values: Vec<f32>) -> Answer<()> {
        let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect();
        answer(self.write(buffer, offset, bytes).await)
    }

    async fn read_buffer(&mut self, buffer: u64, offset: u64, size: u64) -> Answer<Vec<u8>> {
        answer(self.read(buffer, offset, size).await)
    }

    async fn read_buffer_f32(&mut self, buffer: u64, offset: u64, count: u64) -> Answer<Vec<f32>> {
        let bytes = self.read(buffer, offset, count.saturating_mul(size_of::<f32>() as u64)).await;
        answer(bytes.map(|bytes| bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect()))
    }

    async fn destroy_buffer(&mut self, buffer: u64) -> Answer<()> {
        let freed = async { self.session().await?.free_buffer(buffer).await };
        answer(freed.await)
    }

    async fn create_compute_pipeline(&mut self, source: String, entry_point: String) -> Answer<u64> {
        let created = async { self.session().await?.create_pipeline(&source, &entry_point).await };
        answer(created.await)
    }

    async fn destroy_compute_pipeline(&mut self, pipeline: u64) -> Answer<()> {
        let freed = async { self.session().await?.free_pipeline(pipeline).await };
        answer(freed.await)
    }

    async fn submit(&mut self, commands: Vec<Command>) -> Answer<()> {
        let commands = commands.into_iter().map(device::Command::from).collect();
        let submitted = async { self.session().await?.submit(commands).await };
        answer(submitted.await)
    }

    async fn finish(&mut self) -> Answer<Option<u64>> {
        let finished = async { self.session().await?.finish().await };
        answer(finished.await)
    }

    async fn lost_buffers(&mut self) -> wasmtime::Result<Vec<u64>> {
        Ok(self.compute.lost_buffers())
    }
}
