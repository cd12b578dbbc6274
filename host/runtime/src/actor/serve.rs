//! One message: it is noted, carried out, and its end is noted; then it is answered.

use std::sync::Arc;
use std::time::Instant;

use belljar_engine::{Fault, Method, Value, WitType};
use belljar_store::{RECORD_BYTES_MAX, RecordKind, Ticket};
use tokio::sync::watch;

use super::alive::Alive;
use super::body::backoff;
use super::message::{Answer, Arguments, Message, Reply, Work};
use super::parcel::Parcel;
use super::record::{Arrival, CallKey, Ending, Origin};
use super::{ActorError, Durability, MESSAGE_BYTES_MAX};
use crate::{Error, clock};

/// How often a message is noted while writes of the log fail: twice.
const NOTE_TRIES_MAX: u32 = 2;

/// Bytes of a message with the names of its objects: what fits into a record, with 64 KiB for the rest of it.
const RECORDED_BYTES_MAX: usize = RECORD_BYTES_MAX - (64 << 10);

/// What becomes of a message before it is worked on.
enum Admitted {
    /// It is in the journal, with its arguments as values. Those of a timer may be no values of the method's.
    Noted(Arrival, Result<Vec<Value>, Error>),
    /// It was worked on before.
    Answered(Origin, Result<Answer, Error>),
    /// It is not to be worked on.
    Refused(Error),
    /// It was never sent, so nobody waits for an answer.
    Undone,
}

impl Alive {
    /// Works on a message and answers it.
    pub(super) async fn serve(&mut self, message: Message) {
        let Message { origin, work, reply, cancelled, depends } = message;
        if cancelled.as_ref().is_some_and(|cancelled| *cancelled.borrow()) {
            return reply(Err(Error::Cancelled));
        }
        let (method, arguments) = match work {
            Work::Typed(work) => return self.serve_typed(work, reply).await,
            Work::Call { method, arguments } => (method, arguments),
        };
        let (arrival, values) = match self.admit(origin, &method, arguments, depends, cancelled.as_ref()).await {
            Admitted::Noted(arrival, values) => (arrival, values),
            Admitted::Answered(origin, answer) => return self.answer(&origin, reply, answer),
            Admitted::Refused(error) => return reply(Err(error)),
            Admitted::Undone => return,
        };
        let values = match values {
            Ok(values) => values,
            Err(error) => {
                // A timer that asks for what there is not has rung all the same.
                self.voice.kept().state.arrived(&arrival);
                if self.conclude(&arrival, Ending::Fault(error.to_string())).await.is_err() {
                    self.instance = None;
                }
                return reply(Err(error));
            }
        };
        let started = Instant::now();
        let ending = self.perform(&arrival, &values, cancelled).await;
        let work = started.elapsed();
        let ending = match self.conclude(&arrival, ending).await {
            Ok(ending) => ending,
            Err(error) => {
                self.instance = None;
                return reply(Err(interrupted(&error)));
            }
        };
        // As it was written down: what the guest returned may have been too much.
        let (is_good, is_fault) = (ending.has_effect(), matches!(ending, Ending::Fault(_)));
        let answer = self.answer_of(&arrival.method, arrival.sequence, ending);
        self.answer(&arrival.origin, reply, answer);
        if is_good {
            self.faults_in_row = 0;
            self.checkpoint_if_due(work).await;
        } else if is_fault {
            self.after_fault().await;
        } else {
            self.instance = None;
        }
    }

