//! What a run keeps: the catalog and the durable objects, called from blocking threads so that no disk delays
//! anything else.

use std::collections::HashMap;
use std::sync::Arc;

use belljar_engine::capability::HeldObject;
use belljar_engine::codec::{object_id, visit_objects};
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
pub(crate) type Live = HashMap<Digest, Arc<dyn HeldObject>>;

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
    pub(crate) async fn keep(&self, mut json: Json, objects: Vec<Arc<dyn HeldObject>>) -> Result<(Json, Live), Error> {
        self.blocking(move |inner| {
            let mut digests = HashMap::new();
            let mut live = Live::new();
            for object in objects {
                let digest = inner.durable.put(&object.read()?)?;
                digests.insert(object.id(), digest);
                live.insert(digest, object);
            }
            visit_objects(&mut json, &mut |reference| {
                // An id that the plugin made up stays what it is.
                if let Some(digest) = object_id(reference).and_then(|id| digests.get(&id)) {
                    *reference = digest.to_string().into();
                }
                Ok::<(), Error>(())
            })?;
            Ok((json, live))
        })
        .await
    }

    /// Loads the objects that a value names by digest, puts their ids in place, and returns them.
    pub(crate) async fn load(&self, mut json: Json, live: Live) -> Result<(Json, Vec<Arc<dyn HeldObject>>), Error> {
        self.blocking(move |inner| {
            let mut objects = Vec::new();
            visit_objects(&mut json, &mut |reference| {
                let Some(digest) = reference.as_str().and_then(|text| text.parse::<Digest>().ok()) else {
                    return Ok(());
                };
                let object = match live.get(&digest) {
                    Some(object) => object.clone(),
                    None => Arc::new(StoredObject::put(inner.runtime.objects(), inner.durable.get(&digest)?)?),
                };
                *reference = object.id().into();
                objects.push(object);
                Ok::<(), Error>(())
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
