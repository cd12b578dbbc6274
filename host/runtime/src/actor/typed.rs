//! Calls with Rust types: nothing is encoded, so nothing can be written down.

use std::sync::Arc;

use belljar_engine::{ComponentNamedList, Lift, Lower};
use tokio::sync::oneshot;

use super::Actor;
use super::message::{Message, Work};
use super::record::Origin;
use crate::Error;

impl Actor {
    /// Calls a method of a volatile actor with Rust types: a tuple of the parameters, a tuple of the result.
    ///
    /// # Errors
    ///
    /// [`ActorError::WrongDurability`](super::ActorError::WrongDurability) for an actor that keeps its state.
    pub async fn call_typed<P, R>(&self, method: &str, params: P) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let (tell, told) = oneshot::channel::<Result<R, Error>>();
        let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
        let (refused, method) = (tell.clone(), method.to_owned());
        let send = |tell: &std::sync::Mutex<Option<oneshot::Sender<_>>>, outcome| {
            let sender = tell.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            // Whoever called may have gone.
            sender.and_then(|sender| sender.send(outcome).err());
        };
        let message = Message {
            origin: Origin::Outside,
            work: Work::Typed(Box::new(move |instance| {
                Box::pin(async move {
                    let outcome = instance.call::<P, R>(&method, params).await.map_err(Error::from);
                    let went = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
                    send(&tell, outcome);
                    went
                })
            })),
            reply: Box::new(move |outcome| {
                if let Err(error) = outcome {
                    send(&refused, Err(error));
                }
            }),
            cancelled: None,
            depends: None,
        };
        self.system.deliver_when_room(&self.name, message).await;
        told.await.unwrap_or(Err(Error::ShutDown))
    }
}
