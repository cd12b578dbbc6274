//! What a run keeps: the catalog and the durable objects, called from blocking threads so that no disk delays
//! anything else.

use std::collections::HashMap;
use std::sync::Arc;

use belljar_engine::capability::HeldObject as _;
use belljar_engine::wit::OBJECT_REF_FIELD;
use belljar_store::{Catalog, Digest, DurableObjects};
use serde_json::Value as Json;

use crate::objects::StoredObject;
use crate::{Error, Runtime};

/// The catalog and the durable objects of a data directory.
#[derive(Clone)]
pub(crate) struct Records(Arc<Inner>);

struct Inner {
    catalog: Catalog,
    durable: DurableObjects,
    runtime: Runtime,
}

/// The objects of one item that are in memory already, by digest.
pub(crate) type Live = HashMap<Digest, StoredObject>;

impl Records {
    pub(crate) fn open(runtime: &Runtime) -> Result<Records, Error> {
        let data_dir = runtime.data_dir().ok_or_else(|| {
            Error::Setup("a workflow keeps its state in a data directory; build the runtime with one".to_owned())
        })?;
        let (catalog, durable) = (Catalog::open(data_dir)?, DurableObjects::open(data_dir)?);
        Ok(Records(Arc::new(Inner { catalog, durable, runtime: runtime.clone() })))
    }

    /// Works with the catalog on a blocking thread.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Catalog) -> belljar_store::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |inner| Ok(work(&inner.catalog)?)).await
    }

    /// Makes the objects that a result names durable, and returns the result with their digests in place of their
    /// ids, which mean nothing to another process.
    pub(crate) async fn keep(&self, mut json: Json, objects: Vec<StoredObject>) -> Result<(Json, Live), Error> {
        self.blocking(move |inner| {
            let mut digests = HashMap::new();
            let mut live = Live::new();
            for object in objects {
                let digest = inner.durable.put(&object.bytes()?)?;
                digests.insert(object.id(), digest);
                live.insert(digest, object);
            }
            replace_objects(&mut json, &mut |reference| match reference.as_u64().and_then(|id| digests.get(&id)) {
                Some(digest) => Ok::<Json, Error>(digest.to_string().into()),
                None => Ok(reference.clone()), // An id that the plugin made up stays what it is: a number.
            })?;
            Ok((json, live))
        })
        .await
    }

    /// Loads the objects that a value names by digest, puts their ids in place, and returns them.
    pub(crate) async fn load(&self, mut json: Json, live: Live) -> Result<(Json, Vec<StoredObject>), Error> {
        self.blocking(move |inner| {
            let mut objects = Vec::new();
            replace_objects(&mut json, &mut |reference| {
                let Some(digest) = reference.as_str().and_then(|text| text.parse::<Digest>().ok()) else {
                    return Ok(reference.clone());
                };
                let object = match live.get(&digest) {
                    Some(object) => object.clone(),
                    None => StoredObject::put(inner.runtime.objects(), inner.durable.get(&digest)?)?,
                };
                let id = object.id();
                objects.push(object);
                Ok::<Json, Error>(id.into())
            })?;
            Ok((json, objects))
        })
        .await
    }

    /// Removes durable objects that no record names. Call it while no step is being completed.
    pub(crate) async fn collect_garbage(&self) -> Result<u64, Error> {
        self.blocking(|inner| {
            let referenced = inner.catalog.referenced_objects()?;
            Ok(inner.durable.retain(|digest| referenced.contains(digest))?)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || work(&inner)).await.unwrap_or(Err(Error::ShutDown))
    }
}

/// Replaces what each object reference in a value refers to. The value came through the codec, which bounds its
/// depth.
fn replace_objects<E>(json: &mut Json, with: &mut dyn FnMut(&Json) -> Result<Json, E>) -> Result<(), E> {
    match json {
        Json::Object(fields) if fields.len() == 1 && fields.contains_key(OBJECT_REF_FIELD) => {
            if let Some(reference) = fields.get_mut(OBJECT_REF_FIELD) {
                *reference = with(reference)?;
            }
            Ok(())
        }
        Json::Object(fields) => fields.values_mut().try_for_each(|value| replace_objects(value, with)),
        Json::Array(items) => items.iter_mut().try_for_each(|item| replace_objects(item, with)),
        _ => Ok(()),
    }
}
