//! Kernels that are out for trouble: each has its error within its limit, or the right answer, and the host and
//! its other owners go on.

use std::time::Instant;

use belljar_compute::device::{Binding, Command, DeviceError};

use crate::support::*;

async fn assert_out_of_fuel(functions: &str, body: &str) {
    let Some(device) = device().await else { return };
    let session = device.session();
    let error = run(&session, functions, body).await.expect_err("it never ends");
    assert!(matches!(error, DeviceError::OutOfFuel { .. }), "{error}");
    assert_works(&session).await;
}

#[tokio::test]
async fn an_endless_loop_runs_out_of_fuel() {
    assert_out_of_fuel("", "loop { a[at] += 1u; }").await;
}

#[tokio::test]
async fn endless_loops_in_loops_run_out_of_fuel() {
    assert_out_of_fuel("", "loop { loop { a[at] += 1u; if a[at] % 7u == 0u { break; } } if a[at] == 0u { break; } }")
        .await;
}

#[tokio::test]
async fn a_loop_that_ends_by_its_data_runs_out_of_fuel_when_it_does_not() {
    assert_out_of_fuel("", "var x = at | 1u; while x != 0u { x = x * 5u | 1u; } a[at] = x;").await;
}

#[tokio::test]
async fn an_endless_loop_in_a_called_function_runs_out_of_fuel() {
    let functions = "fn g(n: u32) -> u32 { var x = n; while x < 4294967295u { x = (x + 2u) | 1u; if x > 9u { x = 1u; } } return x; }
        fn f(n: u32) -> u32 { return g(n) + g(n + 1u); }";
    assert_out_of_fuel(functions, "a[at] = f(at);").await;
}

#[tokio::test]
async fn an_endless_loop_in_one_invocation_is_enough() {
    assert_out_of_fuel("", "a[at] = 1u; if at == 37u { loop { a[at] += 1u; } }").await;
}

/// The right answer or out of fuel, and nothing else.
async fn assert_never_wrong(functions: &str, body: &str, right: impl Fn(u32) -> u32) {
    let Some(device) = device().await else { return };
    let session = device.session();
    match run(&session, functions, body).await {
        Ok(found) => assert_eq!(found, (0..64).map(right).collect::<Vec<_>>()),
        Err(error) => assert!(matches!(error, DeviceError::OutOfFuel { .. }), "{error}"),
    }
    assert_works(&session).await;
}

#[tokio::test]
async fn a_loop_of_a_hundred_thousand_rounds_is_never_cut_short_in_silence() {
    let body = "var s = at; for (var i = 0u; i < 100000u; i++) { s = s * 3u + i; } a[at] = s;";
    assert_never_wrong("", body, |at| (0..100_000).fold(at, |s, i| s.wrapping_mul(3).wrapping_add(i))).await;
}

#[tokio::test]
async fn loops_in_loops_are_never_cut_short_in_silence() {
    let body = "var s = at; for (var i = 0u; i < 400u; i++) { for (var j = 0u; j < 400u; j++) { s = s * 3u + (i ^ j); } } a[at] = s;";
    let round = |s: u32, n: u32| s.wrapping_mul(3).wrapping_add((n / 400) ^ (n % 400));
    assert_never_wrong("", body, |at| (0..160_000).fold(at, round)).await;
}

#[tokio::test]
async fn loops_one_after_another_are_never_cut_short_in_silence() {
    let functions =
        "fn sum(from_: u32) -> u32 { var s = from_; for (var i = 0u; i < 20000u; i++) { s = s * 3u + i; } return s; }";
    let body = "var s = at; for (var i = 0u; i < 4u; i++) { s = sum(s); } a[at] = sum(s);";
    let sum = |s: u32| (0..20_000_u32).fold(s, |s, i| s.wrapping_mul(3).wrapping_add(i));
    assert_never_wrong(functions, body, |at| (0..5).fold(at, |s, _| sum(s))).await;
}

/// Each invocation stays within the fuel of one, but together the invocations of a vector make more rounds than
/// lavapipe allows the vector.
#[tokio::test]
async fn invocations_that_take_turns_in_a_loop_are_never_cut_short_in_silence() {
    let body = "var s = 0u;
        for (var turn = 0u; turn < 64u; turn++) {
            let rounds = select(0u, 30000u, turn == at);
            for (var i = 0u; i < rounds; i++) { s = s * 3u + i; }
        }
        a[at] = s;";
    let right = (0..30_000_u32).fold(0_u32, |s, i| s.wrapping_mul(3).wrapping_add(i));
    assert_never_wrong("", body, |_| right).await;
}

