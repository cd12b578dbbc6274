//! What the device is for: right answers, and errors that say what is wrong.

use belljar_compute::device::{AdapterKind, Binding, Command, Device, DeviceConfig, DeviceError, Image, WorkerProgram};

use crate::support::*;

#[tokio::test]
async fn a_kernel_computes_what_it_says() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let (x, y, factor) = (4096, 4096, 256);
    let [x_buffer, y_buffer] = [x, y].map(|size| session.create_buffer(size).expect("room"));
    let factor_buffer = session.create_buffer(factor).expect("room");
    let source = "
        @group(0) @binding(0) var<storage, read> x: array<f32>;
        @group(1) @binding(4) var<storage, read_write> y: array<f32>;
        @group(2) @binding(1) var<uniform> factor: vec4<f32>;
        @compute @workgroup_size(8, 8) fn axpy(@builtin(global_invocation_id) id: vec3<u32>) {
            let at = id.y * 32u + id.x;
            y[at] = factor.x * x[at] + y[at];
        }";
    let pipeline = session.create_pipeline(source, "axpy").await.expect("a good kernel");
    let floats = |f: fn(u16) -> f32| bytes((0..1024).map(|i| f(i).to_bits()));
    session.write(x_buffer, 0, floats(f32::from)).await.expect("queued");
    session.write(y_buffer, 0, floats(|i| f32::from(i) * 0.5)).await.expect("queued");
    session.write(factor_buffer, 0, bytes([2_f32.to_bits(), 0, 0, 0])).await.expect("queued");
    let bindings = vec![
        Binding::whole(0, x_buffer),
        Binding { group: 1, ..Binding::whole(4, y_buffer) },
        Binding { group: 2, size_bytes: Some(16), ..Binding::whole(1, factor_buffer) },
    ];
    session.submit(vec![Command::Dispatch { pipeline, bindings, workgroups: [4, 4, 1] }]).await.expect("queued");
    let found = words(&session, y_buffer, 1024).await.expect("an answer");
    let right = (0..1024_u16).map(|i| (f32::from(i) * 2.5).to_bits());
    assert!(found.into_iter().eq(right));
    assert_eq!(session.usage().dispatches, 1);
}

#[tokio::test]
async fn each_command_sees_what_the_ones_before_it_wrote() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let double = pipeline(&session, "a[at] = a[at] * 2u;").await;
    let count = pipeline(&session, "for (var i = 0u; i < 10u; i++) { a[at] += 1u; }").await;
    let [from, to] = [256, 256].map(|size| session.create_buffer(size).expect("room"));
    let copy = Command::Copy { from, from_offset_bytes: 0, to, to_offset_bytes: 128, length_bytes: 128 };
    let clear = Command::Clear { buffer: from, offset_bytes: 4, length_bytes: 252 };
    let commands = vec![dispatch(count, from, 1), dispatch(double, from, 1), copy, clear, dispatch(double, from, 1)];
    session.submit(commands).await.expect("queued");
    assert_eq!(words(&session, to, 64).await.expect("an answer"), [[0; 32], [20; 32]].concat());
    assert_eq!(words(&session, from, 3).await.expect("an answer"), [40, 0, 0]);
}

#[tokio::test]
async fn invocations_wait_for_each_other_in_a_loop() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let body = "w[at] = at + 1u;
        for (var half = 32u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if at < half { w[at] += w[at + half]; }
        }
        workgroupBarrier();
        a[at] = w[0];";
    let found = run(&session, "var<workgroup> w: array<u32, 64>;", body).await.expect("it runs");
    assert_eq!(found, [64 * 65 / 2; 64]);
}

#[tokio::test]
async fn the_adapter_says_what_it_is() {
    let Some(device) = device().await else { return };
    let adapter = device.adapter();
    assert!(!adapter.name.is_empty());
    assert_eq!(adapter.limits.workgroup_invocations_max, 256);
    assert!(adapter.limits.storage_buffers_max >= 4);
    let session = device.session();
    let pipeline = pipeline(&session, "a[at] = 1u;").await;
    let buffer = session.create_buffer(256).expect("room");
    session.submit(vec![dispatch(pipeline, buffer, 1)]).await.expect("queued");
    assert_eq!(session.finish().await.expect("it runs").is_some(), adapter.timestamps);
}

#[tokio::test]
async fn a_cpu_adapter_must_be_allowed() {
    let Some(device) = device().await else { return };
    if device.adapter().kind == AdapterKind::Cpu {
        let config = DeviceConfig { allow_cpu: false, ..config() };
        let refused = Device::open(config).await;
        assert!(matches!(refused, Err(DeviceError::NoAdapter(what)) if what.contains("`allow_cpu`")));
    }
}

