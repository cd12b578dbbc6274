//! Taking a message's arguments in: what is passed by reference is waited for and put in its place, and objects become
//! ones that an actor that keeps its state can keep.

use std::sync::Arc;
use std::time::Duration;

use belljar_engine::capability::Payload;
use belljar_engine::{Component, codec};
use serde_json::Value as Json;
use tokio::sync::watch;

use super::alive::Alive;
use super::message::Arguments;
use super::parcel::Parcel;
use super::serve::becomes_true;
use crate::task::{self, Input};
use crate::{Error, ObjectRef};

impl Alive {
    /// Makes the arguments ready to be written down. When it fails they are of no use any more.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] when a reference is to something that failed, [`Error::Argument`] when it is not there within
    /// the call's deadline, [`Error::Cancelled`] when the caller gives up before; those of the method's types, and of the disk.
    pub(super) async fn take_in(
        &mut self,
        method: &str,
        arguments: &mut Arguments,
        cancelled: Option<&watch::Receiver<bool>>,
    ) -> Result<(), Error> {
        if !arguments.references.is_empty() {
            let mut killed = self.cell.killed.subscribe();
            let deadline_ms = self.linked.limits().deadline_ms;
            let filled = tokio::select! {
                filled = fill(self.linked.component(), method, arguments) => filled?,
                () = tokio::time::sleep(Duration::from_millis(deadline_ms)) => {
                    let message = format!("what it refers to was not there within the call's deadline of {deadline_ms} ms");
                    return Err(Error::Argument { method: method.to_owned(), argument: 1, message });
                }
                () = becomes_true(cancelled.cloned()) => return Err(Error::Cancelled),
                Ok(_) = killed.wait_for(|killed| *killed) => return Err(Error::Cancelled),
            };
            *arguments = filled.into();
        }
        let Some(shelf) = self.voice.shelf().filter(|shelf| !arguments.parcel.is_kept(shelf)).cloned() else {
            return Ok(());
        };
        let parcel = std::mem::take(&mut arguments.parcel);
        arguments.parcel = self.system.blocking(move || Ok(parcel.kept(&shelf)?)).await?;
        Ok(())
    }
}

/// The arguments with what the references refer to in its place.
async fn fill(component: &Component, method: &str, arguments: &Arguments) -> Result<Parcel, Error> {
    let wrong = |argument: usize, message: String| Error::Argument { method: method.to_owned(), argument, message };
    let mut objects = arguments.parcel.objects(None)?;
    let mut json: Vec<Json> = serde_json::from_str(&arguments.parcel.json)
        .map_err(|error| wrong(1, format!("the arguments are not an array: {error}")))?;
    for (at, reference) in &arguments.references {
        let content = content(method, at + 1, reference).await?;
        let taken = component.method(method)?;
        let param = taken.params.get(*at).ok_or_else(|| wrong(at + 1, format!("it is `{}`", taken.signature())))?;
        let (value, named) = task::pass(taken, param, Input::Content(content))?;
        objects.extend(named);
        let place = json.get_mut(*at).ok_or_else(|| wrong(at + 1, "it has no place".to_owned()))?;
        *place = codec::to_json(&value, &param.ty).map_err(|error| wrong(at + 1, error.to_string()))?;
    }
    Ok(Parcel::new(Payload { json: Json::Array(json).to_string(), objects }))
}

async fn content(method: &str, argument: usize, reference: &ObjectRef) -> Result<crate::object_ref::Content, Error> {
    reference.content().await.map_err(|cause| Error::Input {
        method: method.to_owned(),
        argument,
        cause: Arc::new(cause),
    })
}
