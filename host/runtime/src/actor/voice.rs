//! An actor's side of the capabilities: what its guest calls, it answers, from the journal during a replay and from the
//! world otherwise. It outlives instances, because answers of other actors arrive when they like.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use belljar_engine::FaultKind;
use belljar_engine::capability::{ActorHost, BoxFuture, CallError, CallOutcome, TimerHost};
use belljar_store::RecordKind;
use tokio::sync::Notify;

use super::journal::Journal;
use super::message::{Message, Work};
use super::record::{CallKey, HostAnswer, HostResult, Note, Origin};
use super::state::{ActorState, OUTGOING_MAX, Outgoing, TIMERS_MAX, Timer};
use super::system::System;
use super::{ActorName, MESSAGE_BYTES_MAX};
use crate::clock;

/// What an actor's instance and its body share.
pub(crate) struct Voice {
    system: Weak<System>,
    name: ActorName,
    kept: Mutex<Kept>,
    /// Told when a result of another actor arrives.
    answered: Notify,
}

/// What is behind the lock.
pub(crate) struct Kept {
    pub state: ActorState,
    pub journal: Option<Journal>,
    /// Whether messages and host calls are written down, and not checkpoints alone.
    pub is_journaled: bool,
    /// What distinguishes the calls of this life from those of others. One that is not replayed goes back to what it
    /// was and numbers its calls again, so each time in memory is a life of its own.
    pub life: u64,
    /// The time of the running message.
    pub now_ns: u64,
    /// Whether a message of the past is being repeated: nothing leaves then.
    pub is_past: bool,
    /// Recorded results of the running message that the guest has not asked for yet.
    pub recorded: VecDeque<HostAnswer>,
    /// Calls that were made while recorded results were left, and not sent.
    unsent: Vec<u64>,
}

impl Voice {
    pub(crate) fn new(system: Weak<System>, state: ActorState, journal: Option<Journal>, is_journaled: bool) -> Voice {
        let name = state.spawned.name.clone();
        let life = if is_journaled { state.spawned.born_ns } else { clock::now_ns() };
        // A message of the past may wait for calls that were made before it.
        let unsent = state.outgoing.iter().filter(|(_, call)| call.answer.is_none()).map(|(id, _)| *id).collect();
        let kept =
            Kept { state, journal, is_journaled, life, now_ns: 0, is_past: false, recorded: VecDeque::new(), unsent };
        Voice { system, name, kept: Mutex::new(kept), answered: Notify::new() }
    }

    /// What the actor keeps. Held only for a moment, never across a wait.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets calls that nobody waits for and that have arrived.
    pub(crate) fn forget(&self, settled: &BTreeSet<u64>) {
        self.kept().state.outgoing.retain(|call, _| !settled.contains(call));
    }

    /// Sends what a replay has left unsent: calls without a result, which their targets may know or not.
    pub(crate) fn send_unanswered(self: &Arc<Self>) {
        let calls: Vec<u64> = {
            let mut kept = self.kept();
            kept.unsent.clear();
            kept.state.outgoing.iter().filter(|(_, call)| call.answer.is_none()).map(|(id, _)| *id).collect()
        };
        if calls.is_empty() {
            return;
        }
        let Some(system) = self.system.upgrade() else { return };
        let voice = self.clone();
        system.clone().spawn(async move {
            for call in calls {
                voice.send(&system, call).await;
            }
        });
    }

