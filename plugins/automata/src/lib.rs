//! Cellular automata with wide neighbourhoods, as an actor: see `wit/automata.wit`. The cells lie on the compute device,
//! and kernels of the plugin's own step them.

mod automaton;
mod config;
mod larger_than_life;
mod law;
mod lenia;
mod orbium;
#[cfg(test)]
mod reference;
mod size;
mod start;

use belljar_guest::{config as configuration, state};

use crate::automaton::Automaton;
use crate::config::Config;

belljar_guest::plugin!("wit/automata.wit");

state! {
    /// None before `init`, and after the device has failed.
    static AUTOMATON: Option<Automaton> = None;
}

struct Automata;

impl Guest for Automata {
    fn init(config: String) -> Result<(), String> {
        let plan = configuration::parse::<Config>(&config)?.plan().map_err(text)?;
        AUTOMATON.set(Some(Automaton::new(&plan).map_err(text)?));
        Ok(())
    }

    fn step(generations: u64) -> Result<Statistics, String> {
        AUTOMATON.with(|slot| {
            let automaton = slot.as_mut().ok_or_else(none)?;
            match automaton.step(generations) {
                Ok(()) => statistics(automaton),
                Err(error) => {
                    // Nobody knows at which generation its cells are.
                    *slot = None;
                    Err(text(error))
                }
            }
        })
    }

    fn values() -> Result<Vec<f32>, String> {
        AUTOMATON.with(|slot| slot.as_ref().ok_or_else(none)?.values().map_err(text))
    }

    fn statistics() -> Result<Statistics, String> {
        AUTOMATON.with(|slot| statistics(slot.as_ref().ok_or_else(none)?))
    }
}

export!(Automata);

fn statistics(automaton: &Automaton) -> Result<Statistics, String> {
    let values = automaton.values().map_err(text)?;
    let sum = values.iter().map(|value| f64::from(*value)).sum::<f64>();
    Ok(Statistics { generation: automaton.generation(), sum, mean: sum / values.len() as f64 })
}

fn text(error: impl std::error::Error) -> String {
    error.to_string()
}

fn none() -> String {
    "there is no automaton: call `init` with a configuration".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_device_there_is_no_automaton() {
        assert!(Automata::step(1).unwrap_err().contains("init"));
        let error = Automata::init(String::new()).unwrap_err();
        assert!(error.contains("adapter"), "{error}");
        assert!(Automata::init(r#"{"rule": "R1"}"#.to_owned()).unwrap_err().contains("no part C"));
    }
}
