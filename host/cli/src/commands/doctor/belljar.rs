//! Belljar itself: its cache of compiled code, and a self-test that compiles and calls a component.

use std::fs;
use std::path::Path;
use std::time::Instant;

use ::belljar::{EngineOptions, Grants, Limits, Runtime, default_cache_dir, engine};

use super::{Check, State};
use crate::human;

const TOPIC: &str = "Belljar";
/// A component with one method, `add`.
const ADDER: &str = r#"
    (component
        (core module $adder
            (func (export "add") (param i32 i32) (result i32)
                local.get 0
                local.get 1
                i32.add))
        (core instance $instance (instantiate $adder))
        (func (export "add") (param "a" u32) (param "b" u32) (result u32)
            (canon lift (core func $instance "add"))))
"#;

pub(super) async fn checks() -> Vec<Check> {
    let mut checks = vec![cache(default_cache_dir().as_deref())];
    let ticker = tokio::task::spawn_blocking(ticker).await.unwrap_or_else(|error| Err(error.to_string()));
    checks.push(passed_or_failed("ticker", ticker));
    checks.push(passed_or_failed("self-test", compile_and_call().await));
    checks
}

fn passed_or_failed(name: &str, outcome: Result<String, String>) -> Check {
    match outcome {
        Ok(found) => Check::new(TOPIC, name, State::Ok, found),
        Err(error) => Check::new(TOPIC, name, State::Failed, error),
    }
}

fn cache(dir: Option<&Path>) -> Check {
    let Some(dir) = dir else {
        return Check::new(TOPIC, "cache", State::Missing, "no folder for compiled code: every start compiles anew")
            .remedy("set BELLJAR_CACHE_DIR to a folder of your own");
    };
    let Ok(files) = fs::read_dir(dir) else {
        return Check::new(TOPIC, "cache", State::Ok, format!("{}, not made yet", dir.display()));
    };
    let sizes: Vec<u64> =
        files.flatten().filter_map(|file| file.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).collect();
    let found = format!(
        "{}: {}, {} of at most {}",
        dir.display(),
        human::plural(sizes.len(), "component", "components"),
        human::size(sizes.iter().sum()),
        human::size(engine::cache::CACHE_BYTES_MAX)
    );
    Check::new(TOPIC, "cache", State::Ok, found)
}

/// Every deadline rests on the ticker.
fn ticker() -> Result<String, String> {
    let engine = ::belljar::Engine::new(&EngineOptions::default()).map_err(|error| error.to_string())?;
    engine.self_test().map_err(|error| error.to_string())?;
    Ok("ticks, so deadlines hold".to_owned())
}

async fn compile_and_call() -> Result<String, String> {
    let component = wat::parse_str(ADDER).map_err(|error| error.to_string())?;
    let call = async {
        let runtime = Runtime::builder().build()?;
        let start = Instant::now();
        let adder = runtime.load_bytes("adder", component, Grants::default(), Limits::default()).await?;
        let loaded = start.elapsed();
        let start = Instant::now();
        let (sum,): (u32,) = adder.call("add", (40_u32, 2_u32)).await?;
        Ok::<_, ::belljar::Error>((loaded, start.elapsed(), sum))
    };
    match call.await.map_err(|error| error.to_string())? {
        (loaded, called, 42) => {
            Ok(format!("a component was loaded in {} and called in {} µs", human::duration(loaded), called.as_micros()))
        }
        (_, _, sum) => Err(format!("a component added 40 and 2 and returned {sum}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_told_with_its_size() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.cwasm"), [0; 2_000]).unwrap();
        let check = cache(Some(folder.path()));
        assert!(check.found.contains("1 component, 2.0 KB of at most 1.1 GB"), "{}", check.found);
        assert_eq!(cache(None).state, State::Missing);
        assert!(cache(Some(&folder.path().join("later"))).found.ends_with("not made yet"));
    }
}
