//! What a worker process costs: a dispatch and a copy through it, beside wgpu in this process on the same adapter.
//!
//! `cargo bench -p belljar-compute --bench device`. The limit of a copy is the machine's copy rate, which is
//! measured here too. Without a Vulkan driver there is nothing to measure.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    belljar_compute::device::worker::run_if_asked();
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED: the compute device's worker needs Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::time::{Duration, Instant};

    use belljar_compute::device::{Binding, Command, Device, DeviceConfig, DeviceError, Session};

    /// Rounds of each measurement; the best is told, since others may use the machine.
    const ROUNDS: usize = 7;
    const DISPATCHES: u32 = 300;
    const COPY_BYTES: usize = 64 << 20;
    const SOURCE: &str = "
        @group(0) @binding(0) var<storage, read_write> a: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { a[id.x] += 1u; }";

    pub fn main() -> Result<(), Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let device = match Device::open(DeviceConfig { allow_cpu: true, ..DeviceConfig::default() }).await {
                Err(DeviceError::NoAdapter(what)) => {
                    println!("SKIPPED: no Vulkan adapter ({what})");
                    return Ok(());
                }
                device => device?,
            };
            println!("adapter                       {} ({})", device.adapter().name, device.adapter().driver);
            measure(&device).await
        })
    }

    async fn measure(device: &Device) -> Result<(), Box<dyn Error>> {
        let session = device.session();
        let started = Instant::now();
        let pipeline = session.create_pipeline(SOURCE, "main").await?;
        println!("first pipeline, cold worker   {:>9.1} ms", started.elapsed().as_secs_f64() * 1e3);

        let buffer = session.create_buffer(256)?;
        let commands = |count| vec![dispatch(pipeline, buffer); count];
        let alone = in_process(device)?;
        let each = best(async || {
            for _ in 0..DISPATCHES {
                session.submit(commands(1)).await?;
                session.finish().await?;
            }
            Ok(())
        });
        let each = each.await?.as_secs_f64() / f64::from(DISPATCHES);
        let many = best(async || {
            session.submit(commands(DISPATCHES as usize)).await?;
            session.finish().await.map(|_| ())
        });
        let many = many.await?.as_secs_f64() / f64::from(DISPATCHES);
        println!(
            "a dispatch and its wait       {:>9.1} µs ({:.2}× wgpu in this process)",
            each * 1e6,
            each / alone.each
        );
        println!("wgpu in this process          {:>9.1} µs", alone.each * 1e6);
        println!("a dispatch of {DISPATCHES} at once      {:>9.1} µs ({:.2}×)", many * 1e6, many / alone.many);
        println!("wgpu in this process          {:>9.1} µs", alone.many * 1e6);
        copies(&session).await
    }

    async fn copies(session: &Session) -> Result<(), Box<dyn Error>> {
        let bytes = bytes::Bytes::from(vec![7; COPY_BYTES]);
        let buffer = session.create_buffer(COPY_BYTES as u64)?;
        let write = best(async || {
            session.write(buffer, 0, bytes.clone()).await?;
            session.finish().await.map(|_| ())
        });
        let write = write.await?;
        let read = best(async || session.read(buffer, 0, COPY_BYTES as u64).await.map(|_| ())).await?;
        let mut copy = vec![0; COPY_BYTES];
        let memory = best(async || {
            copy.copy_from_slice(std::hint::black_box(&bytes));
            Ok(())
        });
        let memory = rate(memory.await?);
        println!("copy in memory                {memory:>9.1} GB/s");
        println!("write to a buffer             {:>9.1} GB/s ({:.2}× of it)", rate(write), rate(write) / memory);
        println!("read from a buffer            {:>9.1} GB/s ({:.2}× of it)", rate(read), rate(read) / memory);
        Ok(())
    }

    fn dispatch(pipeline: u64, buffer: u64) -> Command {
        Command::Dispatch { pipeline, bindings: vec![Binding::whole(0, buffer)], workgroups: [1, 1, 1] }
    }

    fn rate(time: Duration) -> f64 {
        COPY_BYTES as f64 / time.as_secs_f64() / 1e9
    }

    async fn best(mut run: impl AsyncFnMut() -> Result<(), DeviceError>) -> Result<Duration, DeviceError> {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            run().await?;
            best = best.min(started.elapsed());
        }
        Ok(best)
    }

    /// Seconds per dispatch, one by one and many at once.
    struct InProcess {
        each: f64,
        many: f64,
    }

    /// The same kernel through wgpu, as a program without a sandbox would run it.
    fn in_process(device: &Device) -> Result<InProcess, Box<dyn Error>> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
        let adapter = adapters.into_iter().find(|adapter| adapter.get_info().name == device.adapter().name);
        let adapter = adapter.ok_or("the adapter is gone")?;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;
        let source = wgpu::ShaderSource::Wgsl(SOURCE.into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let usage = wgpu::BufferUsages::STORAGE;
        let buffer =
            device.create_buffer(&wgpu::BufferDescriptor { label: None, size: 256, usage, mapped_at_creation: false });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
        });
        let run = |dispatches: u32| -> Result<(), wgpu::PollError> {
            let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for _ in 0..dispatches {
                pass.set_pipeline(&pipeline);
                pass.set_bind_group(0, &group, &[]);
                pass.dispatch_workgroups(1, 1, 1);
            }
            drop(pass);
            queue.submit([encoder.finish()]);
            device.poll(wgpu::PollType::wait_indefinitely()).map(|_| ())
        };
        let best = |submissions: u32, dispatches: u32| -> Result<f64, wgpu::PollError> {
            let mut best = Duration::MAX;
            for _ in 0..ROUNDS {
                let started = Instant::now();
                (0..submissions).try_for_each(|_| run(dispatches))?;
                best = best.min(started.elapsed());
            }
            Ok(best.as_secs_f64() / f64::from(DISPATCHES))
        };
        Ok(InProcess { each: best(DISPATCHES, 1)?, many: best(1, DISPATCHES)? })
    }
}
