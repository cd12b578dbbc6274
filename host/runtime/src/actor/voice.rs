//! What an actor's body and its guest's capabilities share: its state and its journal, and the answers of other actors. It
//! outlives instances, because answers arrive when they like.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use belljar_engine::FaultKind;
use belljar_engine::capability::{CallError, CallOutcome};
use belljar_store::RecordKind;
use tokio::sync::{Notify, watch};

use super::ActorName;
use super::journal::Journal;
use super::objects::Shelf;
use super::parcel::Parcel;
use super::record::{HostAnswer, HostResult, Note};
use super::state::ActorState;
use super::system::System;
use crate::{Error, clock};

/// What an actor's instance and its body share.
pub(crate) struct Voice {
    pub(super) system: Weak<System>,
    pub(super) name: ActorName,
    kept: Mutex<Kept>,
    /// Its objects, if it keeps its state.
    shelf: Option<Arc<Shelf>>,
    /// Becomes true when this life ends: what it has not sent by then, the next one sends.
    over: watch::Sender<bool>,
    /// Told when a result of another actor arrives.
    pub(super) answered: Notify,
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
    pub(super) unsent: Vec<u64>,
    /// Targets that calls of the past are sent to again; new ones wait their turn.
    pub(super) resending: HashMap<ActorName, watch::Receiver<bool>>,
}

impl Voice {
    pub(crate) fn new(
        system: Weak<System>,
        state: ActorState,
        journal: Option<Journal>,
        is_journaled: bool,
        shelf: Option<Arc<Shelf>>,
    ) -> Voice {
        let name = state.spawned.name.clone();
        let life = if is_journaled { state.spawned.born_ns } else { clock::now_ns() };
        // A message of the past may wait for calls that were made before it.
        let unsent = state.outgoing.iter().filter(|(_, call)| call.answer.is_none()).map(|(id, _)| *id).collect();
        let kept = Kept {
            state,
            journal,
            is_journaled,
            life,
            now_ns: 0,
            is_past: false,
            recorded: VecDeque::new(),
            unsent,
            resending: HashMap::new(),
        };
        Voice { system, name, kept: Mutex::new(kept), shelf, over: watch::Sender::new(false), answered: Notify::new() }
    }

    /// Ends this life.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits for the end of this life.
    pub(super) async fn ended(&self) {
        // The sender is this voice's own, so the wait cannot fail.
        self.over.subscribe().wait_for(|over| *over).await.ok();
    }

    /// The actor's objects, if it keeps its state.
    pub(crate) fn shelf(&self) -> Option<&Arc<Shelf>> {
        self.shelf.as_ref()
    }

    /// Waits until all that was written down is durable. The wait needs nothing of the actor.
    pub(super) fn durable(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let durable = self.kept().journal.as_ref().map(Journal::durable);
        async move {
            match durable {
                Some(durable) => durable.await,
                None => Ok(()),
            }
        }
    }

    /// Makes all objects durable that the guest has put or got. Whatever may name one is written down after this.
    pub(crate) async fn save_objects(&self) -> Result<(), Error> {
        match (&self.shelf, self.system.upgrade()) {
            (Some(shelf), Some(system)) if shelf.has_unsaved() => {
                let shelf = shelf.clone();
                system.blocking(move || Ok(shelf.save()?)).await
            }
            _ => Ok(()),
        }
    }

    /// What the actor keeps. Held only for a moment, never across a wait.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets calls that nobody waits for and that have arrived.
    pub(crate) fn forget(&self, settled: &BTreeSet<u64>) {
        self.kept().state.outgoing.retain(|call, _| !settled.contains(call));
    }