#[tokio::test]
async fn a_long_loop_within_the_fuel_is_right() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let body = "var s = at; for (var i = 0u; i < 60000u; i++) { s = s * 3u + i; } if s == 0u { return; } a[at] = s;";
    let found = run(&session, "", body).await.expect("60,000 rounds are within the fuel");
    let right = |at| (0..60_000_u32).fold(at, |s: u32, i| s.wrapping_mul(3).wrapping_add(i));
    assert_eq!(found, (0..64).map(right).collect::<Vec<_>>());
}

#[tokio::test]
async fn accesses_out_of_bounds_stay_within_what_is_the_kernels() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let [before, own, after] = [256, 256, 256].map(|size| session.create_buffer(size).expect("room"));
    for buffer in [before, own, after] {
        session.write(buffer, 0, bytes([7; 64])).await.expect("queued");
    }
    let functions = "var<private> p: array<u32, 8>;\nvar<workgroup> w: array<u32, 8>;";
    let far = "let far = a[63] * 1000003u + at * 4099u;";
    for body in [
        "a[far] = 9u; a[far + 64u] = 9u; a[4294967295u - at] = 9u;",
        "p[far] = far; w[far] = far; a[at] = p[far + 9u] + w[far + 9u];",
        "var l: array<u32, 4>; l[far] = 9u; a[at] = l[far + 3u]; a[0u - far] = 9u;",
        "a[at] = a[far] + a[0u - far] + a[i32(far) - 2147483647];",
    ] {
        let pipeline = session.create_pipeline(&source(functions, &format!("{far} {body}")), "main").await;
        let pipeline = pipeline.expect("a valid kernel");
        session.submit(vec![dispatch(pipeline, own, 4)]).await.expect("queued");
        session.finish().await.expect("an access out of bounds is no error");
        for other in [before, after] {
            assert_eq!(words(&session, other, 64).await.expect("an answer"), [7; 64], "{body}");
        }
    }
    assert_works(&session).await;
}

#[tokio::test]
async fn a_uniform_is_not_read_past_its_end() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let [result, uniform, after] = [256, 64, 256].map(|size| session.create_buffer(size).expect("room"));
    session.write(uniform, 0, bytes([7; 16])).await.expect("queued");
    session.write(after, 0, bytes([9; 64])).await.expect("queued");
    let functions = "@group(0) @binding(1) var<uniform> u: array<vec4<u32>, 4>;";
    let body = "let far = a[63] + at * 1000003u; a[at] = u[far].x + u[4294967295u - far].w;";
    let pipeline = session.create_pipeline(&source(functions, body), "main").await.expect("a valid kernel");
    let bindings = vec![Binding::whole(0, result), Binding::whole(1, uniform)];
    session.submit(vec![Command::Dispatch { pipeline, bindings, workgroups: [1, 1, 1] }]).await.expect("queued");
    // What is read instead is the driver's choice between zero and something of the uniform's own.
    let found = words(&session, result, 64).await.expect("an access out of bounds is no error");
    assert!(found.iter().all(|word| [0, 7, 14].contains(word)), "{found:?}");
}

#[tokio::test]
async fn a_division_by_zero_is_what_wgsl_says() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let found =
        run(&session, "", "let zero = a[at]; a[at] = at / zero + at % zero; a[0] = u32(-2147483647 / -i32(zero));")
            .await;
    let found = found.expect("a division by zero is no error");
    assert_eq!(&found[1..], (1..64).collect::<Vec<u32>>());
}

#[tokio::test]
async fn compile_bombs_are_refused_before_a_driver_sees_them() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let ifs: String = (0..3000).map(|_| "if a[at]>1u{a[0]=1u;}").collect();
    let mut calls = "fn f0() { a[0] += 1u; }\n".to_owned();
    for i in 1..30 {
        calls += &format!("fn f{i}() {{ f{0}(); f{0}(); }}\n", i - 1);
    }
    for (functions, body) in [
        ("", ifs.as_str()),
        (calls.as_str(), "f29();"),
        ("var<private> p: array<u32, 4000000>;", "p[at] = 1u; a[at] = p[a[at]];"),
    ] {
        let error = run(&session, functions, body).await.expect_err("it is too much");
        assert!(matches!(error, DeviceError::Limit { .. }), "{error}");
    }
    assert_eq!(session.usage().workers_lost, 0);
    assert_works(&session).await;
}

