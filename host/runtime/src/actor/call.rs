//! Calls of an actor from outside.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;
use tokio::sync::{oneshot, watch};

use super::message::{Answer, Arguments, Message, Work};
use super::parcel::Parcel;
use super::record::{CallKey, Origin};
use super::{Actor, ActorError};
use crate::object_ref::{Content, ObjectRef, Returned};
use crate::objects::StoredObject;
use crate::{Error, Runtime};

/// A call that is being put together.
#[must_use = "a call does nothing until it is submitted"]
pub struct ActorCall {
    pub(super) actor: Actor,
    pub(super) method: Arc<str>,
    pub(super) arguments: Result<Json, String>,
    /// Those that are passed by reference, by their place.
    pub(super) references: Vec<(usize, ObjectRef)>,
    pub(super) call_id: Option<String>,
}

impl ActorCall {
    /// The next argument.
    pub fn arg(mut self, value: impl Serialize) -> ActorCall {
        if let Ok(Json::Array(arguments)) = &mut self.arguments {
            match serde_json::to_value(value) {
                Ok(value) => arguments.push(value),
                Err(error) => self.arguments = Err(error.to_string()),
            }
        }
        self
    }

    /// The next argument, as a reference: an `object-ref` parameter gets the object itself, any other parameter the
    /// value that the referenced call returned, without the `ok` of a `result`. The actor waits for it before it goes on
    /// with its mailbox.
    pub fn object(mut self, object: &ObjectRef) -> ActorCall {
        match &mut self.arguments {
            Ok(Json::Array(arguments)) => {
                self.references.push((arguments.len(), object.clone()));
                arguments.push(Json::Null);
            }
            Ok(_) => self.arguments = Err("one is passed by reference, so they have to be an array".to_owned()),
            Err(_) => {}
        }
        self
    }

    /// An id of your own: however often a call of this id is sent, it is carried out once, and every time answered
    /// alike. An actor remembers the last 1,024.
    pub fn id(mut self, id: impl Into<String>) -> ActorCall {
        self.call_id = Some(id.into());
        self
    }

    /// Sends the call and returns a reference to its result at once. Calls of one caller are worked on in the order in
    /// which they were submitted.
    pub fn submit(self) -> ObjectRef {
        let (system, name) = (self.actor.system.clone(), self.actor.name.clone());
        let (reference, message) = self.message();
        if let Some(message) = message
            && let Err(message) = system.deliver(&name, message)
        {
            let length_max = system.cell(&name).mailbox.length_max();
            let error = ActorError::MailboxFull { name: name.to_string(), length_max };
            (message.reply)(Err(error.into()));
        }
        reference
    }

    /// The same, but a full mailbox is waited for.
    pub async fn submit_when_room(self) -> ObjectRef {
        let (system, name) = (self.actor.system.clone(), self.actor.name.clone());
        let (reference, message) = self.message();
        if let Some(message) = message {
            system.deliver_when_room(&name, message).await;
        }
        reference
    }

    /// The message, and the reference to its result. A call whose arguments cannot be written has failed already.
    fn message(self) -> (ObjectRef, Option<Message>) {
        let (reference, slot) = ObjectRef::pending();
        let runtime = self.actor.runtime.clone();
        let arguments = match self.arguments {
            Ok(arguments) => Arguments { parcel: Parcel::json(arguments.to_string()), references: self.references },
            Err(message) => {
                let method = self.method.to_string();
                runtime.spawn(slot.fill_with(async move { Err(Error::Argument { method, argument: 1, message }) }));
                return (reference, None);
            }
        };
        let (cancel, cancelled) = watch::channel(false);
        let (tell, told) = oneshot::channel();
        let origin = match self.call_id {
            Some(id) => Origin::Call { key: CallKey::Client(id), acknowledged: 0 },
            None => Origin::Outside,
        };
        let message = Message {
            origin,
            work: Work::Call { method: self.method, arguments },
            reply: Box::new(move |outcome| drop(tell.send(outcome))),
            cancelled: Some(cancelled),
            depends: None,
        };
        let plugin: Arc<str> = self.actor.name.as_str().into();
        runtime.clone().spawn(async move {
            let answer = async move {
                let answer = told.await.unwrap_or(Err(Error::ShutDown))?;
                Ok(Content::Value(returned(&runtime, plugin, answer)?))
            };
            if slot.fill_with(answer).await.is_given_up() {
                cancel.send_replace(true);
            }
        });
        (reference, Some(message))
    }
}

fn returned(runtime: &Runtime, plugin: Arc<str>, answer: Answer) -> Result<Returned, Error> {
    Ok(Returned {
        plugin,
        method: answer.method,
        is_result: answer.is_result,
        objects: answer.result.objects(None)?,
        json: StoredObject::put(runtime.objects(), answer.result.json.into_bytes())?,
        denial: None,
    })
}
