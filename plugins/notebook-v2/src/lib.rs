//! The next version of `notebook`: a note now has a time and may be pinned. An actor that ran the first version goes
//! on with this one; `restore` makes notes of today of the texts that the first version saved.

use belljar_guest::{clock, durable, state};
use serde::{Deserialize, Serialize};
use std::time::UNIX_EPOCH;

belljar_guest::plugin!(
    r#"
    package demo:notebook@2.0.0;

    world notebook {
        include belljar:plugin/actor@0.1.0;
        export belljar:plugin/durable@0.1.0;

        /// A note.
        record note {
            /// What it says.
            text: string,
            /// When it was added, in seconds since 1970; none for a note from the first version.
            added-s: option<u64>,
            /// Whether it stands before the others.
            pinned: bool,
        }

        /// Adds a note and returns how many there are.
        export add: func(text: string) -> u32;
        /// Pins the notes of this text and returns how many these are.
        export pin: func(text: string) -> u32;
        /// All notes, the pinned ones before the others, and the oldest first among each.
        export notes: func() -> list<note>;
    }"#
);

/// The version of the saved state.
const STATE_VERSION: u32 = 2;

/// A note, as it is kept and saved.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    text: String,
    added_s: Option<u64>,
    pinned: bool,
}

state! {
    static NOTES: Vec<Kept> = Vec::new();
}

struct Notebook;

impl Guest for Notebook {
    fn add(text: String) -> u32 {
        let since_epoch = clock::now().duration_since(UNIX_EPOCH);
        let added_s = since_epoch.ok().map(|duration| duration.as_secs());
        NOTES.with(|notes| {
            notes.push(Kept { text, added_s, pinned: false });
            // Memory ends long before 2³² notes.
            notes.len() as u32
        })
    }

    fn pin(text: String) -> u32 {
        NOTES.with(|notes| {
            let mut pinned = 0;
            for note in notes.iter_mut().filter(|note| note.text == text) {
                note.pinned = true;
                pinned += 1;
            }
            pinned
        })
    }

    fn notes() -> Vec<Note> {
        let mut notes = NOTES.get();
        // The sort is stable, so the order of age stays.
        notes.sort_by_key(|note| !note.pinned);
        notes.into_iter().map(|Kept { text, added_s, pinned }| Note { text, added_s, pinned }).collect()
    }
}

impl Durable for Notebook {
    fn save() -> Vec<u8> {
        NOTES.with(|notes| durable::encode(STATE_VERSION, notes))
    }

    fn restore(state: Vec<u8>) -> Result<(), String> {
        let saved = durable::Saved::parse(&state)?;
        NOTES.set(match saved.version() {
            1 => saved.state::<Vec<String>>()?.into_iter().map(from_first_version).collect(),
            STATE_VERSION => saved.state()?,
            _ => return Err(saved.unknown_version(STATE_VERSION)),
        });
        Ok(())
    }
}

/// The first version knew neither times nor pins.
fn from_first_version(text: String) -> Kept {
    Kept { text, added_s: None, pinned: false }
}

export!(Notebook);

#[cfg(test)]
mod tests {
    use super::*;

    /// What the first version saved.
    const SAVED_BY_V1: &[u8] = br#"{"version":1,"state":["buy bread","call Ada"]}"#;

    /// What this version saves, and every later one must read.
    const SAVED: &[u8] = concat!(
        r#"{"version":2,"state":[{"text":"buy bread","added_s":null,"pinned":false},"#,
        r#"{"text":"call Ada","added_s":1700000000,"pinned":true}]}"#
    )
    .as_bytes();

    fn texts() -> Vec<String> {
        Notebook::notes().into_iter().map(|note| note.text).collect()
    }

    #[test]
    fn the_notes_of_the_first_version_are_taken_over() {
        Notebook::restore(SAVED_BY_V1.to_vec()).unwrap();

        assert_eq!(Notebook::add("sleep".to_owned()), 3);
        assert_eq!(Notebook::pin("call Ada".to_owned()), 1);

        assert_eq!(texts(), ["call Ada", "buy bread", "sleep"]);
        let notes = Notebook::notes();
        assert_eq!(notes[0].added_s, None);
        assert!(notes[2].added_s.is_some());
    }

    #[test]
    fn the_form_of_the_saved_state_stays_as_it_is() {
        Notebook::restore(SAVED.to_vec()).unwrap();

        assert_eq!(texts(), ["call Ada", "buy bread"]);
        assert_eq!(Notebook::save(), SAVED);
    }

    #[test]
    fn a_state_that_is_damaged_leaves_the_notes_as_they_were() {
        Notebook::add("sleep".to_owned());

        let error = Notebook::restore(br#"{"version":2,"state":["text"]}"#.to_vec()).unwrap_err();

        assert!(error.contains("cannot be read"), "{error}");
        assert_eq!(texts(), ["sleep"]);
    }
}
