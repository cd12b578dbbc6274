//! An actor that is awake: one task that takes orders and messages from its mailbox, one at a time, until it goes back
//! to sleep.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;

use super::alive::{Alive, Birth};
use super::info::ActorStatus;
use super::mailbox::Incoming;
use super::message::{Message, Order};
use super::options::IDLE_TIME_MAX;
use super::system::{Cell, System};
use super::{ActorError, Durability};
use crate::{Error, clock};

/// How an actor comes to be awake.
pub(crate) enum Beginning {
    /// It was kept in the log, if there is one of this name.
    Wake,
    /// It is new. The sender learns whether it could begin.
    Born(Box<Birth>, oneshot::Sender<Result<(), Error>>),
}

/// The task of one actor.
pub(crate) struct Body {
    system: Arc<System>,
    cell: Arc<Cell>,
}

/// What to do after an order or a message.
pub(super) enum Next {
    GoOn,
    /// Go to sleep, if nothing waits.
    Sleep(Option<oneshot::Sender<Result<(), Error>>>),
    /// End: what waits is refused.
    End(Option<oneshot::Sender<Result<(), Error>>>),
    /// End, because the actor cannot be restored: what waits is refused with the reason, like this order.
    Lost(Error, Option<Order>),
}

impl Body {
    pub(crate) fn new(system: Arc<System>, cell: Arc<Cell>) -> Body {
        Body { system, cell }
    }

    /// Lives until it sleeps or ends.
    pub(crate) async fn run(self, beginning: Beginning) {
        if let Some(mut before) = self.cell.after.clone() {
            // One that was dropped has ended too.
            before.wait_for(|ended| *ended).await.ok();
        }
        let (begun, tell) = match beginning {
            Beginning::Wake => (Alive::wake(&self.system, &self.cell).await, None),
            Beginning::Born(birth, tell) => (Alive::born(&self.system, &self.cell, *birth).await, Some(tell)),
        };
        let told = begun.as_ref().map(|_| ()).map_err(Clone::clone);
        if let Err(error) = &told {
            // Before anybody hears of it: the name is free for another attempt.
            self.refuse_all(error);
        }
        if let Some(tell) = tell {
            // Whoever spawned it may have gone.
            tell.send(told).ok();
        }
        if let Ok(alive) = begun {
            self.live(alive).await;
        }
    }

    async fn live(self, mut alive: Alive) {
        self.cell.durability.set(alive.durability()).ok();
        self.cell.mailbox.set_length_max(alive.mailbox_length_max());
        let mut image = None;
        let (told, lost) = loop {
            let next = match self.cell.mailbox.take() {
                Some(incoming) => self.handle(&mut alive, incoming).await,
                None => self.rest(&mut alive).await,
            };
            match next {
                Next::GoOn => {}
                Next::Sleep(tell) => {
                    let slept = alive.hibernate().await;
                    if slept.is_ok() && self.cell.mailbox.close_if_empty() {
                        image = alive.image_to_keep().await;
                        break (tell, None);
                    }
                    // Something has arrived, or the checkpoint could not be written: it stays awake.
                    if let Some(tell) = tell {
                        tell.send(slept).ok();
                    }
                }
                Next::End(tell) => break (tell, None),
                Next::Lost(error, order) => break (None, Some((error, order))),
            }
        };
        let (error, order) = lost.unwrap_or_else(|| (alive.refusal(), None));
        // The journal is free before anyone is told, or whoever wakes the actor now would find it taken.
        alive.release();
        drop(alive);
        self.refuse_all(&error);
        if let Some(order) = order {
            order.refuse(&error);
        }
        if let Some(image) = image {
            image.keep().await;
        }
        if let Some(tell) = told {
            tell.send(Ok(())).ok();
        }
    }

    /// Waits for something to do.
    async fn rest(&self, alive: &mut Alive) -> Next {
        // What it remembers of timers and calls may have been undone.
        if let Err(error) = self.restore(alive).await {
            return Next::Lost(error, None);
        }
        if let Some(message) = alive.due_timer() {
            return self.serve(alive, message).await;
        }
        self.cell.idle_since_ns.store(clock::now_ns().max(1), Ordering::Relaxed);
        let idle = if alive.durability() == Durability::Volatile { None } else { Some(alive.idle_time_max()) };
        let until_timer = alive.until_timer();
        let next = tokio::select! {
            biased;
            incoming = self.cell.mailbox.next() => Some(incoming),
            () = alive.checkpoint_written() => None,
            () = tokio::time::sleep(until_timer.unwrap_or(IDLE_TIME_MAX)), if until_timer.is_some() => None,
            () = tokio::time::sleep(idle.unwrap_or(IDLE_TIME_MAX)), if idle.is_some() => {
                return if alive.may_sleep() { Next::Sleep(None) } else { Next::GoOn };
            }
        };
        self.cell.idle_since_ns.store(0, Ordering::Relaxed);
        match next {
            Some(incoming) => self.handle(alive, incoming).await,
            None => Next::GoOn,
        }
    }

