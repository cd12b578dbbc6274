//! An actor's way to the log: it appends records, and learns when they are durable.

use std::sync::Arc;

use belljar_store::{ActorLog, ActorWriter, NextTimer, RecordKind, StoreError, Ticket, Update};
use serde::Serialize;
use tokio::sync::oneshot;

use super::info::{ActorInfo, ActorStatus};
use super::record::{self, Note};
use crate::Error;

/// The journal of one actor.
pub(crate) struct Journal {
    log: Arc<ActorLog>,
    writer: ActorWriter,
    /// Of the last record that was appended.
    last: Option<Ticket>,
    /// What the index was told of the next time to look at the actor.
    told_look_at: Option<u64>,
}

impl Journal {
    pub(crate) fn new(log: Arc<ActorLog>, writer: ActorWriter, look_at_ns: Option<u64>) -> Journal {
        Journal { log, writer, last: None, told_look_at: look_at_ns }
    }

    /// Appends a record. It is durable later; whatever is appended after it, by anyone, is durable later still.
    pub(crate) fn append<T: Serialize>(&mut self, kind: RecordKind, payload: &T) -> Result<(), StoreError> {
        self.append_bytes(kind, &record::encode(payload), Update::default())
    }

    /// Whether it can still be appended to: no write of the log has failed since it was opened.
    pub(crate) fn is_alive(&self) -> bool {
        self.writer.is_alive()
    }

    /// Appends a record, and tells the index when to look at the actor next.
    pub(crate) fn append_and_tell<T: Serialize>(
        &mut self,
        kind: RecordKind,
        payload: &T,
        look_at_ns: Option<u64>,
    ) -> Result<(), StoreError> {
        let mut update = Update::default();
        if look_at_ns != self.told_look_at {
            update.next_timer = Some(look_at_ns.map_or(NextTimer::Never, NextTimer::At));
        }
        self.append_bytes(kind, &record::encode(payload), update)?;
        self.told_look_at = look_at_ns;
        Ok(())
    }

    /// Appends a checkpoint's payload.
    pub(crate) fn append_checkpoint(
        &mut self,
        payload: &[u8],
        mut update: Update,
        look_at_ns: Option<u64>,
    ) -> Result<(), StoreError> {
        update.next_timer = Some(look_at_ns.map_or(NextTimer::Never, NextTimer::At));
        self.append_bytes(RecordKind::Checkpoint, payload, update)?;
        self.told_look_at = look_at_ns;
        Ok(())
    }

    /// Tells the index what a list shall show of an actor that takes no calls, or takes them again.
    pub(crate) fn append_status(&mut self, info: &ActorInfo) -> Result<(), StoreError> {
        let mut update = listing(info);
        // One that takes calls again may have timers: whoever looks finds out.
        self.told_look_at = (info.status == ActorStatus::Running).then_some(0);
        update.next_timer = Some(self.told_look_at.map_or(NextTimer::Never, NextTimer::At));
        self.append_bytes(RecordKind::Note, &record::encode(&Note::Status), update)
    }

    /// Waits until everything is durable. It blocks.
    pub(crate) fn wait_durable(&self) -> Result<(), StoreError> {
        self.last.map_or(Ok(()), |ticket| self.log.wait_durable(ticket))
    }

    /// Tells the index what a list shall show of the actor.
    pub(crate) fn append_listing(&mut self, info: &ActorInfo) -> Result<(), StoreError> {
        self.append_bytes(RecordKind::Note, &record::encode(&Note::Status), listing(info))
    }

    /// Whether the index knows this time to look at the actor.
    pub(crate) fn has_told(&self, look_at_ns: Option<u64>) -> bool {
        self.told_look_at == look_at_ns
    }

    /// Ends the actor's history.
    pub(crate) fn remove(self) -> impl Future<Output = Result<(), Error>> + Send {
        let (log, removed) = (self.log.clone(), self.log.remove(self.writer));
        async move {
            let (tell, durable) = told();
            log.when_durable(removed?, Box::new(tell));
            durable.await
        }
    }

    fn append_bytes(&mut self, kind: RecordKind, payload: &[u8], update: Update) -> Result<(), StoreError> {
        self.last = Some(self.writer.append_with(kind, payload, update)?.ticket);
        Ok(())
    }

    /// The ticket of the last record that was appended.
    pub(crate) fn last(&self) -> Option<Ticket> {
        self.last
    }

    /// Whether the record of a ticket, of whatever actor, will never be durable.
    pub(crate) fn is_lost(&self, ticket: Ticket) -> bool {
        self.log.is_lost(ticket)
    }

    /// The number of the last record.
    pub(crate) fn sequence(&self) -> u64 {
        self.writer.sequence()
    }

    /// Calls back when everything that was appended is durable, or has failed.
    pub(crate) fn when_durable(&self, then: impl FnOnce(Result<(), StoreError>) + Send + 'static) {
        match &self.last {
            Some(ticket) => self.log.when_durable(*ticket, Box::new(then)),
            None => then(Ok(())),
        }
    }

    /// Waits until everything that was appended is durable. The wait needs the journal no more.
    pub(crate) fn durable(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (tell, durable) = told();
        self.when_durable(tell);
        durable
    }
}

/// What the index is told that a list shall show.
fn listing(info: &ActorInfo) -> Update {
    let mut update = Update::default();
    update.status = serde_json::to_string(info).ok();
    update
}

/// Somebody to be called back by the log, and the wait for that.
fn told() -> (impl FnOnce(Result<(), StoreError>) + Send + 'static, impl Future<Output = Result<(), Error>> + Send) {
    let (tell, told) = oneshot::channel();
    // Whoever waited may have gone.
    (|outcome| drop(tell.send(outcome)), async { Ok(told.await.map_err(|_| Error::ShutDown)??) })
}