#[tokio::test]
async fn a_program_that_can_not_be_a_worker_is_not_started_again() {
    let config = DeviceConfig { program: WorkerProgram::ThisProgram, ..config() };
    let refused = Device::open(config).await;
    assert!(matches!(refused, Err(DeviceError::CannotStart(what)) if what.contains("run_if_asked")));
}

#[tokio::test]
async fn a_mistake_in_a_kernel_is_told_with_its_place() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let error = session.create_pipeline("fn f() {}\n@compute @workgroup_size(1) fn main() { g(); }", "main").await;
    let Err(DeviceError::Validation { position: Some(position), message }) = error else { panic!("{error:?}") };
    assert_eq!((position.line, position.column), (2, 41), "{message}");
    assert_works(&session).await;
}

#[tokio::test]
async fn bindings_that_do_not_fit_the_kernel_are_an_error() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let pipeline = pipeline(&session, "a[at] = 1u;").await;
    let buffer = session.create_buffer(256).expect("room");
    for bindings in [vec![], vec![Binding::whole(1, buffer)], vec![Binding { group: 7, ..Binding::whole(0, buffer) }]] {
        session.submit(vec![Command::Dispatch { pipeline, bindings, workgroups: [1, 1, 1] }]).await.expect("queued");
        let error = session.finish().await.expect_err("it can't be bound");
        assert!(matches!(error, DeviceError::Validation { .. }), "{error}");
    }
    assert_works(&session).await;
}

#[tokio::test]
async fn mistakes_that_the_host_sees_are_errors_at_once() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let pipeline = pipeline(&session, "a[at] = 1u;").await;
    let buffer = session.create_buffer(256).expect("room");
    assert!(matches!(session.create_buffer(6), Err(DeviceError::Unaligned { value: 6, alignment_bytes: 4 })));
    assert!(matches!(session.create_buffer(u64::MAX - 3), Err(DeviceError::Limit { .. })));
    assert!(matches!(session.read(buffer, 252, 8).await, Err(DeviceError::OutOfRange { size_bytes: 256, .. })));
    assert!(matches!(session.read(buffer, u64::MAX - 3, 8).await, Err(DeviceError::OutOfRange { .. })));
    assert!(matches!(session.read(99, 0, 4).await, Err(DeviceError::UnknownBuffer(99))));
    assert!(matches!(session.submit(vec![dispatch(99, buffer, 1)]).await, Err(DeviceError::UnknownPipeline(99))));
    session.free_buffer(buffer).await.expect("it is there");
    assert!(matches!(session.free_buffer(buffer).await, Err(DeviceError::UnknownBuffer(_))));
    assert!(matches!(session.submit(vec![dispatch(pipeline, buffer, 1)]).await, Err(DeviceError::UnknownBuffer(_))));
}

#[tokio::test]
async fn memory_is_counted_limited_and_given_back() {
    let limit = DeviceConfig { memory_bytes_max: 1 << 20, ..config() };
    let Some(device) = device_with(limit).await else { return };
    let (session, other) = (device.session(), device.session());
    let half = session.create_buffer(1 << 19).expect("room");
    session.create_buffer(1 << 19).expect("room");
    let full = session.create_buffer(4).expect_err("no room");
    assert!(matches!(full, DeviceError::Limit { ref name, .. } if name == "memory_bytes_max"), "{full}");
    other.create_buffer(1 << 20).expect("another owner has room of its own");
    session.free_buffer(half).await.expect("it is there");
    assert_eq!(session.usage().memory_bytes, 1 << 19);
    session.create_buffer(1 << 19).expect("room again, at once");
}

#[tokio::test]
async fn a_session_goes_on_from_its_image() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let pipeline = pipeline(&session, "a[at] += at;").await;
    let buffer = session.create_buffer(256).expect("room");
    let untouched = session.create_buffer(16).expect("room");
    session.submit(vec![dispatch(pipeline, buffer, 1)]).await.expect("queued");
    let image = session.save().await.expect("an image").encode();
    drop(session);

    let image = Image::decode(&image.into()).expect("the same image");
    let session = device.restore(image).expect("room");
    session.submit(vec![dispatch(pipeline, buffer, 1)]).await.expect("queued");
    assert_eq!(words(&session, buffer, 64).await.expect("an answer"), (0..64).map(|i| i * 2).collect::<Vec<_>>());
    assert_eq!(words(&session, untouched, 4).await.expect("an answer"), [0; 4]);
    assert!(session.create_buffer(4).expect("room") > untouched);
}