/// Each `else if` is a block in the one before it, and parser and validator go into them one by one.
#[tokio::test]
async fn thousands_of_else_ifs_are_an_error() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let error = run(&session, "", &("if true{}".to_owned() + &"else if true{}".repeat(4500))).await;
    let error = error.expect_err("it is too much");
    assert!(matches!(error, DeviceError::Limit { .. } | DeviceError::Validation { .. }), "{error}");
    assert_eq!(session.usage().workers_lost, 0);
}

/// Some compilers take long for what the limits let through, and then the time-out is theirs.
#[tokio::test]
async fn kernels_at_the_limits_are_compiled_or_stopped_in_time() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let ifs: String = (0..256).map(|i| format!("if a[(at + {i}u) % 64u] > {i}u {{ a[at] += {i}u; }}\n")).collect();
    let array = "var<private> p: array<u32, 4096>;";
    for (functions, body) in [("", ifs.as_str()), (array, "p[a[at]] = at; a[at] = p[a[at + 1u]];")] {
        let started = Instant::now();
        match run(&session, functions, body).await {
            Ok(_) => {}
            Err(error) => assert!(matches!(error, DeviceError::TimedOut { .. }), "{error}"),
        }
        println!("{} bytes of body: {:.1} s", body.len(), started.elapsed().as_secs_f64());
        assert_works(&session).await;
    }
}

#[tokio::test]
async fn a_source_that_is_far_too_long_does_not_reach_a_worker() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let error = session.create_pipeline(&" ".repeat(20 << 20), "main").await.expect_err("it is too much");
    assert!(matches!(error, DeviceError::Limit { ref name, .. } if name == "SOURCE_BYTES_MAX"), "{error}");
    assert_eq!((session.worker_process(), session.usage().workers_lost), (None, 0));
}

#[tokio::test]
async fn four_thousand_million_workgroups_are_refused() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let pipeline = pipeline(&session, "a[at % 64u] = 1u;").await;
    let buffer = session.create_buffer(256).expect("room");
    let limit = device.adapter().limits.workgroups_per_axis_max;
    for workgroups in [[u32::MAX, 1, 1], [65_536, 65_536, 1], [limit, limit, limit]] {
        let bindings = vec![Binding::whole(0, buffer)];
        let error =
            session.submit(vec![Command::Dispatch { pipeline, bindings, workgroups }]).await.expect_err("too many");
        assert!(matches!(error, DeviceError::Limit { .. }), "{error}");
    }
    assert_works(&session).await;
}

#[tokio::test]
async fn a_dispatch_that_takes_too_long_is_killed() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let body = "var s = at; for (var i = 0u; i < 60000u; i++) { s = s * 3u + i; } a[at % 64u] = s;";
    let pipeline = pipeline(&session, body).await;
    let buffer = session.create_buffer(256).expect("room");
    let bindings = vec![Binding::whole(0, buffer)];
    let workgroups = [60_000, 1000, 1];
    session.submit(vec![Command::Dispatch { pipeline, bindings, workgroups }]).await.expect("queued");
    let error = session.finish().await.expect_err("it takes hours");
    assert!(matches!(error, DeviceError::TimedOut { limit, .. } if limit == DISPATCH_TIME_MAX), "{error}");
    assert_eq!(session.lost_buffers(), [buffer]);
    assert_works(&session).await;
}

#[tokio::test]
async fn a_million_dispatches_are_a_limit_at_once_and_a_queue_one_by_one() {
    let Some(device) = device().await else { return };
    let (session, other) = (device.session(), device.session());
    let pipeline = pipeline(&session, "a[at] += 1u;").await;
    let buffer = session.create_buffer(256).expect("room");
    let error = session.submit(vec![dispatch(pipeline, buffer, 1); 1_000_000]).await.expect_err("too many");
    assert!(matches!(error, DeviceError::Limit { ref name, .. } if name == "COMMANDS_MAX"), "{error}");
    // Far more than the queue holds; another owner gets its turns meanwhile.
    let flood = async {
        for _ in 0..3000 {
            session.submit(vec![dispatch(pipeline, buffer, 1)]).await.expect("queued");
        }
        session.finish().await.expect("they run");
        Instant::now()
    };
    let beside = async {
        assert_works(&other).await;
        Instant::now()
    };
    let (flooded, answered) = tokio::join!(flood, beside);
    assert!(answered < flooded, "the other owner waited for the whole queue");
    assert_eq!(words(&session, buffer, 1).await.expect("an answer"), [3000]);
}
