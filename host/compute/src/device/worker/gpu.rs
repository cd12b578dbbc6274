//! One owner's buffers and kernels on the device, and the requests on them.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wgpu::{Buffer, BufferDescriptor, BufferUsages, CommandEncoder, Device, QuerySet, Queue};

use super::area::Area;
use super::kernel::{Kernel, unknown_buffer};
use super::open::{self, Opened};
use super::scope::scoped;
use super::staging::{self, Staging};
use crate::device::adapter::{Adapter, AdapterKind};
use crate::device::commands::Command;
use crate::device::protocol::{Failure, Reply, Request};
use crate::device::shader::{FUEL_ON_CPU, FUEL_ON_GPU, METER_BYTES, meter_contents};

/// What a buffer of a guest can be used for: everything that a kernel can do with one.
const GUEST_USAGES: BufferUsages =
    BufferUsages::STORAGE.union(BufferUsages::UNIFORM).union(BufferUsages::COPY_SRC).union(BufferUsages::COPY_DST);

/// Two timestamps of 64 bits.
const TIMES_BYTES: u64 = 16;

/// A device and what is on it.
pub(super) struct Gpu {
    adapter: Adapter,
    device: Device,
    queue: Queue,
    is_lost: Arc<AtomicBool>,
    fuel: u32,
    buffers: HashMap<u64, Buffer>,
    kernels: HashMap<u64, Kernel>,
    meter: Buffer,
    /// Where the meter and the timestamps of a submission are read from.
    status: Buffer,
    times: Option<Times>,
    staging: Staging,
}

struct Times {
    queries: QuerySet,
    resolved: Buffer,
}

