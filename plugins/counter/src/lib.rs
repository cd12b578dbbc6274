//! The smallest actor: a number that outlives the call, and the crash of the host.
use belljar_guest::{config, state};
use serde::Deserialize;

belljar_guest::plugin!(
    "package demo:counter;
    world counter {
        include belljar:plugin/actor@0.1.0;
        /// Takes the configuration, such as `{\"start\": 100}`.
        export init: func(config: string) -> result<_, string>;
        /// Adds a number and returns the sum.
        export add: func(n: s64) -> s64;
        /// The sum so far.
        export get: func() -> s64;
    }"
);

state! {
    static SUM: i64 = 0;
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    start: i64,
}

struct Counter;

impl Guest for Counter {
    fn init(config: String) -> Result<(), String> {
        let config: Config = config::parse(&config)?;
        SUM.set(config.start);
        Ok(())
    }

    fn add(n: i64) -> i64 {
        SUM.with(|sum| {
            *sum = sum.wrapping_add(n);
            *sum
        })
    }

    fn get() -> i64 {
        SUM.get()
    }
}

export!(Counter);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_adds_up_from_its_start() {
        Counter::init(r#"{"start": 100}"#.to_owned()).unwrap();

        assert_eq!(Counter::add(5), 105);
        assert_eq!(Counter::add(-7), 98);
        assert_eq!(Counter::get(), 98);
    }

    #[test]
    fn a_counter_without_a_configuration_starts_at_zero() {
        Counter::init("{}".to_owned()).unwrap();

        assert_eq!(Counter::get(), 0);
    }

    #[test]
    fn a_misspelt_configuration_is_refused() {
        let error = Counter::init(r#"{"begin": 100}"#.to_owned()).unwrap_err();

        assert!(error.contains("begin"), "{error}");
    }
}