    /// Sends a call; waits while the target's mailbox is full.
    async fn send(self: &Arc<Self>, system: &Arc<System>, call: u64) {
        let (message, target) = {
            let kept = self.kept();
            let Some(outgoing) = kept.state.outgoing.get(&call).filter(|outgoing| outgoing.answer.is_none()) else {
                return;
            };
            let key = CallKey::Actor { caller: self.name.clone(), life: outgoing.life, call };
            let voice = Arc::downgrade(self);
            let message = Message {
                origin: Origin::Call { key, acknowledged: kept.state.acknowledged() },
                work: Work::Call { method: outgoing.method.as_str().into(), arguments: outgoing.arguments.clone() },
                reply: Box::new(move |outcome| {
                    if let Some(voice) = voice.upgrade() {
                        voice.answer(call, outcome.map(|answer| answer.json).map_err(|error| error.as_call_error()));
                    }
                }),
                cancelled: None,
                depends: kept.journal.as_ref().and_then(Journal::last),
            };
            (message, outgoing.target.clone())
        };
        // What journaled actors of one log tell each other is durable in the order in which it was said; others know
        // nothing of the log, so what they are told must be durable before.
        if !system.is_journaled(&target) {
            let (tell, told) = tokio::sync::oneshot::channel();
            let waits = match &self.kept().journal {
                Some(journal) => {
                    journal.when_durable(|outcome| {
                        tell.send(outcome.is_ok()).ok();
                    });
                    true
                }
                None => false,
            };
            if waits && !told.await.unwrap_or(false) {
                return;
            }
        }
        system.deliver_when_room(&target, message).await;
    }

    /// Takes the result of a call. If nobody asks for it, it was for a state that was undone.
    fn answer(&self, call: u64, result: Result<String, CallError>) {
        // Before anyone else runs: whoever answered may call this actor next, and that is no circle.
        if let Some(system) = self.system.upgrade() {
            system.waits().leave(&self.name);
        }
        {
            let mut kept = self.kept();
            match kept.state.outgoing.get_mut(&call) {
                Some(outgoing) if outgoing.abandoned => kept.settle(call),
                Some(outgoing) => {
                    outgoing.answer.get_or_insert(result);
                }
                None => {}
            }
        }
        self.answered.notify_waiters();
    }

    /// The result of a call that the guest asks for, or whose result it has to wait for.
    fn try_get(&self, call: u64) -> Result<CallOutcome<String>, ActorName> {
        let mut kept = self.kept();
        if kept.state.outgoing.get(&call).is_none_or(|outgoing| outgoing.abandoned) {
            return Ok(Ok(Err(CallError::UnknownCall(call))));
        }
        if let Some(HostAnswer::Get(of, result)) = kept.recorded.front()
            && *of == call
        {
            let result = result.clone();
            kept.recorded.pop_front();
            kept.taken(call, &result);
            return Ok(Ok(result));
        }
        if let Some(problem) = kept.not_as_recorded() {
            return Ok(Err(problem));
        }
        let Some(result) = outgoing_answer(&kept.state, call) else {
            return Err(kept.state.outgoing[&call].target.clone());
        };
        kept.taken(call, &result);
        Ok(kept.record(HostAnswer::Get(call, result.clone())).map(|()| result))
    }

    /// Sends the calls that a replay has left unsent, now that the guest has come to what was never recorded.
    async fn go_live(self: &Arc<Self>) {
        let unsent = std::mem::take(&mut self.kept().unsent);
        let Some(system) = self.system.upgrade() else { return };
        for call in unsent {
            self.send(&system, call).await;
        }
    }
}

fn outgoing_answer(state: &ActorState, call: u64) -> Option<Result<String, CallError>> {
    state.outgoing.get(&call)?.answer.clone()
}

impl Kept {
    /// Writes down what a host call gave.
    fn record(&mut self, result: HostAnswer) -> Result<(), FaultKind> {
        let sequence = self.state.sequence;
        match &mut self.journal {
            Some(journal) if self.is_journaled => journal
                .append(RecordKind::HostResult, &HostResult { sequence, result })
                .map_err(|error| FaultKind::Host { message: error.to_string() }),
            _ => Ok(()),
        }
    }