impl Gpu {
    /// Opens a device.
    pub(super) fn open(allow_cpu: bool, adapter_name: Option<&str>) -> Result<Self, Failure> {
        let Opened { adapter, device, queue } = open::open(allow_cpu, adapter_name)?;
        let is_lost = Arc::new(AtomicBool::new(false));
        let lost = Arc::clone(&is_lost);
        device.set_device_lost_callback(move |_, _| lost.store(true, Ordering::Relaxed));
        // Errors outside of all scopes would be panics.
        device.on_uncaptured_error(Arc::new(|error| eprintln!("belljar compute worker: {error}")));
        let buffer = |size, usage| new_buffer(&device, size, usage);
        let times = adapter.timestamps.then(|| Times {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: None,
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: buffer(TIMES_BYTES, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
        });
        let meter = buffer(METER_BYTES, BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST);
        let status = buffer(METER_BYTES + TIMES_BYTES, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let mut gpu = Self {
            fuel: if adapter.kind == AdapterKind::Cpu { FUEL_ON_CPU } else { FUEL_ON_GPU },
            adapter,
            staging: Staging::new(&device, &queue),
            device,
            queue,
            is_lost,
            buffers: HashMap::new(),
            kernels: HashMap::new(),
            meter,
            status,
            times,
        };
        gpu.reset_meter();
        Ok(gpu)
    }

    /// What was opened.
    pub(super) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Carries out a request.
    pub(super) fn answer(&mut self, request: Request, area: &mut Area) -> Result<Reply, Failure> {
        let device = self.device.clone();
        let result = match request {
            Request::Open { .. } => Err(Failure::Invalid("the device is open".into())),
            Request::CreateBuffer { buffer, size_bytes } => {
                let made = scoped(&device, || Ok(new_buffer(&device, size_bytes, GUEST_USAGES)));
                made.map(|made| {
                    self.buffers.insert(buffer, made);
                    Reply::Done
                })
            }
            Request::FreeBuffer { buffer } => {
                self.kernels.values_mut().for_each(Kernel::unbind);
                self.buffers.remove(&buffer);
                Ok(Reply::Done)
            }
            Request::Write { buffer, offset_bytes, length_bytes, half } => {
                scoped(&device, || self.write(buffer, offset_bytes, area.bytes(half, length_bytes)?))
            }
            Request::Read { buffer, offset_bytes, length_bytes, half } => {
                scoped(&device, || self.read(buffer, offset_bytes, area.bytes(half, length_bytes)?))
            }
            Request::CreatePipeline { pipeline, source, entry_point } => {
                self.create_pipeline(pipeline, &source, &entry_point)
            }
            Request::FreePipeline { pipeline } => {
                self.kernels.remove(&pipeline);
                Ok(Reply::Done)
            }
            Request::Run { commands } => scoped(&device, || self.run(&commands)),
        };
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(Failure::DeviceLost("the driver lost its device".into()));
        }
        result
    }

    fn buffer(&self, id: u64) -> Result<&Buffer, Failure> {
        self.buffers.get(&id).ok_or_else(|| unknown_buffer(id))
    }

    fn write(&mut self, id: u64, offset: u64, bytes: &[u8]) -> Result<Reply, Failure> {
        let buffer = self.buffers.get(&id).ok_or_else(|| unknown_buffer(id))?;
        self.staging.upload(bytes, buffer, offset)?;
        Ok(Reply::Done)
    }

    fn read(&mut self, id: u64, offset: u64, bytes: &mut [u8]) -> Result<Reply, Failure> {
        let buffer = self.buffers.get(&id).ok_or_else(|| unknown_buffer(id))?;
        self.staging.download(buffer, offset, bytes)?;
        Ok(Reply::Done)
    }

    fn create_pipeline(&mut self, id: u64, source: &str, entry_point: &str) -> Result<Reply, Failure> {
        let number = u32::try_from(id).ok().and_then(NonZeroU32::new);
        let number = number.ok_or_else(|| Failure::Invalid(format!("{id} can't be a pipeline's id")))?;
        let kernel = Kernel::build(&self.device, &self.meter, number, source, entry_point, self.fuel)?;
        self.kernels.insert(id, kernel);
        Ok(Reply::Done)
    }

    fn run(&mut self, commands: &[Command]) -> Result<Reply, Failure> {
        self.kernels.values_mut().for_each(Kernel::make_room);
        let mut metered = false;
        for command in commands {
            if let Command::Dispatch { pipeline, bindings, .. } = command {
                let kernel = self.kernels.get_mut(pipeline).ok_or_else(|| unknown_pipeline(*pipeline))?;
                kernel.bind(&self.device, bindings, &self.buffers)?;
                metered |= kernel.is_metered();
            }
        }
        let mut encoder = self.encoder();
        if let Some(times) = &self.times {
            encoder.write_timestamp(&times.queries, 0);
        }
        for group in commands.chunk_by(|a, b| is_dispatch(a) && is_dispatch(b)) {
            self.record(&mut encoder, group)?;
        }
        encoder.copy_buffer_to_buffer(&self.meter, 0, &self.status, 0, METER_BYTES);
        if let Some(times) = &self.times {
            encoder.write_timestamp(&times.queries, 1);
            encoder.resolve_query_set(&times.queries, 0..2, &times.resolved, 0);
            encoder.copy_buffer_to_buffer(&times.resolved, 0, &self.status, METER_BYTES, TIMES_BYTES);
        }
        self.queue.submit([encoder.finish()]);
        if !metered && self.times.is_none() {
            staging::wait(&self.device)?;
            return Ok(Reply::Ran { device_time_ns: None });
        }
        let status = staging::with_mapped(&self.device, &self.status, METER_BYTES + TIMES_BYTES, <[u8]>::to_vec)?;
        let (words, _) = status.as_chunks::<4>();
        let report = words.first().map_or(0, |word| u32::from_le_bytes(*word));
        if report != 0 {
            self.reset_meter();
            return Err(Failure::OutOfFuel { pipeline: report.into(), fuel: self.fuel });
        }
        let (words, _) = status[METER_BYTES as usize..].as_chunks::<8>();
        let device_time_ns = match (&self.times, words) {
            (Some(_), [start, end]) => Some(self.elapsed_ns(u64::from_le_bytes(*start), u64::from_le_bytes(*end))),
            _ => None,
        };
        Ok(Reply::Ran { device_time_ns })
    }

    /// Records dispatches that follow each other as one pass, and other commands one by one.
    fn record(&self, encoder: &mut CommandEncoder, group: &[Command]) -> Result<(), Failure> {
        match group {
            [Command::Copy { from, from_offset_bytes, to, to_offset_bytes, length_bytes }] => {
                let (from, to) = (self.buffer(*from)?, self.buffer(*to)?);
                encoder.copy_buffer_to_buffer(from, *from_offset_bytes, to, *to_offset_bytes, *length_bytes);
            }
            [Command::Clear { buffer, offset_bytes, length_bytes }] => {
                encoder.clear_buffer(self.buffer(*buffer)?, *offset_bytes, Some(*length_bytes));
            }
            dispatches => {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                for command in dispatches {
                    if let Command::Dispatch { pipeline, bindings, workgroups } = command {
                        let kernel = self.kernels.get(pipeline).ok_or_else(|| unknown_pipeline(*pipeline))?;
                        kernel.record(&mut pass, bindings, *workgroups);
                    }
                }
            }
        }
        Ok(())
    }

    fn encoder(&self) -> CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    fn reset_meter(&mut self) {
        let contents: Vec<u8> = meter_contents().iter().flat_map(|word| word.to_le_bytes()).collect();
        self.queue.write_buffer(&self.meter, 0, &contents);
    }

    fn elapsed_ns(&self, start: u64, end: u64) -> u64 {
        (end.saturating_sub(start) as f64 * f64::from(self.queue.get_timestamp_period())) as u64
    }
}

fn new_buffer(device: &Device, size: u64, usage: BufferUsages) -> Buffer {
    device.create_buffer(&BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
}

fn is_dispatch(command: &Command) -> bool {
    matches!(command, Command::Dispatch { .. })
}

fn unknown_pipeline(pipeline: u64) -> Failure {
    Failure::Invalid(format!("the worker has no pipeline {pipeline}"))
}