    /// Notes a message that is to be worked on. If a write of the log has failed since the last message, what was not
    /// durable of the actor is gone; it goes on from what was, and looks at the message anew.
    async fn admit(
        &mut self,
        origin: Origin,
        method: &str,
        mut arguments: Arguments,
        depends: Option<Ticket>,
        cancelled: Option<&watch::Receiver<bool>>,
    ) -> Admitted {
        let mut tries = 0;
        loop {
            if let Err(error) = self.be_current().await {
                return Admitted::Refused(error);
            }
            if let Origin::Timer { name, due_ns } = &origin
                && !self.voice.kept().state.has_timer(name, *due_ns)
            {
                // It was set by a message that was undone, or it rang while the actor was being restored.
                return Admitted::Undone;
            }
            if let Origin::Call { key, .. } = &origin
                && let Some(answer) = self.stored_answer(key, method)
            {
                return Admitted::Answered(origin, answer);
            }
            if let Err(error) = self.take_in(method, &mut arguments, cancelled).await {
                return Admitted::Refused(error);
            }
            let size_bytes = arguments.parcel.size_bytes();
            if size_bytes > RECORDED_BYTES_MAX {
                return Admitted::Refused(self.too_large(size_bytes, RECORDED_BYTES_MAX));
            }
            let values = self.check_call(method, &arguments.parcel.json);
            if let Err(error) = &values
                && !matches!(origin, Origin::Timer { .. })
            {
                return Admitted::Refused(error.clone());
            }
            if self.is_lost(depends) {
                return Admitted::Refused(never_sent());
            }
            let sequence = self.voice.kept().state.sequence + 1;
            let (method, now_ns) = (method.to_owned(), clock::now_ns());
            let arguments = arguments.parcel.clone();
            let arrival = Arrival { sequence, origin: origin.clone(), method, arguments, now_ns };
            let Err(error) = self.note_arrival(&arrival) else { return Admitted::Noted(arrival, values) };
            self.instance = None;
            tries += 1;
            if tries == NOTE_TRIES_MAX {
                return Admitted::Refused(interrupted(&error));
            }
        }
    }

    /// Restores the actor if what is in memory is not what the log leads to.
    pub(super) async fn be_current(&mut self) -> Result<(), Error> {
        if self.is_current() {
            return Ok(());
        }
        let restored = self.come_back().await;
        restored.inspect_err(|error| tracing::warn!(actor = %self.cell.name, %error, "an actor could not be restored"))
    }

    /// Whether a message depends on what will never be durable.
    fn is_lost(&self, depends: Option<Ticket>) -> bool {
        let kept = self.voice.kept();
        match (depends, &kept.journal) {
            (Some(depends), Some(journal)) if kept.is_journaled => journal.is_lost(depends),
            _ => false,
        }
    }

    /// Carries a message of the past out once more.
    pub(super) async fn perform_again(&mut self, arrival: &Arrival) -> Ending {
        match self.check_call(&arrival.method, &arrival.arguments.json) {
            Ok(values) => self.perform(arrival, &values, None).await,
            Err(error) => {
                self.voice.kept().state.arrived(arrival);
                Ending::Fault(error.to_string())
            }
        }
    }

    /// Carries a message out on the instance, with its arguments as values. What it comes to is the same whenever it is
    /// repeated.
    async fn perform(
        &mut self,
        arrival: &Arrival,
        values: &[Value],
        cancelled: Option<watch::Receiver<bool>>,
    ) -> Ending {
        let (time, is_past) = {
            let mut kept = self.voice.kept();
            kept.state.arrived(arrival);
            kept.now_ns = arrival.now_ns;
            (kept.state.time_at(arrival.now_ns), kept.is_past)
        };
        let (durability, shelf) = (self.durability(), self.voice.shelf());
        let Some(living) = &mut self.instance else {
            return Ending::Fault("there is no instance".to_owned());
        };
        match arrival.arguments.objects(shelf) {
            Ok(objects) => {
                if let Err(kind) = living.instance.give_objects(objects) {
                    let (plugin, method) = (self.linked.component().name().to_owned(), arrival.method.clone());
                    let fault = Fault { kind, plugin, method, guest_message: None, backtrace: Vec::new() };
                    return Ending::Fault(to_json(&fault));
                }
            }
            Err(error) => return Ending::Fault(error.to_string()),
        }
        // Whoever may have to repeat a message sees a time that can be repeated.
        if durability == Durability::Journal {
            living.instance.set_time(time);
        }
        let mut killed = self.cell.killed.subscribe();
        let outcome = tokio::select! {
            biased;
            outcome = living.instance.call_values_to_json(&arrival.method, values) => Some(outcome),
            () = becomes_true(cancelled) => None,
            Ok(_) = killed.wait_for(|killed| *killed), if !is_past => None,
        };
        match outcome {
            Some(Ok(json)) => {
                if let Some(random) = living.instance.random() {
                    self.voice.kept().state.random_position = random.position;
                }
                Ending::Value(Parcel::returned(json.to_string(), &living.instance))
            }
            Some(Err(belljar_engine::Error::Fault(fault))) => Ending::Fault(to_json(&fault)),
            Some(Err(error)) => Ending::Fault(error.to_string()),
            None => Ending::Cancelled,
        }
    }

