//! A product and a convolution on the compute device, whichever the machine has, from the call to the end of the work;
//! operands stay on the device. On an adapter that computes on the processor this shows that it works, and no more.

use std::time::Instant;

use belljar_compute::device::{Device, DeviceConfig, DeviceError};
use belljar_compute::tensor::{Activation, Engine, TensorError, TensorId, Tensors, Window};

/// Rounds of each, of which the best is told.
const ROUNDS: usize = 3;
/// Room for all operands.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

type Operation<'a> = &'a dyn Fn(&mut Tensors) -> Result<TensorId, TensorError>;

pub fn report() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let config = DeviceConfig { allow_cpu: true, ..DeviceConfig::default() };
    let device = match runtime.block_on(Device::open(config)) {
        Err(DeviceError::NoAdapter(what)) => {
            println!("\nSKIPPED: no Vulkan adapter ({what})");
            return Ok(());
        }
        device => device?,
    };
    println!("\n{} ({})", device.adapter().name, device.adapter().driver);
    let mut tensors = Tensors::new(MEMORY_BYTES_MAX);
    let entered = runtime.enter();
    tensors.set_engine(Engine::Device);
    tensors.compute_on(&device, tensors.memory_bytes_max());
    drop(entered);
    let random = |tensors: &mut Tensors, shape: &[u32]| tensors.random_uniform(shape, -1.0, 1.0, 1);

    let (left, right) = (random(&mut tensors, &[1024, 1024])?, random(&mut tensors, &[1024, 1024])?);
    measure(&runtime, &mut tensors, "gemm 1024 x 1024 x 1024", 2.0 * 1024.0 * 1024.0 * 1024.0, &|tensors| {
        tensors.matmul(left, right)
    })?;
    let (images, weight) = (random(&mut tensors, &[64, 32, 32, 32])?, random(&mut tensors, &[32, 3, 3, 32])?);
    let window = Window { stride: [1, 1], padding: [1, 1] };
    let operations = 2.0 * 64.0 * 32.0 * 32.0 * 32.0 * 9.0 * 32.0;
    measure(&runtime, &mut tensors, "conv 32 -> 32, 32 x 32, forward", operations, &|tensors| {
        tensors.conv2d(images, weight, None, window, Activation::None)
    })
}

fn measure(
    runtime: &tokio::runtime::Runtime,
    tensors: &mut Tensors,
    name: &str,
    operations: f64,
    operation: Operation<'_>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut best = f64::INFINITY;
    // The first round has to bring the operands there, and to compile the kernel.
    for round in 0..=ROUNDS {
        let start = Instant::now();
        let output = operation(tensors)?;
        runtime.block_on(tensors.finish())?;
        if round > 0 {
            best = best.min(start.elapsed().as_secs_f64());
        }
        tensors.free(output)?;
    }
    println!("  {name:<44} {:>8.3} ms {:>7.1} GFLOP/s", best * 1e3, operations / best / 1e9);
    Ok(())
}
