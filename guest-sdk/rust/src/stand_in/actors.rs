//! Other actors: functions that the test gives. A call is carried out when it is sent.

use super::wit::actors::Error as WitError;
use crate::actors::Error;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What answers for an actor: the method and the arguments go in, the result comes out.
pub type Answer = Box<dyn Fn(&str, &str) -> Result<String, Error>>;

/// The actors of one thread, and the calls whose results have not been had.
#[derive(Default)]
struct Actors {
    answers: BTreeMap<String, Rc<Answer>>,
    results: BTreeMap<u64, Result<String, WitError>>,
    last_call: u64,
}

thread_local! {
    static ACTORS: RefCell<Actors> = RefCell::default();
}

pub fn install(name: &str, answer: Answer) {
    ACTORS.with_borrow_mut(|actors| actors.answers.insert(name.to_owned(), Rc::new(answer)));
}

pub fn call(actor: &str, method: &str, arguments: &str) -> Result<u64, WitError> {
    // The answer is not made under the borrow: it may send calls itself.
    let answer = ACTORS.with_borrow(|actors| actors.answers.get(actor).cloned());
    let answer = answer.ok_or_else(|| WitError::UnknownActor(actor.to_owned()))?;
    let result = answer(method, arguments).map_err(as_the_host_says_it);
    ACTORS.with_borrow_mut(|actors| {
        actors.last_call += 1;
        actors.results.insert(actors.last_call, result);
        Ok(actors.last_call)
    })
}

pub fn get(call: u64) -> Result<String, WitError> {
    take(call)?
}

pub fn wait(calls: &[u64], _count: u32, _timeout_ms: Option<u64>) -> Vec<u64> {
    ACTORS.with_borrow(|actors| calls.iter().copied().filter(|call| actors.results.contains_key(call)).collect())
}

pub fn cancel(call: u64) -> Result<(), WitError> {
    take(call).map(|_| ())
}

pub fn name() -> String {
    "test".to_owned()
}

fn take(call: u64) -> Result<Result<String, WitError>, WitError> {
    ACTORS.with_borrow_mut(|actors| actors.results.remove(&call)).ok_or(WitError::UnknownCall(call))
}

fn as_the_host_says_it(error: Error) -> WitError {
    match error {
        Error::NotGranted(actor) => WitError::NotGranted(actor),
        Error::UnknownActor(actor) => WitError::UnknownActor(actor),
        Error::BadCall(why) => WitError::BadCall(why),
        Error::Fault(why) => WitError::Fault(why),
        Error::Cancelled => WitError::Cancelled,
        Error::Deadlock(circle) => WitError::Deadlock(circle),
        Error::UnknownCall(call) => WitError::UnknownCall(call),
        // Only the caller's side can find a result to be of the wrong type; as an answer it is a fault.
        Error::BadResult { .. } => WitError::Fault(error.to_string()),
    }
}
