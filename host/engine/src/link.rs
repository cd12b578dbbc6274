//! The check of a component against its grants, before anything of it runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::InstancePre;
use wasmtime::{Store, UpdateDeadline};

use crate::capability::{ActorHost, EventSink, HttpHost, ObjectHost, TimerHost};
use crate::fault::{Fault, FaultKind, raise};
use crate::imports::Provision;
use crate::limits::Limits;
use crate::snapshot::attached::Attached;
use crate::snapshot::birth::{self, MemoryPlan};
use crate::state::HostState;
use crate::wasi;
use crate::{Component, Error, Grants, Instance, Processors};

/// What an embedding runtime supplies to instances.
#[derive(Clone)]
pub struct Services {
    /// Receives log lines, progress and metrics.
    pub events: Arc<dyn EventSink>,
    /// Keeps objects.
    pub objects: Arc<dyn ObjectHost>,
    /// Sends HTTP requests.
    pub http: Arc<dyn HttpHost>,
    /// Calls actors.
    pub actors: Arc<dyn ActorHost>,
    /// Keeps an actor's timers; none for what is no actor.
    pub timers: Option<Arc<dyn TimerHost>>,
    /// What guests compute on.
    pub compute: Arc<Processors>,
}

/// A component with its grants and limits, ready for instances. Cheap to clone.
#[derive(Clone)]
pub struct Linked {
    inner: Arc<Inner>,
}

struct Inner {
    component: Component,
    pre: InstancePre<HostState>,
    grants: Arc<Grants>,
    limits: Arc<Limits>,
}

impl Linked {
    pub(crate) fn new(component: Component, grants: Grants, limits: Limits) -> Result<Linked, Error> {
        let name = component.name().to_owned();
        for import in component.imports() {
            match import.provision() {
                Provision::Missing { remedy } => {
                    return Err(Error::MissingImport { name, import: import.name.clone(), remedy });
                }
                Provision::Granted { grant, is_given } if !is_given(&grants) => {
                    let (import, grant) = (import.name.clone(), grant.to_owned());
                    return Err(Error::ImportNotGranted { name, import, grant });
                }
                _ => {}
            }
        }
        wasi::check(&grants).map_err(|(grant, message)| Error::BadGrant { name: name.clone(), grant, message })?;
        let pre = component.engine().linker().instantiate_pre(component.compiled()).map_err(|error| {
            Error::MissingImport {
                name,
                import: "an interface of another shape".to_owned(),
                remedy: format!("rebuild the plugin against this Belljar's WIT ({error:#})"),
            }
        })?;
        Ok(Linked { inner: Arc::new(Inner { component, pre, grants: Arc::new(grants), limits: Arc::new(limits) }) })
    }

    /// The component.
    pub fn component(&self) -> &Component {
        &self.inner.component
    }

    /// The grants.
    pub fn grants(&self) -> &Grants {
        &self.inner.grants
    }

    /// Whether both are the same: one component with one set of grants and limits.
    pub fn is_same(&self, other: &Linked) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The same component and grants with another deadline for its calls.
    pub fn with_deadline(&self, deadline: Duration) -> Linked {
        let inner = &*self.inner;
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX).max(1);
        Linked {
            inner: Arc::new(Inner {
                component: inner.component.clone(),
                pre: inner.pre.clone(),
                grants: inner.grants.clone(),
                limits: Arc::new(Limits { deadline_ms, ..(*inner.limits).clone() }),
            }),
        }
    }

    /// Makes an instance. `label` is what the embedder calls the piece of work; events carry it. Runs on a tokio
    /// runtime with timers, since guests give way to one another through it.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] when a start function faults or the component needs more than its limits at the start.
    pub async fn instantiate(&self, services: &Services, label: &str) -> Result<Instance, Error> {
        let fresh = self.inner.component.fresh_memories().clone();
        self.instantiate_planned(fresh, services, label).await
    }

    /// Makes an instance with these memories.
    pub(crate) async fn instantiate_planned(
        &self,
        memories: Arc<[MemoryPlan]>,
        services: &Services,
        label: &str,
    ) -> Result<Instance, Error> {
        let inner = &*self.inner;
        let state = HostState::new(inner.component.shared_name(), label, services, &inner.grants, &inner.limits);
        let mut store = Store::new(inner.component.engine().wasmtime(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(inner.limits.host_call_bytes_max).unwrap_or(usize::MAX));
        store.epoch_deadline_callback(|cx| {
            let state = cx.data();
            if Instant::now() >= state.deadline {
                return Err(raise(FaultKind::Deadline { limit_ms: state.limits.deadline_ms }));
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        // Set before the instantiation, because start functions can spin and call the host too.
        store.set_epoch_deadline(1);
        let give_up = store.data().give_up();
        let instantiation = tokio::time::timeout_at(give_up, inner.pre.instantiate_async(&mut store));
        let (outcome, mappings) = birth::with_memories(memories.clone(), instantiation).await;
        let instance = Fault::check(outcome, store.data())?;
        Ok(Instance::new(self.clone(), store, instance, Attached::new(mappings, &memories)))
    }
}

#[cfg(test)]
mod tests;