    /// Takes the result of a call, with objects that this actor can keep.
    pub(super) fn answer(self: &Arc<Self>, call: u64, result: Result<Parcel, CallError>) {
        let Some(system) = self.system.upgrade() else { return };
        // Before anyone else runs: whoever answered may call this actor next, and that is no circle. A life that has
        // ended waits for nothing, and its successor for other answers.
        if !self.is_over() {
            system.waits().leave(&self.name);
        }
        let is_wanted = self.kept().state.outgoing.get(&call).is_some_and(|outgoing| !outgoing.abandoned);
        let (Ok(parcel), Some(shelf), true) = (&result, &self.shelf, is_wanted) else {
            return self.take_answer(call, result);
        };
        if parcel.is_kept(shelf) {
            return self.take_answer(call, result);
        }
        // Making them durable takes time, which is not that of whoever answers.
        let (voice, parcel, shelf) = (self.clone(), parcel.clone(), shelf.clone());
        system.clone().spawn(async move {
            let kept = system.blocking(move || Ok(parcel.kept(&shelf)?)).await;
            voice.take_answer(call, kept.map_err(|error| CallError::Fault(error.to_string())));
        });
    }

    /// Takes the result of a call. If nobody asks for it, it was for a state that was undone.
    fn take_answer(&self, call: u64, result: Result<Parcel, CallError>) {
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
    fn try_get(&self, call: u64) -> Result<CallOutcome<Parcel>, ActorName> {
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
        let outgoing = &kept.state.outgoing[&call];
        let Some(result) = outgoing.answer.clone() else { return Err(outgoing.target.clone()) };
        kept.taken(call, &result);
        Ok(kept.record(HostAnswer::Get(call, result.clone())).map(|()| result))
    }

    /// Waits for the result of a call that the guest asks for, unless that would never end.
    pub(super) async fn result_of(self: &Arc<Self>, call: u64) -> CallOutcome<Parcel> {
        let target = match self.try_get(call) {
            Ok(outcome) => return outcome,
            Err(target) => target,
        };
        self.go_live().await?;
        let system = self.system.upgrade().ok_or_else(shut_down)?;
        loop {
            let answered = self.answered.notified();
            let entered = system.waits().enter(&self.name, vec![target.clone()], 1);
            // The result may have come just before the look for a circle.
            if let Ok(outcome) = self.try_get(call) {
                return outcome;
            }
            let Err(circle) = entered else {
                answered.await;
                continue;
            };
            let circle: Vec<String> = circle.iter().map(ToString::to_string).collect();
            let result = Err(CallError::Deadlock(format!("{} would wait for ever", circle.join(" → "))));
            let mut kept = self.kept();
            kept.taken(call, &result);
            kept.record(HostAnswer::Get(call, result.clone()))?;
            return Ok(result);
        }
    }
}

/// The fault of a guest whose host could not do what it must.
pub(super) fn host_failed(error: impl std::fmt::Display) -> FaultKind {
    FaultKind::Host { message: error.to_string() }
}

pub(super) fn shut_down() -> FaultKind {
    FaultKind::Host { message: "the runtime was shut down".to_owned() }
}

impl Kept {
    /// Writes down what a host call gave.
    pub(super) fn record(&mut self, result: HostAnswer) -> Result<(), FaultKind> {
        let sequence = self.state.sequence;
        match &mut self.journal {
            Some(journal) if self.is_journaled => {
                journal.append(RecordKind::HostResult, &HostResult { sequence, result }).map_err(host_failed)
            }
            _ => Ok(()),
        }
    }

    /// The guest has this result of a call now. One that would never have come is on its way all the same.
    fn taken(&mut self, call: u64, result: &Result<Parcel, CallError>) {
        match (self.state.outgoing.get_mut(&call), result) {
            (Some(outgoing), Err(CallError::Deadlock(_))) => outgoing.abandoned = true,
            _ => drop(self.state.outgoing.remove(&call)),
        }
    }

    /// A call that nobody waits for has arrived.
    pub(super) fn settle(&mut self, call: u64) {
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
    pub(super) fn not_as_recorded(&self) -> Option<FaultKind> {
        let differs = self.is_past || !self.recorded.is_empty();
        differs.then(|| FaultKind::Host {
            message: "the replay asks the host for something that was not recorded".to_owned(),
        })
    }
}