    /// The guest has this result of a call now. One that would never have come is on its way all the same.
    fn taken(&mut self, call: u64, result: &Result<String, CallError>) {
        match (self.state.outgoing.get_mut(&call), result) {
            (Some(outgoing), Err(CallError::Deadlock(_))) => outgoing.abandoned = true,
            _ => drop(self.state.outgoing.remove(&call)),
        }
    }

    /// A call that nobody waits for has arrived.
    fn settle(&mut self, call: u64) {
        self.state.outgoing.remove(&call);
        if self.is_journaled
            && let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(RecordKind::Note, &Note::Settled { call })
        {
            // The call is sent again some day, and its target knows that it was carried out.
            tracing::debug!(%error, "an arrival could not be noted");
        }
    }

    /// The fault of a guest that does not repeat what it did.
    fn not_as_recorded(&self) -> Option<FaultKind> {
        let differs = self.is_past || !self.recorded.is_empty();
        differs.then(|| FaultKind::Host {
            message: "the replay asks the host for something that was not recorded".to_owned(),
        })
    }
}

/// The actor's side as an instance holds it.
pub(crate) struct Speaker(pub Arc<Voice>);

impl ActorHost for Speaker {
    fn name(&self) -> Option<String> {
        Some(self.0.name.to_string())
    }

