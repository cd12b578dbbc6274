//! One message: it is noted, carried out, and its end is noted; then it is answered.

use std::sync::Arc;
use std::time::Instant;

use belljar_engine::{Fault, Method, Value, WitType};
use belljar_store::{RecordKind, Ticket};
use tokio::sync::watch;

use super::alive::Alive;
use super::body::backoff;
use super::message::{Answer, Message, Reply, Work};
use super::record::{Arrival, CallKey, Ending, Origin};
use super::{ActorError, Durability, MESSAGE_BYTES_MAX};
use crate::{Error, clock};

impl Alive {
    /// Works on a message and answers it.
    pub(super) async fn serve(&mut self, message: Message) {
        if message.cancelled.as_ref().is_some_and(|cancelled| *cancelled.borrow()) {
            return (message.reply)(Err(Error::Cancelled));
        }
        if !self.is_current()
            && let Err(error) = self.come_back().await
        {
            tracing::warn!(actor = %self.cell.name, %error, "an actor could not be restored");
            return (message.reply)(Err(error));
        }
        if let Origin::Timer { name, due_ns } = &message.origin
            && !self.voice.kept().state.has_timer(name, *due_ns)
        {
            // It was set by a message that was undone, or it rang while the actor was being restored.
            return;
        }
        let (method, arguments) = match message.work {
            Work::Typed(work) => return self.serve_typed(work, message.reply).await,
            Work::Call { method, arguments } => (method, arguments),
        };
        if let Origin::Call { key, .. } = &message.origin
            && let Some(answer) = self.stored_answer(key, &method)
        {
            return self.answer(&message.origin, message.reply, answer);
        }
        let values = self.check_call(&method, &arguments);
        if let Err(error) = &values
            && !matches!(message.origin, Origin::Timer { .. })
        {
            return (message.reply)(Err(error.clone()));
        }
        let mut arrival = {
            let kept = self.voice.kept();
            let sequence = kept.state.sequence + 1;
            let (method, now_ns) = (method.to_string(), clock::now_ns());
            Arrival { sequence, origin: message.origin, method, arguments, now_ns }
        };
        let depends = message.depends;
        if self.is_lost(depends) {
            return (message.reply)(Err(never_sent()));
        }
        let mut noted = self.note_arrival(&arrival);
        if noted.is_err() {
            // A write has failed since the last message. What was not durable of the actor is gone; from what was, it
            // goes on, if the disk takes it now.
            self.instance = None;
            noted = match self.come_back().await {
                Ok(()) if self.is_lost(depends) => Err(never_sent()),
                Ok(()) => self.note_again(&mut arrival),
                Err(error) => Err(error),
            };
        }
        if let Err(error) = noted {
            self.instance = None;
            return (message.reply)(Err(interrupted(&error)));
        }
        let values = match values {
            Ok(values) => values,
            Err(error) => {
                // A timer that asks for what there is not has rung all the same.
                self.voice.kept().state.arrived(&arrival);
                if self.conclude(&arrival, Ending::Fault(error.to_string())).await.is_err() {
                    self.instance = None;
                }
                return (message.reply)(Err(error));
            }
        };
        let started = Instant::now();
        let ending = self.perform(&arrival, &values, message.cancelled).await;
        let work = started.elapsed();
        let (is_good, is_fault) = (ending.has_effect(), matches!(ending, Ending::Fault(_)));
        match self.conclude(&arrival, ending).await {
            Err(error) => {
                self.instance = None;
                return (message.reply)(Err(interrupted(&error)));
            }
            Ok(ending) => {
                let answer = self.answer_of(&arrival.method, arrival.sequence, ending);
                self.answer(&arrival.origin, message.reply, answer);
            }
        }
        if is_good {
            self.faults_in_row = 0;
            self.checkpoint_if_due(work).await;
        } else if is_fault {
            self.after_fault().await;
        } else {
            self.instance = None;
        }
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
        match self.check_call(&arrival.method, &arrival.arguments) {
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
        let durability = self.durability();
        let Some(living) = &mut self.instance else {
            return Ending::Fault("there is no instance".to_owned());
        };
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
                Ending::Value(json.to_string())
            }
            Some(Err(belljar_engine::Error::Fault(fault))) => Ending::Fault(to_json(&fault)),
            Some(Err(error)) => Ending::Fault(error.to_string()),
            None => Ending::Cancelled,
        }
    }

    /// Calls `init`, the first message of an incarnation.
    pub(super) async fn init(&mut self, config: String) -> Result<(), Error> {
        let arguments = serde_json::json!([config]).to_string();
        let now_ns = self.voice.kept().state.spawned.born_ns;
        let arrival = Arrival { sequence: 1, origin: Origin::Init, method: "init".to_owned(), arguments, now_ns };
        let values = self.check_call(&arrival.method, &arrival.arguments)?;
        self.note_arrival(&arrival)?;
        let ending = self.perform(&arrival, &values, None).await;
        let ending = self.conclude(&arrival, ending).await?;
        let answer = self.answer_of(&arrival.method, arrival.sequence, ending)?;
        let json: serde_json::Value = serde_json::from_str(&answer.json).unwrap_or_default();
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
            if self.settings.grants.actors.is_empty() {
                journal.append(RecordKind::Arrival, arrival)?;
            } else {
                // Others may see half of what it does: if the process dies, the next one finishes it unasked.
                journal.append_and_tell(RecordKind::Arrival, arrival, Some(0))?;
            }
        }
        Ok(())
    }

    /// Notes a message once more, of an actor that was restored in between.
    fn note_again(&self, arrival: &mut Arrival) -> Result<(), Error> {
        arrival.sequence = self.voice.kept().state.sequence + 1;
        self.note_arrival(arrival)
    }

    async fn serve_typed(&mut self, work: super::message::TypedWork, reply: Reply) {
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
            return Err(ActorError::MessageTooLarge {
                name: self.cell.name.to_string(),
                size_bytes: arguments.len(),
                limit_bytes: MESSAGE_BYTES_MAX,
            }
            .into());
        }
        let wrong = |error: serde_json::Error| Error::Argument {
            method: method.to_owned(),
            argument: 1,
            message: format!("the arguments are not JSON: {error}"),
        };
        let arguments = serde_json::from_str(arguments).map_err(wrong)?;
        Ok(self.linked.component().parse_json(method, &arguments)?.1)
    }

    /// The answer to a call that was carried out before.
    fn stored_answer(&self, key: &CallKey, method: &str) -> Option<Result<Answer, Error>> {
        let kept = self.voice.kept();
        let stored = kept.state.stored(key)?.clone();
        drop(kept);
        Some(self.answer_of(method, stored.sequence, stored.ending))
    }

    fn answer_of(&self, method: &str, sequence: u64, ending: Ending) -> Result<Answer, Error> {
        match ending {
            Ending::Value(json) => {
                let method = self.linked.component().method(method);
                let is_result = method.as_ref().is_ok_and(|method| returns_result(method));
                let name: Arc<str> = method.map_or_else(|_| "".into(), |method| method.name.as_str().into());
                Ok(Answer { method: name, json, is_result })
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

    /// Hands a state over that an earlier version of the plugin saved.
    pub(super) async fn restore_saved(&mut self, state: Vec<u8>) -> Result<(), Error> {
        let name = self.cell.name.to_string();
        let Some(living) = &mut self.instance else { return Err(belljar_engine::Error::InstanceGone.into()) };
        let bytes = state.into_iter().map(Value::U8).collect();
        let restored = living.instance.call_values("durable/restore", &[Value::List(bytes)]).await?;
        match restored {
            Some(Value::Result(Err(message))) => {
                let message = match message.as_deref() {
                    Some(Value::String(text)) => text.clone(),
                    other => format!("{other:?}"),
                };
                Err(ActorError::CannotMigrate { name, message }.into())
            }
            _ => Ok(()),
        }
    }

    /// The state as the plugin itself saves it.
    pub(super) async fn save(&mut self) -> Result<Vec<u8>, Error> {
        if self.instance.is_none() {
            self.come_back().await?;
        }
        let name = self.cell.name.to_string();
        let no = |message: String| Error::from(ActorError::CannotMigrate { name, message });
        let Some(living) = &mut self.instance else { return Err(belljar_engine::Error::InstanceGone.into()) };
        let saved = living.instance.call_values("durable/save", &[]).await?;
        let Some(Value::List(bytes)) = saved else {
            return Err(no("`durable.save` returned no bytes".to_owned()));
        };
        let byte = |value: Value| match value {
            Value::U8(byte) => Some(byte),
            _ => None,
        };
        bytes
            .into_iter()
            .map(byte)
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| no("`durable.save` returned no bytes".to_owned()))
    }
}

/// The error of a message whose sender has gone back to before it was sent, as it finds when it notes this.
fn never_sent() -> Error {
    ActorError::Interrupted { message: "a write of the log failed after the caller sent it".to_owned() }.into()
}

/// Waits until a caller gives up; for ever if none can.
async fn becomes_true(flag: Option<watch::Receiver<bool>>) {
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
