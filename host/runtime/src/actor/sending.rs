//! Sending an actor's calls to other actors: at once, and again after a replay. Each target gets the calls of one actor in
//! the order in which they were made.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use belljar_engine::FaultKind;
use belljar_engine::capability::CallError;
use tokio::sync::watch;

use super::ActorName;
use super::journal::Journal;
use super::message::{Message, Work};
use super::record::{CallKey, Origin};
use super::system::System;
use super::voice::{Voice, host_failed, shut_down};

/// Between two attempts to send a call of the past again, such as while the disk is full.
const RESEND_PAUSE: Duration = Duration::from_secs(1);

impl Voice {
    /// Sends what a replay has left unsent: calls without a result, which their targets may know or not. Each target gets
    /// its calls in the order in which they were made.
    pub(crate) fn send_unanswered(self: &Arc<Self>) {
        let Some(system) = self.system.upgrade() else { return };
        let mut kept = self.kept();
        kept.unsent.clear();
        let mut calls: HashMap<ActorName, Vec<u64>> = HashMap::new();
        for (id, call) in kept.state.outgoing.iter().filter(|(_, call)| call.answer.is_none()) {
            calls.entry(call.target.clone()).or_default().push(*id);
        }
        for (target, calls) in calls {
            let (tell, sent) = watch::channel(false);
            kept.resending.insert(target.clone(), sent);
            let (voice, to) = (self.clone(), system.clone());
            system.spawn(async move {
                for call in calls {
                    // None overtakes it. In a life that has ended nothing is sent, which is no failure.
                    while let Err(fault) = voice.send_now(&to, call).await {
                        tracing::warn!(actor = %voice.name, %target, %fault, "a call could not be sent again yet");
                        tokio::time::sleep(RESEND_PAUSE).await;
                    }
                }
                voice.kept().resending.remove(&target);
                tell.send_replace(true);
            });
        }
    }

    /// Sends a call, after those of the past that go to the same target; waits while the target's mailbox is full.
    pub(super) async fn send(self: &Arc<Self>, system: &Arc<System>, call: u64) -> Result<(), FaultKind> {
        let before = {
            let kept = self.kept();
            let target = kept.state.outgoing.get(&call).map(|outgoing| &outgoing.target);
            target.and_then(|target| kept.resending.get(target).cloned())
        };
        if let Some(mut before) = before {
            // Whoever sends them may have been dropped, at a shutdown.
            before.wait_for(|sent| *sent).await.ok();
        }
        self.send_now(system, call).await
    }

    /// Sends a call, unless this life of the actor ends before: then the next one sends it.
    async fn send_now(self: &Arc<Self>, system: &Arc<System>, call: u64) -> Result<(), FaultKind> {
        tokio::select! {
            biased;
            () = self.ended() => Ok(()),
            sent = self.deliver(system, call) => sent,
        }
    }

    async fn deliver(self: &Arc<Self>, system: &Arc<System>, call: u64) -> Result<(), FaultKind> {
        self.save_objects().await.map_err(host_failed)?;
        let (outgoing, acknowledged, depends) = {
            let kept = self.kept();
            let Some(outgoing) = kept.state.outgoing.get(&call).filter(|outgoing| outgoing.answer.is_none()) else {
                return Ok(());
            };
            (outgoing.clone(), kept.state.acknowledged(), kept.journal.as_ref().and_then(Journal::last))
        };
        let target = outgoing.target;
        let key = CallKey::Actor { caller: self.name.clone(), life: outgoing.life, call };
        let arguments = match outgoing.arguments.opened(self.shelf()) {
            Ok(arguments) => arguments,
            // It will not be there another time either.
            Err(error) if error.is_damage() => {
                self.answer(call, Err(CallError::Fault(error.to_string())));
                return Ok(());
            }
            Err(error) => return Err(host_failed(error)),
        };
        let voice = Arc::downgrade(self);
        let message = Message {
            origin: Origin::Call { key, acknowledged },
            work: Work::Call { method: outgoing.method.into(), arguments: arguments.into() },
            reply: Box::new(move |outcome| {
                if let Some(voice) = voice.upgrade() {
                    voice.answer(call, outcome.map(|answer| answer.result).map_err(|error| error.as_call_error()));
                }
            }),
            cancelled: None,
            depends,
        };
        // What journaled actors of one log tell each other is durable in the order in which it was said; others know
        // nothing of the log, so what they are told must be durable before.
        if !system.is_journaled(&target) && self.durable().await.is_err() {
            // The actor goes back to before it made this call.
            return Ok(());
        }
        system.deliver_when_room(&target, message).await;
        Ok(())
    }

    /// Sends the calls that a replay has left unsent, now that the guest has come to what was never recorded.
    pub(super) async fn go_live(self: &Arc<Self>) -> Result<(), FaultKind> {
        let unsent = std::mem::take(&mut self.kept().unsent);
        let Some(system) = self.system.upgrade() else { return Err(shut_down()) };
        for call in unsent {
            self.send(&system, call).await?;
        }
        Ok(())
    }
}
