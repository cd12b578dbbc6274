//! Messages that wait for an actor: a queue of limited length, and in front of it a few orders of the host, which are
//! never kept waiting by messages.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::message::{Message, Order};

/// A mailbox.
pub(crate) struct Mailbox {
    queues: Mutex<Queues>,
    arrived: Notify,
    room: Notify,
    length_max: AtomicUsize,
}

#[derive(Default)]
struct Queues {
    messages: VecDeque<Message>,
    orders: VecDeque<Order>,
    closed: bool,
}

/// What comes out of a mailbox.
pub(crate) enum Incoming {
    Order(Order),
    Message(Message),
}

/// Why a message was not taken; it comes back.
pub(crate) enum Refused {
    Full(Box<Message>),
    Closed(Box<Message>),
}

impl Mailbox {
    pub(crate) fn new(length_max: usize) -> Mailbox {
        Mailbox {
            queues: Mutex::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            length_max: AtomicUsize::new(length_max.max(1)),
        }
    }

    /// Puts a message at the end, if there is room.
    pub(crate) fn push(&self, message: Message) -> Result<(), Refused> {
        let mut queues = self.lock();
        if queues.closed {
            return Err(Refused::Closed(Box::new(message)));
        }
        if queues.messages.len() >= self.length_max() {
            return Err(Refused::Full(Box::new(message)));
        }
        queues.messages.push_back(message);
        drop(queues);
        self.arrived.notify_one();
        Ok(())
    }

    /// Puts an order before all messages; gives it back when the actor is going.
    pub(crate) fn order(&self, order: Order) -> Result<(), Order> {
        let mut queues = self.lock();
        if queues.closed {
            return Err(order);
        }
        queues.orders.push_back(order);
        drop(queues);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until there may be room.
    pub(crate) async fn room(&self) {
        let room = self.room.notified();
        {
            let queues = self.lock();
            if queues.closed || queues.messages.len() < self.length_max() {
                return;
            }
        }
        room.await;
    }

    /// The next order or message, without waiting.
    pub(crate) fn take(&self) -> Option<Incoming> {
        let mut queues = self.lock();
        if let Some(order) = queues.orders.pop_front() {
            return Some(Incoming::Order(order));
        }
        let message = queues.messages.pop_front()?;
        drop(queues);
        self.room.notify_one();
        Some(Incoming::Message(message))
    }

    /// Waits for the next order or message. Only the actor itself calls this.
    pub(crate) async fn next(&self) -> Incoming {
        loop {
            let arrived = self.arrived.notified();
            if let Some(incoming) = self.take() {
                return incoming;
            }
            arrived.await;
        }
    }

    /// How many messages may wait.
    pub(crate) fn length_max(&self) -> usize {
        self.length_max.load(Ordering::Relaxed)
    }

    /// Sets how many messages may wait from now on.
    pub(crate) fn set_length_max(&self, length_max: usize) {
        self.length_max.store(length_max.max(1), Ordering::Relaxed);
        self.room.notify_waiters();
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Takes no more, if nothing waits; true if it did so.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut queues = self.lock();
        if queues.messages.is_empty() && queues.orders.is_empty() {
            queues.closed = true;
        }
        queues.closed
    }

    /// Takes no more, and gives back what waits.
    pub(crate) fn close(&self) -> (Vec<Message>, Vec<Order>) {
        let mut queues = self.lock();
        queues.closed = true;
        let left = (queues.messages.drain(..).collect(), queues.orders.drain(..).collect());
        drop(queues);
        self.room.notify_waiters();
        left
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        // A queue is as good after a panic elsewhere as before.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