    /// Calls `init`, the first message of an incarnation.
    pub(super) async fn init(&mut self, config: String) -> Result<(), Error> {
        let arguments = Parcel::json(serde_json::json!([config]).to_string());
        let now_ns = self.voice.kept().state.spawned.born_ns;
        let arrival = Arrival { sequence: 1, origin: Origin::Init, method: "init".to_owned(), arguments, now_ns };
        let values = self.check_call(&arrival.method, &arrival.arguments.json)?;
        self.note_arrival(&arrival)?;
        let ending = self.perform(&arrival, &values, None).await;
        let ending = self.conclude(&arrival, ending).await?;
        let answer = self.answer_of(&arrival.method, arrival.sequence, ending)?;
        let json: serde_json::Value = serde_json::from_str(&answer.result.json).unwrap_or_default();
        match json.get("error") {
            Some(message) if answer.is_result => {
                let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
                Err(ActorError::InitRefused { name: self.cell.name.to_string(), message }.into())
            }
            _ => Ok(()),
        }
    }

    fn note_arrival(&self, arrival: &Arrival) -> Result<(), Error> {
        let mut kept = self.voice.kept();
        if kept.is_journaled
            && let Some(journal) = &mut kept.journal
        {
            if self.settings.grants.actors.is_empty() && self.settings.grants.http.is_empty() {
                journal.append(RecordKind::Arrival, arrival)?;
            } else {
                // Others may see half of what it does: if the process dies, the next one finishes it unasked.
                journal.append_and_tell(RecordKind::Arrival, arrival, Some(0))?;
            }
        }
        Ok(())
    }

    async fn serve_typed(&mut self, work: super::message::TypedWork, reply: Reply) {
        if let Err(error) = self.be_current().await {
            return reply(Err(error));
        }
        let name = self.cell.name.to_string();
        let Some(living) = self.instance.as_mut().filter(|_| self.settings.options.durability == Durability::Volatile)
        else {
            let (durability, reason) =
                (self.durability().to_string(), "calls with Rust types are not written down; use `call`");
            return reply(Err(ActorError::WrongDurability { name, durability, reason: reason.to_owned() }.into()));
        };
        // The closure passes its own result on; the reply hears of what kept it from running.
        let outcome = work(&mut living.instance).await;
        let is_alive = living.instance.is_alive();
        if outcome.is_ok() {
            self.faults_in_row = 0;
        }
        if !is_alive {
            self.after_fault().await;
        }
    }

    /// Restores the actor after a fault, unless it had too many of them in a row.
    async fn after_fault(&mut self) {
        self.instance = None;
        self.faults_in_row += 1;
        if self.faults_in_row > self.settings.options.restarts_max {
            tracing::error!(actor = %self.cell.name, faults = self.faults_in_row, "an actor is given up");
            self.give_up().await;
        }
    }

    /// Restores the actor to what is durable.
    pub(super) async fn come_back(&mut self) -> Result<(), Error> {
        let wait = backoff(self.faults_in_row);
        // A timer takes a millisecond even where there is nothing to wait for.
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let restored = self.reload().await;
        if restored.is_err() {
            self.faults_in_row = self.faults_in_row.saturating_add(1);
        }
        restored
    }

    /// Reads the arguments of a call by the component's types, before anything is written down.
    fn check_call(&self, method: &str, arguments: &str) -> Result<Vec<Value>, Error> {
        if arguments.len() > MESSAGE_BYTES_MAX {
            return Err(self.too_large(arguments.len(), MESSAGE_BYTES_MAX));
        }
        let wrong = |error: serde_json::Error| Error::Argument {
            method: method.to_owned(),
            argument: 1,
            message: format!("the arguments are not JSON: {error}"),
        };
        let arguments = serde_json::from_str(arguments).map_err(wrong)?;
        Ok(self.linked.component().parse_json(method, &arguments)?.1)
    }