    fn call(&self, actor: String, method: String, arguments: String) -> BoxFuture<'_, CallOutcome<u64>> {
        let voice = &self.0;
        Box::pin(async move {
            let Ok(target) = actor.parse::<ActorName>() else {
                return Ok(Err(CallError::UnknownActor(actor)));
            };
            if arguments.len() > MESSAGE_BYTES_MAX {
                return Ok(Err(CallError::BadCall(format!(
                    "the arguments have {} bytes, and a message may have {MESSAGE_BYTES_MAX}",
                    arguments.len()
                ))));
            }
            let (call, is_live) = {
                let mut kept = voice.kept();
                let is_live = !kept.is_past && kept.recorded.is_empty();
                // How many are left depends on when results arrived, so a replay must not count them.
                if is_live && kept.state.outgoing.len() >= OUTGOING_MAX {
                    let message = format!("made {OUTGOING_MAX} calls without taking their results or letting them go");
                    return Err(FaultKind::Misuse { message });
                }
                let Some(call) = kept.state.next_call() else {
                    return Err(FaultKind::Misuse { message: "made a million calls in one message".to_owned() });
                };
                let outgoing = Outgoing { target, method, arguments, life: kept.life, answer: None, abandoned: false };
                kept.state.outgoing.insert(call, outgoing);
                if !is_live {
                    kept.unsent.push(call);
                }
                (call, is_live)
            };
            if is_live {
                voice.go_live().await;
                match voice.system.upgrade() {
                    Some(system) => voice.send(&system, call).await,
                    None => return Err(FaultKind::Host { message: "the runtime was shut down".to_owned() }),
                }
            }
            Ok(Ok(call))
        })
    }

    fn get(&self, call: u64) -> BoxFuture<'_, CallOutcome<String>> {
        let voice = &self.0;
        Box::pin(async move {
            let target = match voice.try_get(call) {
                Ok(outcome) => return outcome,
                Err(target) => target,
            };
            voice.go_live().await;
            let Some(system) = voice.system.upgrade() else {
                return Err(FaultKind::Host { message: "the runtime was shut down".to_owned() });
            };
            loop {
                let answered = voice.answered.notified();
                let entered = system.waits().enter(&voice.name, vec![target.clone()], 1);
                // The result may have come just before the look for a circle.
                if let Ok(outcome) = voice.try_get(call) {
                    return outcome;
                }
                let Err(circle) = entered else {
                    answered.await;
                    continue;
                };
                let circle: Vec<String> = circle.iter().map(ToString::to_string).collect();
                let result = Err(CallError::Deadlock(format!("{} would wait for ever", circle.join(" → "))));
                let mut kept = voice.kept();
                kept.taken(call, &result);
                kept.record(HostAnswer::Get(call, result.clone()))?;
                return Ok(result);
            }
        })
    }

    fn wait(
        &self,
        calls: Vec<u64>,
        count: u32,
        timeout: Option<Duration>,
    ) -> BoxFuture<'_, Result<Vec<u64>, FaultKind>> {
        let voice = &self.0;
        Box::pin(async move {
            {
                let mut kept = voice.kept();
                if let Some(HostAnswer::Wait(ready)) = kept.recorded.front() {
                    let ready = ready.clone();
                    kept.recorded.pop_front();
                    return Ok(ready);
                }
                if let Some(problem) = kept.not_as_recorded() {
                    return Err(problem);
                }
            }
            voice.go_live().await;
            let ready = |kept: &Kept| -> Vec<u64> {
                let is_ready =
                    |call: &&u64| kept.state.outgoing.get(call).is_none_or(|outgoing| outgoing.answer.is_some());
                calls.iter().filter(is_ready).copied().collect()
            };
            let wanted = calls.len().min(count as usize);
            let deadline = timeout.map(|timeout| tokio::time::Instant::now() + timeout);
            let system = voice.system.upgrade();
            let mut guard = None;
            let ready = loop {
                let answered = voice.answered.notified();
                let (ready, targets) = {
                    let kept = voice.kept();
                    let pending = calls.iter().filter_map(|call| kept.state.outgoing.get(call));
                    let pending = pending.filter(|outgoing| outgoing.answer.is_none());
                    (ready(&kept), pending.map(|outgoing| outgoing.target.clone()).collect::<Vec<_>>())
                };
                if ready.len() >= wanted {
                    break ready;
                }
                match (deadline, &system) {
                    (Some(deadline), _) => {
                        if tokio::time::timeout_at(deadline, answered).await.is_err() {
                            break ready;
                        }
                    }
                    (None, Some(system)) => {
                        drop(guard.take());
                        // A wait that would never end returns what is there; asking for the rest names the circle.
                        match system.waits().enter(&voice.name, targets, wanted - ready.len()) {
                            Ok(entered) => guard = Some(entered),
                            Err(_) => break ready,
                        }
                        answered.await;
                    }
                    (None, None) => return Err(FaultKind::Host { message: "the runtime was shut down".to_owned() }),
                }
            };
            voice.kept().record(HostAnswer::Wait(ready.clone()))?;
            Ok(ready)
        })
    }

    fn cancel(&self, call: u64) -> BoxFuture<'_, CallOutcome<()>> {
        let voice = &self.0;
        Box::pin(async move {
            let mut kept = voice.kept();
            let Some(outgoing) = kept.state.outgoing.get_mut(&call).filter(|outgoing| !outgoing.abandoned) else {
                return Ok(Err(CallError::UnknownCall(call)));
            };
            outgoing.abandoned = true;
            if outgoing.answer.is_some() && !kept.is_past {
                kept.settle(call);
            }
            Ok(Ok(()))
        })
    }
}

impl TimerHost for Speaker {
    fn set(&self, name: String, delay: Duration, method: String, arguments: String) -> Result<(), FaultKind> {
        let mut kept = self.0.kept();
        if kept.state.timers.len() >= TIMERS_MAX && !kept.state.timers.contains_key(&name) {
            return Err(FaultKind::Misuse { message: format!("has {TIMERS_MAX} timers; cancel one first") });
        }
        if serde_json::from_str::<serde::de::IgnoredAny>(&arguments).is_err() {
            return Err(FaultKind::Misuse { message: format!("the arguments of the timer {name} are not JSON") });
        }
        let due_ns = kept.now_ns.saturating_add(clock::nanos(delay));
        kept.state.timers.insert(name, Timer { due_ns, method, arguments });
        Ok(())
    }

    fn cancel(&self, name: &str) -> bool {
        self.0.kept().state.timers.remove(name).is_some()
    }
}
