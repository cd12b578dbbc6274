//! Automata on the compute device: boards of the host that it steps, and kernels of a plugin's own, compared with plain
//! Rust. Where there is no Vulkan driver, each test that needs one says that it was skipped.

use belljar::{Actor, Durability, Error, Grants, Limits, Runtime, SpawnOptions};
use belljar_tests::{plugin_path, runtime, runtime_with_device};
use serde_json::{Value as Json, json};

/// The side of the automata here.
const SIDE: usize = 64;

async fn spawn(runtime: &Runtime, plugin: &str, name: &str, durability: Durability, config: Json) -> Actor {
    let grants = Grants::default().compute();
    let plugin = runtime.load_with(plugin_path(plugin), grants, Limits::default()).await.expect("it loads");
    let options = SpawnOptions::default().durability(durability).config(config.to_string());
    runtime.actors().spawn(name, &plugin, options).await.expect("it begins")
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Result<Json, Error> {
    actor.call_json(method, arguments).submit().json().await
}

/// What a call comes to that goes well.
async fn good(actor: &Actor, method: &str, arguments: Json) -> Json {
    let answer = call(actor, method, arguments).await.expect("it answers");
    answer.get("ok").unwrap_or_else(|| panic!("{method}: {answer}")).clone()
}

async fn values(actor: &Actor) -> Vec<f32> {
    let values = good(actor, "values", json!([])).await;
    values.as_array().expect("numbers").iter().map(|value| value.as_f64().expect("a number") as f32).collect()
}

/// The cells of a game of Life, from its rows, such as `| * *   * |`.
async fn living(game: &Actor) -> Vec<f32> {
    let rows = good(game, "rows", json!([])).await;
    let rows = rows.as_array().expect("rows").iter().map(|row| row.as_str().expect("text"));
    let cells = rows.flat_map(|row| row.chars().skip(2).step_by(2).take(SIDE));
    cells.map(|cell| if cell == '*' { 1.0 } else { 0.0 }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_the_device_steps_is_the_one_that_the_processors_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ended = Vec::new();
    {
        let Some(runtime) = runtime_with_device(folder.path()).await else { return };
        for engine in ["host", "device"] {
            let config = json!({ "width": 333, "height": 70, "seed": 7, "engine": engine });
            let actor = spawn(&runtime, "life", engine, Durability::Journal, config).await;
            good(&actor, "step", json!([30])).await;
            actor.checkpoint().await.expect("it is taken");
            good(&actor, "step", json!([40])).await;
            ended.push(good(&actor, "summary", json!([])).await);
            let usage = actor.info().await.expect("it is there").awake.expect("it is awake").compute;
            assert_eq!(usage.dispatches, if engine == "device" { 70 } else { 0 }, "{usage:?}");
        }
    }
    assert_eq!(ended[0]["generation"], json!(70));
    assert_eq!(ended[0], ended[1]);
    // Its replay comes to the same where there is no device.
    let runtime = Runtime::builder().data_dir(folder.path().join("data")).build().expect("a runtime");
    let actor = runtime.actors().get("device").await.expect("it is kept");
    assert_eq!(good(&actor, "summary", json!([])).await, ended[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_cannot_be_stepped_by_a_device_that_there_is_not() {
    let (runtime, _folder) = runtime();
    if runtime.compute_adapter().await.is_ok() {
        println!("SKIPPED: this machine has a device that needs no leave");
        return;
    }
    let config = json!({ "size": 30, "engine": "device" });
    let actor = spawn(&runtime, "life", "checkpoint", Durability::Checkpoint, config.clone()).await;
    let answer = call(&actor, "step", json!([1])).await.expect("it answers");
    let error = answer["error"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(error.contains("`cpu`"), "{error}");

    // What is journaled must not go on with an error that depends on the machine, and need not: the cells are the same.
    let actor = spawn(&runtime, "life", "journal", Durability::Journal, config).await;
    assert_eq!(good(&actor, "step", json!([1])).await["generation"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn larger_than_life_with_a_radius_of_1_is_life() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(runtime) = runtime_with_device(folder.path()).await else { return };
    let config = json!({ "size": SIDE, "seed": 5 });
    let game = spawn(&runtime, "life", "game", Durability::Volatile, config).await;
    let config = json!({ "rule": "R1,C0,M0,S2..3,B3..3,NM", "cells": living(&game).await });
    let automaton = spawn(&runtime, "automata", "automaton", Durability::Volatile, config).await;
    for generations in [1, 2, 30] {
        good(&game, "step", json!([generations])).await;
        let statistics = good(&automaton, "step", json!([generations])).await;
        assert_eq!(values(&automaton).await, living(&game).await);
        let population = good(&game, "summary", json!([])).await["population"].as_f64();
        assert_eq!(statistics["sum"].as_f64(), population);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lenia_comes_to_what_plain_rust_comes_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(runtime) = runtime_with_device(folder.path()).await else { return };
    let config = json!({ "seed": 3, "density": 0.3, "lenia": { "radius": 9, "sigma": 0.03 } });
    let actor = spawn(&runtime, "automata", "soup", Durability::Checkpoint, config).await;
    let mut expected = values(&actor).await;
    for _ in 0..10 {
        expected = lenia(&expected, 9, 0.15, 0.03, 0.1);
    }
    good(&actor, "step", json!([10])).await;
    let difference = |found: Vec<f32>| found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let found = difference(values(&actor).await);
    assert!(found < 1e-3, "{found}");
    assert!(expected.iter().any(|cell| *cell > 0.1), "something lives");

    actor.hibernate().await.expect("it sleeps");
    let kept = difference(values(&actor).await);
    assert_eq!(kept, found, "the cells are a part of its state");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orbium_glides_and_keeps_its_mass() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(runtime) = runtime_with_device(folder.path()).await else { return };
    let orbium = spawn(&runtime, "automata", "orbium", Durability::Volatile, json!({})).await;
    let mut places = Vec::new();
    for _ in 0..3 {
        let statistics = good(&orbium, "step", json!([20])).await;
        let mass = statistics["sum"].as_f64().expect("a number");
        assert!((65.0..80.0).contains(&mass), "{statistics}");
        places.push(centre(&values(&orbium).await));
    }
    // It goes on by about half a cell in a generation, and keeps its direction.
    let ways = [way(places[0], places[1]), way(places[1], places[2])];
    for [x, y] in ways {
        assert!((4.0..20.0).contains(&x.hypot(y)), "{places:?}");
    }
    assert!(ways[0][0] * ways[1][0] + ways[0][1] * ways[1][1] > 0.0, "{places:?}");
}

/// The next moment of Lenia on a torus of [`SIDE`], as its paper defines it.
fn lenia(cells: &[f32], radius: i32, mu: f64, sigma: f64, dt: f64) -> Vec<f32> {
    let ring = |x: i32, y: i32| {
        let distance = f64::from(x * x + y * y).sqrt() / f64::from(radius);
        let is_inside = distance > 0.0 && distance < 1.0;
        if is_inside { (4.0 - 1.0 / (distance * (1.0 - distance))).exp() } else { 0.0 }
    };
    let around: Vec<_> = (-radius..=radius).flat_map(|y| (-radius..=radius).map(move |x| (x, y))).collect();
    let sum: f64 = around.iter().map(|(x, y)| ring(*x, *y)).sum();
    let weights: Vec<_> = around.into_iter().map(|(x, y)| (x, y, ring(x, y) / sum)).collect();
    let side = SIDE as i32;
    let next = |place: i32| {
        let (x, y) = (place % side, place / side);
        let seen = |dx: i32, dy: i32| cells[((y + dy).rem_euclid(side) * side + (x + dx).rem_euclid(side)) as usize];
        let potential: f64 = weights.iter().map(|(dx, dy, weight)| weight * f64::from(seen(*dx, *dy))).sum();
        let growth = 2.0 * (-(potential - mu).powi(2) / (2.0 * sigma * sigma)).exp() - 1.0;
        (f64::from(cells[place as usize]) + dt * growth).clamp(0.0, 1.0) as f32
    };
    (0..side * side).map(next).collect()
}

/// Where the mass is on a torus of [`SIDE`], as an angle for each axis.
fn centre(cells: &[f32]) -> [f64; 2] {
    let turn = std::f64::consts::TAU / SIDE as f64;
    [1, SIDE].map(|stride| {
        let of_cell = |(place, cell): (usize, &f32)| {
            let (sin, cos) = ((place / stride % SIDE) as f64 * turn).sin_cos();
            (f64::from(*cell) * sin, f64::from(*cell) * cos)
        };
        let (sin, cos) = cells.iter().enumerate().map(of_cell).fold((0.0, 0.0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        sin.atan2(cos)
    })
}

/// The shorter way from one place to another, in cells.
fn way(from: [f64; 2], to: [f64; 2]) -> [f64; 2] {
    let cells = |angle: f64| angle.sin().atan2(angle.cos()) * SIDE as f64 / std::f64::consts::TAU;
    [cells(to[0] - from[0]), cells(to[1] - from[1])]
}