    /// Restores an actor that a fault or a failed write has left behind. One that keeps nothing begins anew with the
    /// next message.
    async fn restore(&self, alive: &mut Alive) -> Result<(), Error> {
        if alive.durability() == Durability::Volatile { Ok(()) } else { alive.be_current().await }
    }

    async fn handle(&self, alive: &mut Alive, incoming: Incoming) -> Next {
        match incoming {
            Incoming::Message(message) => self.serve(alive, message).await,
            Incoming::Order(order) => self.obey(alive, order).await,
        }
    }

    async fn serve(&self, alive: &mut Alive, message: Message) -> Next {
        alive.serve(message).await;
        if alive.status() == ActorStatus::Failed { Next::End(None) } else { Next::GoOn }
    }

    async fn obey(&self, alive: &mut Alive, order: Order) -> Next {
        if !matches!(order, Order::Ring | Order::Describe(_))
            && let Err(error) = self.restore(alive).await
        {
            return Next::Lost(error, Some(order));
        }
        match order {
            Order::Ring => {}
            Order::Hibernate(tell) => {
                if alive.durability() == Durability::Volatile {
                    let error = ActorError::WrongDurability {
                        name: self.cell.name.to_string(),
                        durability: Durability::Volatile.to_string(),
                        reason: "its state would be lost".to_owned(),
                    };
                    tell.send(Err(error.into())).ok();
                } else {
                    return Next::Sleep(Some(tell));
                }
            }
            Order::Checkpoint(tell) => {
                tell.send(alive.checkpoint_now("asked for").await).ok();
            }
            Order::Stop(tell) => return self.end(alive, tell, true).await,
            Order::Kill(tell) => return self.end(alive, tell, false).await,
            Order::Describe(tell) => {
                tell.send(Ok(alive.describe(self.cell.mailbox.len()))).ok();
            }
            Order::Digest(tell) => {
                tell.send(alive.digest().await).ok();
            }
            Order::Replace(replacement, tell) => {
                tell.send(alive.replace(*replacement).await).ok();
            }
        }
        Next::GoOn
    }

    /// Ends the actor's work for now. What waits is served before, if so wished.
    async fn end(&self, alive: &mut Alive, tell: oneshot::Sender<Result<(), Error>>, serve: bool) -> Next {
        let mut orders = Vec::new();
        while serve && let Some(incoming) = self.cell.mailbox.take() {
            match incoming {
                Incoming::Message(message) => alive.serve(message).await,
                Incoming::Order(order) => orders.push(order),
            }
        }
        let stopped = alive.stop(serve).await;
        let refusal = stopped.as_ref().err().cloned().unwrap_or_else(|| alive.refusal());
        for order in orders {
            order.refuse(&refusal);
        }
        match stopped {
            Ok(()) => Next::End(Some(tell)),
            Err(error) => {
                self.cell.killed.send_replace(false);
                tell.send(Err(error)).ok();
                Next::GoOn
            }
        }
    }

    /// Ends the actor's time in memory: whatever waits is refused.
    fn refuse_all(&self, error: &Error) {
        let (messages, orders) = self.cell.mailbox.close();
        self.system.forget(&self.cell);
        for message in messages {
            (message.reply)(Err(error.clone()));
        }
        for order in orders {
            order.refuse(error);
        }
    }
}

impl Drop for Body {
    /// However an actor's time in memory ends, also with a panic: nobody waits for it any more.
    fn drop(&mut self) {
        self.refuse_all(&Error::ShutDown);
        self.cell.ended.send_replace(true);
    }
}

/// How long an actor waits before the next attempt to restore it.
pub(super) fn backoff(faults_in_row: u32) -> Duration {
    use super::options::{RESTART_BACKOFF_MAX, RESTART_BACKOFF_MIN};
    match faults_in_row {
        // One fault among good calls is the message's, not the actor's.
        0 | 1 => Duration::ZERO,
        more => RESTART_BACKOFF_MIN.saturating_mul(1 << (more - 2).min(16)).min(RESTART_BACKOFF_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_the_second_fault_on_and_has_an_end() {
        let waits: Vec<u64> = (0..14).map(|faults| backoff(faults).as_millis() as u64).collect();
        assert_eq!(waits[..6], [0, 0, 100, 200, 400, 800]);
        assert_eq!(backoff(u32::MAX), Duration::from_secs(30));
    }
}
