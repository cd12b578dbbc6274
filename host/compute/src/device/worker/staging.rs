//! Memory that the driver and this process both reach: what goes into a buffer, or comes out of one, is copied through it.
//! It is kept, because memory that is fresh from the system has to be found page by page, which takes several times as long
//! as the copy; and it is made first of all, because a device that has no room left must still be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wgpu::{
    Buffer, BufferDescriptor, BufferUsages, CommandEncoder, CommandEncoderDescriptor, Device, MapMode, PollType, Queue,
};

use crate::device::protocol::Failure;
use crate::device::transfer::HALF_BYTES;

/// As much as one request can ask for, in each direction.
const STAGING_BYTES: u64 = HALF_BYTES as u64;

/// The memory for each direction.
pub(super) struct Staging {
    device: Device,
    queue: Queue,
    /// Mapped while nothing is copied.
    upload: Option<Buffer>,
    download: Option<Buffer>,
}

impl Staging {
    /// New memory.
    pub(super) fn new(device: &Device, queue: &Queue) -> Self {
        let mut staging = Self { device: device.clone(), queue: queue.clone(), upload: None, download: None };
        staging.upload = Some(staging.create_upload());
        staging.download = Some(staging.create_download());
        staging
    }

    /// Copies bytes into a buffer, from the offset on, and waits until they are there.
    pub(super) fn upload(&mut self, bytes: &[u8], buffer: &Buffer, offset: u64) -> Result<(), Failure> {
        let length = bytes.len() as u64;
        if length == 0 {
            return Ok(());
        }
        // It is put back when all went well, and else made anew.
        let staging = self.upload.take().unwrap_or_else(|| self.create_upload());
        staging.get_mapped_range_mut(0..length).map_err(|e| Failure::Invalid(e.to_string()))?.copy_from_slice(bytes);
        staging.unmap();
        self.submit(|encoder| encoder.copy_buffer_to_buffer(&staging, 0, buffer, offset, length));
        let is_mapped = Arc::new(AtomicBool::new(false));
        let mapped = Arc::clone(&is_mapped);
        staging.map_async(MapMode::Write, .., move |result| mapped.store(result.is_ok(), Ordering::Relaxed));
        wait(&self.device)?;
        self.upload = is_mapped.load(Ordering::Relaxed).then_some(staging);
        Ok(())
    }

    /// Copies bytes out of a buffer, from the offset on.
    pub(super) fn download(&mut self, buffer: &Buffer, offset: u64, bytes: &mut [u8]) -> Result<(), Failure> {
        let length = bytes.len() as u64;
        if length == 0 {
            return Ok(());
        }
        let staging = self.download.take().unwrap_or_else(|| self.create_download());
        self.submit(|encoder| encoder.copy_buffer_to_buffer(buffer, offset, &staging, 0, length));
        with_mapped(&self.device, &staging, length, |mapped| bytes.copy_from_slice(mapped))?;
        self.download = Some(staging);
        Ok(())
    }

    fn create_upload(&self) -> Buffer {
        self.create(BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC, true)
    }

    fn create_download(&self) -> Buffer {
        self.create(BufferUsages::MAP_READ | BufferUsages::COPY_DST, false)
    }

    fn create(&self, usage: BufferUsages, mapped_at_creation: bool) -> Buffer {
        self.device.create_buffer(&BufferDescriptor { label: None, size: STAGING_BYTES, usage, mapped_at_creation })
    }

    fn submit(&self, record: impl FnOnce(&mut CommandEncoder)) {
        let mut encoder = self.device.create_command_encoder(&CommandEncoderDescriptor::default());
        record(&mut encoder);
        self.queue.submit([encoder.finish()]);
    }
}

/// Waits for what was submitted.
pub(super) fn wait(device: &Device) -> Result<(), Failure> {
    let waited = device.poll(PollType::wait_indefinitely());
    waited.map(|_| ()).map_err(|e| Failure::DeviceLost(e.to_string()))
}

/// Waits for what was submitted and looks at the start of a buffer.
pub(super) fn with_mapped<T>(
    device: &Device,
    buffer: &Buffer,
    length: u64,
    look: impl FnOnce(&[u8]) -> T,
) -> Result<T, Failure> {
    buffer.map_async(MapMode::Read, 0..length, |_| {});
    wait(device)?;
    let view = buffer.get_mapped_range(0..length).map_err(|e| Failure::Invalid(e.to_string()))?;
    let seen = look(&view);
    drop(view);
    buffer.unmap();
    Ok(seen)
}
