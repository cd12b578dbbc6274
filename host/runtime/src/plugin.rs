//! A plugin: a component with its grants and limits, in a runtime.

use std::sync::Arc;
use std::time::Duration;

use belljar_engine::capability::HeldObject;
use belljar_engine::{Component, ComponentNamedList, Grants, Instance, Lift, Limits, Linked, Lower};
use serde_json::Value as Json;

use crate::object_ref::Returned;
use crate::task::{self, Input};
use crate::{Error, Pool, PoolOptions, Runtime, Task};

/// A loaded plugin. Cheap to clone. Every call finds a fresh instance, unless it goes through a [`Pool`] that
/// keeps them.
#[derive(Clone)]
pub struct Plugin {
    runtime: Runtime,
    linked: Linked,
}

impl Plugin {
    pub(crate) fn new(runtime: Runtime, linked: Linked) -> Plugin {
        Plugin { runtime, linked }
    }

    /// The component: its name, methods and imports.
    pub fn component(&self) -> &Component {
        self.linked.component()
    }

    /// The same plugin with another deadline for its calls.
    pub fn with_deadline(&self, deadline: Duration) -> Plugin {
        Plugin { runtime: self.runtime.clone(), linked: self.linked.with_deadline(deadline) }
    }

    /// Calls a method with Rust types on a fresh instance: a tuple of the parameters, a tuple of the result. Values
    /// go straight into the guest's memory; nothing is encoded.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] with the fault, or with what does not fit.
    pub async fn call<P, R>(&self, method: &str, params: P) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let (plugin, method) = (self.clone(), method.to_owned());
        let call = async move {
            plugin.with_instance("", async |instance| Ok(instance.call::<P, R>(&method, params).await?)).await
        };
        self.runtime.run(call).await
    }

    /// Calls a method with arguments in JSON: an array, an object by name, or the bare argument of a method that has
    /// one. A `result` comes as `{"ok": …}` or `{"error": …}`.
    pub async fn call_json(&self, method: &str, arguments: &Json) -> Result<Json, Error> {
        let (plugin, method, arguments) = (self.clone(), method.to_owned(), arguments.clone());
        let call = async move {
            plugin.with_instance("", async |instance| Ok(instance.call_json(&method, &arguments).await?)).await
        };
        self.runtime.run(call).await
    }

    /// Makes a call written as WAVE, such as `add(1, 2)`.
    pub async fn call_wave(&self, call: &str) -> Result<String, Error> {
        let (plugin, call) = (self.clone(), call.to_owned());
        let call = async move { plugin.with_instance("", async |instance| Ok(instance.call_wave(&call).await?)).await };
        self.runtime.run(call).await
    }

    /// Puts a task together.
    pub fn task(&self, method: &str) -> Task {
        Task::new(self.clone(), method)
    }

    /// Starts a pool of workers for this plugin.
    pub fn pool(&self, options: PoolOptions) -> Pool {
        Pool::start(self.clone(), options)
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Whether both are the same plugin with the same grants and limits.
    pub(crate) fn is_same(&self, other: &Plugin) -> bool {
        self.linked.is_same(&other.linked)
    }

    /// The same plugin with other grants.
    pub(crate) fn with_grants(&self, grants: Grants) -> Result<Plugin, Error> {
        let linked = self.component().link(grants, self.linked.limits().clone())?;
        Ok(Plugin { runtime: self.runtime.clone(), linked })
    }

    pub(crate) async fn instantiate(&self, label: &str) -> Result<Instance, Error> {
        Ok(self.linked.instantiate(self.runtime.services(), label).await?)
    }

    /// Makes an instance, within the number that may live at once, and works with it. Runs on a guest thread.
    pub(crate) async fn with_instance<T>(
        &self,
        label: &str,
        work: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _permit = self.runtime.admit().await?;
        let mut instance = self.instantiate(label).await?;
        work(&mut instance).await
    }

    /// The plugin's limits.
    pub fn limits(&self) -> &Limits {
        self.linked.limits()
    }

    pub(crate) fn linked(&self) -> &Linked {
        &self.linked
    }

    /// What the plugin was granted.
    pub fn grants(&self) -> &Grants {
        self.linked.grants()
    }

    /// Calls a method with ready inputs, which name these objects, and keeps the objects that its result names.
    pub(crate) async fn perform(
        &self,
        label: &str,
        method: &str,
        inputs: Vec<Input>,
        objects: Vec<Arc<dyn HeldObject>>,
    ) -> Result<Returned, Error> {
        let (plugin, label, method) = (self.clone(), label.to_owned(), method.to_owned());
        let call = async move {
            plugin
                .with_instance(&label, async |instance| {
                    for object in objects {
                        instance.give_object(object);
                    }
                    task::perform(instance, &plugin, &method, inputs).await
                })
                .await
        };
        self.runtime.run(call).await
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plugin").field(&self.component().name()).finish()
    }
}