    fn too_large(&self, size_bytes: usize, limit_bytes: usize) -> Error {
        ActorError::MessageTooLarge { name: self.cell.name.to_string(), size_bytes, limit_bytes }.into()
    }

    /// The answer to a call that was carried out before.
    fn stored_answer(&self, key: &CallKey, method: &str) -> Option<Result<Answer, Error>> {
        let kept = self.voice.kept();
        let stored = kept.state.stored(key)?.clone();
        drop(kept);
        let ending = match stored.ending {
            Ending::Value(result) => match result.opened(self.voice.shelf()) {
                Ok(result) => Ending::Value(result),
                Err(error) => return Some(Err(error.into())),
            },
            other => other,
        };
        Some(self.answer_of(method, stored.sequence, ending))
    }

    fn answer_of(&self, method: &str, sequence: u64, ending: Ending) -> Result<Answer, Error> {
        match ending {
            Ending::Value(result) => {
                let method = self.linked.component().method(method);
                let is_result = method.as_ref().is_ok_and(|method| returns_result(method));
                let name: Arc<str> = method.map_or_else(|_| "".into(), |method| method.name.as_str().into());
                Ok(Answer { method: name, result, is_result })
            }
            Ending::Fault(text) => match serde_json::from_str::<Fault>(&text) {
                Ok(fault) => Err(belljar_engine::Error::Fault(Box::new(fault)).into()),
                Err(_) => Err(ActorError::Interrupted { message: text }.into()),
            },
            Ending::Cancelled => Err(Error::Cancelled),
            Ending::DeadLetter { deaths } => {
                Err(ActorError::DeadLetter { name: self.cell.name.to_string(), sequence, deaths }.into())
            }
        }
    }

    /// Answers. What leaves the journaled actors waits until all that it depends on is durable; among themselves the
    /// order of the log sees to that.
    fn answer(&self, origin: &Origin, reply: Reply, answer: Result<Answer, Error>) {
        let is_inside = match origin {
            Origin::Call { key: CallKey::Actor { caller, .. }, .. } => {
                self.system.live().get(caller).is_some_and(|cell| cell.durability.get() == Some(&Durability::Journal))
            }
            Origin::Timer { .. } => true,
            _ => false,
        };
        let kept = self.voice.kept();
        match &kept.journal {
            Some(journal) if kept.is_journaled && !is_inside => {
                // Not on the log's own thread: an answer may have to wait for the log.
                let system = self.system.clone();
                let is_actor = matches!(origin, Origin::Call { key: CallKey::Actor { .. }, .. });
                journal.when_durable(move |durable| {
                    let answer = match durable {
                        Ok(()) => answer,
                        Err(error) => Err(interrupted(&error.into())),
                    };
                    if is_actor {
                        drop(system.spawn(async move { reply(answer) }));
                    } else {
                        reply(answer);
                    }
                });
            }
            _ => {
                drop(kept);
                reply(answer);
            }
        }
    }
}

/// The error of a message whose sender has gone back to before it was sent, as it finds when it notes this.
fn never_sent() -> Error {
    ActorError::Interrupted { message: "a write of the log failed after the caller sent it".to_owned() }.into()
}

/// Waits until a caller gives up; for ever if none can.
pub(super) async fn becomes_true(flag: Option<watch::Receiver<bool>>) {
    if let Some(mut flag) = flag
        && flag.wait_for(|flag| *flag).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

fn returns_result(method: &Method) -> bool {
    matches!(method.result, Some(WitType::Result(..)))
}

fn to_json(fault: &Fault) -> String {
    serde_json::to_string(fault).unwrap_or_else(|_| fault.to_string())
}

/// The error of a call whose records could not be written: it has not happened.
fn interrupted(error: &Error) -> Error {
    ActorError::Interrupted { message: error.to_string() }.into()
}
