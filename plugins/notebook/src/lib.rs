//! An actor whose state outlives a change of its code: it exports `durable`. This is its first version, in which a
//! note is a text; `notebook-v2` is the next one and reads what this one saved.

use belljar_guest::{durable, state};

belljar_guest::plugin!(
    r#"
    package demo:notebook@1.0.0;

    world notebook {
        include belljar:plugin/actor@0.1.0;
        export belljar:plugin/durable@0.1.0;

        /// Adds a note and returns how many there are.
        export add: func(text: string) -> u32;
        /// All notes, the oldest first.
        export notes: func() -> list<string>;
    }"#
);

/// The version of the saved state.
const STATE_VERSION: u32 = 1;

state! {
    static NOTES: Vec<String> = Vec::new();
}

struct Notebook;

impl Guest for Notebook {
    fn add(text: String) -> u32 {
        NOTES.with(|notes| {
            notes.push(text);
            // Memory ends long before 2³² notes.
            notes.len() as u32
        })
    }

    fn notes() -> Vec<String> {
        NOTES.get()
    }
}

impl Durable for Notebook {
    fn save() -> Vec<u8> {
        NOTES.with(|notes| durable::encode(STATE_VERSION, notes))
    }

    fn restore(state: Vec<u8>) -> Result<(), String> {
        let saved = durable::Saved::parse(&state)?;
        NOTES.set(match saved.version() {
            STATE_VERSION => saved.state()?,
            _ => return Err(saved.unknown_version(STATE_VERSION)),
        });
        Ok(())
    }
}

export!(Notebook);

#[cfg(test)]
mod tests {
    use super::*;

    /// What this version saves, and every later one must read.
    const SAVED: &[u8] = br#"{"version":1,"state":["buy bread","call Ada"]}"#;

    #[test]
    fn a_saved_notebook_is_restored() {
        Notebook::restore(SAVED.to_vec()).unwrap();

        assert_eq!(Notebook::add("sleep".to_owned()), 3);
        assert_eq!(Notebook::notes(), ["buy bread", "call Ada", "sleep"]);
    }

    #[test]
    fn the_form_of_the_saved_state_stays_as_it_is() {
        Notebook::add("buy bread".to_owned());
        Notebook::add("call Ada".to_owned());

        assert_eq!(Notebook::save(), SAVED);
    }

    #[test]
    fn a_state_of_a_later_version_is_refused() {
        let error = Notebook::restore(br#"{"version": 2, "state": []}"#.to_vec()).unwrap_err();

        assert!(error.contains("version 2"), "{error}");
    }
}
