//! What a guest calls of other actors and of its timers: answered from the journal during a replay, and from the world
//! otherwise.

use std::sync::Arc;
use std::time::Duration;

use belljar_engine::FaultKind;
use belljar_engine::capability::{ActorHost, BoxFuture, CallError, CallOutcome, Payload, TimerHost};

use super::parcel::Parcel;
use super::record::HostAnswer;
use super::state::{OUTGOING_MAX, Outgoing, TIMERS_MAX, Timer};
use super::voice::{Kept, Voice, host_failed, shut_down};
use super::{ActorName, MESSAGE_BYTES_MAX};
use crate::clock;

/// The actor's side as an instance holds it.
pub(crate) struct Speaker(pub Arc<Voice>);

impl ActorHost for Speaker {
    fn name(&self) -> Option<String> {
        Some(self.0.name.to_string())
    }

    fn call(&self, actor: String, method: String, arguments: Payload) -> BoxFuture<'_, CallOutcome<u64>> {
        let voice = &self.0;
        Box::pin(async move {
            let Ok(target) = actor.parse::<ActorName>() else {
                return Ok(Err(CallError::UnknownActor(actor)));
            };
            if arguments.json.len() > MESSAGE_BYTES_MAX {
                return Ok(Err(CallError::BadCall(format!(
                    "the arguments have {} bytes, and a message may have {MESSAGE_BYTES_MAX}",
                    arguments.json.len()
                ))));
            }
            let arguments = Parcel::new(arguments);
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
                voice.go_live().await?;
                voice.send(&voice.system.upgrade().ok_or_else(shut_down)?, call).await?;
            }
            Ok(Ok(call))
        })
    }

    fn get(&self, call: u64) -> BoxFuture<'_, CallOutcome<Payload>> {
        let voice = &self.0;
        Box::pin(async move {
            match voice.result_of(call).await? {
                Ok(result) => Ok(Ok(result.payload(voice.shelf()).map_err(host_failed)?)),
                Err(error) => Ok(Err(error)),
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
            voice.go_live().await?;
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
                    (None, None) => return Err(shut_down()),
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
