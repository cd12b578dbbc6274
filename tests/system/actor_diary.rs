//! What a process under test writes down for the one that watches it: each call before it is sent, and its result. A
//! line reaches the file in one write, which a `kill -9` of the writer leaves whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value as Json, json};

/// A call of an actor, under an id of the caller's own.
#[derive(Clone, Debug)]
pub struct Sent {
    pub actor: String,
    pub method: String,
    pub arguments: Json,
}

/// The diary's writer.
pub struct Diary {
    file: Mutex<File>,
}

/// What a diary says.
#[derive(Debug, Default)]
pub struct Story {
    /// All calls, by id.
    pub sent: BTreeMap<String, Sent>,
    /// The results of those that were answered.
    pub answered: BTreeMap<String, Json>,
    /// What went wrong.
    pub problems: Vec<String>,
}

impl Diary {
    /// Goes on with a diary, or begins it.
    pub fn open(path: &Path) -> Diary {
        let file = OpenOptions::new().create(true).append(true).open(path).expect("the diary can be opened");
        Diary { file: Mutex::new(file) }
    }

    pub fn sent(&self, id: &str, call: &Sent) {
        self.write(&json!({"sent": id, "actor": call.actor, "method": call.method, "arguments": call.arguments}));
    }

    pub fn answered(&self, id: &str, result: &Json) {
        self.write(&json!({"answered": id, "result": result}));
    }

    pub fn problem(&self, what: &str) {
        self.write(&json!({"problem": what}));
    }

    fn write(&self, line: &Json) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes()).expect("the diary can be written");
    }
}

impl Story {
    /// Reads a diary; an empty story where there is none yet.
    pub fn read(path: &Path) -> Story {
        let mut story = Story::default();
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            let line: Json = serde_json::from_str(line).expect("a line of the diary is JSON");
            let text = |key: &str| line[key].as_str().map(str::to_owned);
            if let Some(id) = text("sent") {
                let (actor, method) = (text("actor").expect("an actor"), text("method").expect("a method"));
                story.sent.insert(id, Sent { actor, method, arguments: line["arguments"].clone() });
            } else if let Some(id) = text("answered") {
                let known = story.answered.insert(id.clone(), line["result"].clone());
                assert!(known.is_none_or(|known| known == line["result"]), "{id} was answered in two ways");
            } else if let Some(problem) = text("problem") {
                story.problems.push(problem);
            }
        }
        story
    }

    /// The calls that were sent and not answered.
    pub fn open_calls(&self) -> impl Iterator<Item = (&String, &Sent)> {
        self.sent.iter().filter(|(id, _)| !self.answered.contains_key(*id))
    }

    /// The calls of a method, with their ids.
    pub fn calls_of<'a>(&'a self, method: &'a str) -> impl Iterator<Item = (&'a String, &'a Sent)> {
        self.sent.iter().filter(move |(_, call)| call.method == method)
    }
}
