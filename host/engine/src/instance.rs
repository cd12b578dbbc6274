//! A running instance and the calls of its methods.

use std::marker::PhantomData;
use std::sync::Arc;

use tokio::time::error::Elapsed;
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc, Val};

use crate::capability::clock::LogicalTime;
use crate::capability::random::{Random, RandomState};
use crate::capability::{HeldByGuest, HeldObject};
use crate::codec;
use crate::compute::{ComputeState, ComputeUsage};
use crate::fault::{Fault, FaultKind, raise};
use crate::snapshot::attached::Attached;
use crate::state::HostState;
use crate::{Error, Linked};

/// An instance of a component, with a memory of its own. It runs one call at a time. After a fault, or when the
/// future of a call was dropped before its end, it takes no more calls.
pub struct Instance {
    pub(crate) linked: Linked,
    pub(crate) instance: wasmtime::component::Instance,
    pub(crate) gone: bool,
    /// Dropped after the store, which holds the memories too.
    pub(crate) store: Store<HostState>,
    pub(crate) attached: Attached,
}

/// A method with the Rust types of its parameters and results checked once, for many calls on one instance.
pub struct TypedMethod<P, R> {
    name: Arc<str>,
    function: TypedFunc<P, R>,
    types: PhantomData<fn(P) -> R>,
}

impl Instance {
    pub(crate) fn new(
        linked: Linked,
        store: Store<HostState>,
        instance: wasmtime::component::Instance,
        attached: Attached,
    ) -> Instance {
        Instance { linked, instance, gone: false, store, attached }
    }

    /// What the instance was made from.
    pub fn linked(&self) -> &Linked {
        &self.linked
    }

    /// Whether the instance can take calls.
    pub fn is_alive(&self) -> bool {
        !self.gone
    }

    /// Checks the Rust types against a method's signature: a tuple of the parameters, and a tuple of the result,
    /// `()` for none.
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`] with the signature.
    pub fn typed<P, R>(&mut self, method: &str) -> Result<TypedMethod<P, R>, Error>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let export = self.linked.component().export(method)?;
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, export.index).map_err(|error| {
            Error::TypeMismatch {
                method: export.method.name.clone(),
                signature: export.method.signature(),
                message: format!("{error:#}"),
            }
        })?;
        Ok(TypedMethod { name: export.name.clone(), function, types: PhantomData })
    }

    /// Calls a method with Rust types: `call::<(u32, u32), (u32,)>("add", (1, 2))`.
    pub async fn call<P, R>(&mut self, method: &str, params: P) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        self.typed(method)?.call(self, params).await
    }

    /// Calls a method with dynamic values.
    ///
    /// # Errors
    ///
    /// [`Error::Arguments`] when they are not of the parameters' types; the instance is as before. [`Error::Fault`]
    /// when the guest is stopped.
    pub async fn call_values(&mut self, method: &str, arguments: &[Val]) -> Result<Option<Val>, Error> {
        let component = self.linked.component().clone();
        let export = component.export(method)?;
        codec::check_params(arguments, &export.method.params)
            .map_err(|source| Error::Arguments { method: export.method.name.clone(), source })?;
        let function = self.instance.get_func(&mut self.store, export.index);
        let function = function.expect("the index was read off this component, and it is a function's");
        let mut results = vec![Val::Bool(false); usize::from(export.method.result.is_some())];
        let give_up = self.start_call(&export.name)?;
        let call = function.call_async(&mut self.store, arguments, &mut results);
        let outcome = tokio::time::timeout_at(give_up, call).await;
        self.end_call(outcome, give_up).await?;
        Ok(results.pop())
    }

    /// Calls a method with arguments in JSON, and writes its result as JSON; `null` for none.
    pub async fn call_json(&mut self, method: &str, arguments: &serde_json::Value) -> Result<serde_json::Value, Error> {
        let component = self.linked.component().clone();
        let (method, arguments) = component.parse_json(method, arguments)?;
        self.call_values_to_json(&method.name, &arguments).await
    }

    /// Calls a method with dynamic values, and writes its result as JSON; `null` for none.
    pub async fn call_values_to_json(&mut self, method: &str, arguments: &[Val]) -> Result<serde_json::Value, Error> {
        let component = self.linked.component().clone();
        let method = component.method(method)?;
        match (self.call_values(&method.name, arguments).await?, &method.result) {
            (Some(value), Some(ty)) => {
                codec::to_json(&value, ty).map_err(|source| Error::Results { method: method.name.clone(), source })
            }
            _ => Ok(serde_json::Value::Null),
        }
    }

    /// Makes a call written as WAVE, and writes its result as WAVE; empty for none.
    pub async fn call_wave(&mut self, call: &str) -> Result<String, Error> {
        let component = self.linked.component().clone();
        let (method, arguments) = component.parse_wave(call)?;
        match self.call_values(&method.name, &arguments).await? {
            Some(value) => {
                codec::to_wave(&value).map_err(|source| Error::Results { method: method.name.clone(), source })
            }
            None => Ok(String::new()),
        }
    }

    /// Lets the instance reach an object, as an argument of a coming call.
    pub fn give_object(&mut self, object: Arc<dyn HeldObject>) {
        self.store.data_mut().objects.give(object);
    }

    /// Lets the instance reach the objects that a message names.
    ///
    /// # Errors
    ///
    /// [`FaultKind::ObjectsHeld`] when it would hold too many, [`FaultKind::Host`] for an object that has the id of
    /// another one; it is as before then.
    pub fn give_objects(&mut self, objects: Vec<Arc<dyn HeldObject>>) -> Result<(), FaultKind> {
        let state = self.store.data_mut();
        state.objects.give_all(objects, state.limits.objects_held_max)
    }

    /// Gives objects back that the guest held when a snapshot was taken.
    pub fn give_back_objects(&mut self, held: impl IntoIterator<Item = HeldByGuest>) {
        let objects = &mut self.store.data_mut().objects;
        held.into_iter().for_each(|held| objects.give_back(held));
    }

    /// All objects that the guest holds, in the order of their ids: what a snapshot cannot carry.
    pub fn held_objects(&self) -> Vec<HeldByGuest> {
        self.store.data().objects.all()
    }

    /// The sizes of all objects that the guest holds.
    pub fn held_object_bytes(&self) -> u64 {
        self.store.data().objects.bytes()
    }

    /// An object that the instance holds, such as one that a result names.
    pub fn object(&self, id: u64) -> Option<Arc<dyn HeldObject>> {
        self.store.data().objects.get(id).cloned()
    }

    /// What the guest computes with in the host, as it is now: what a snapshot of its memory cannot carry. It shares its
    /// contents with the guest until that changes them. What the guest has on the compute device is as it was when it was
    /// last [settled](Self::settle).
    pub fn compute(&self) -> ComputeState {
        self.store.data().compute.state()
    }

    /// The same, after which what was [settled](Self::settle) is kept for this alone.
    pub fn take_settled(&mut self) -> ComputeState {
        let compute = &mut self.store.data_mut().compute;
        let state = compute.state();
        compute.tensors.forget_settled();
        state
    }

    /// What the guest has had the host compute since the instance was made.
    pub fn compute_usage(&self) -> ComputeUsage {
        self.store.data().compute.usage()
    }

    /// What it computes with takes of memory, the device's too.
    pub fn compute_bytes(&self) -> u64 {
        self.store.data().compute.memory_bytes()
    }

    /// Gives the guest back what it computed with when a snapshot was taken.
    pub fn set_compute(&mut self, state: ComputeState) {
        self.store.data_mut().compute.set_state(state);
    }

    /// Lets the guest see this time from now on instead of the machine's clocks: an actor's time stands still during a
    /// message, so that the message can be replayed.
    pub fn set_time(&mut self, time: LogicalTime) {
        self.store.data_mut().time = Some(time);
    }

    /// Sets the guest's random numbers.
    pub fn set_random(&mut self, state: RandomState) {
        self.store.data_mut().random = Random::from_state(state);
    }

    /// Where the guest's random numbers are; none where they were never set nor used.
    pub fn random(&self) -> Option<RandomState> {
        self.store.data().random.state()
    }

    /// Says whether what calls compute must come to the same again, to the bit, since they may be repeated: tensors are not
    /// computed on a GPU then.
    pub fn set_exact(&mut self, is_exact: bool) {
        self.store.data_mut().compute.is_exact = is_exact;
    }

    /// Says whether calls are repeated that went well once. Limits that depend on how fast the machine is must not stop
    /// them then: log lines are not counted, and the deadline is ten times as far.
    pub fn set_repeating(&mut self, is_repeating: bool) {
        let state = self.store.data_mut();
        state.is_repeating = is_repeating;
        state.log.set_counting(!is_repeating);
    }

    /// The size of its memories together.
    pub fn memory_bytes(&self) -> u64 {
        self.attached.size_bytes()
    }

    /// Ids of all objects that the instance holds.
    pub fn object_ids(&self) -> Vec<u64> {
        self.store.data().objects.ids()
    }

    /// Takes one object away from the instance.
    pub fn forget_object(&mut self, id: u64) {
        self.store.data_mut().objects.forget(id);
    }

    /// Takes all objects away from the instance, which goes on to other work.
    pub fn forget_objects(&mut self) {
        self.store.data_mut().objects.clear();
    }

    /// What the guest tried in its last call that it was not granted, and what to add: worth showing beside an
    /// error that the guest returned.
    pub fn denial(&self) -> Option<String> {
        self.store.data().wasi.denials.first_use().map(|denial| format!("it used {}; {}", denial.what, denial.remedy))
    }

    /// Starts a call and tells when to give it up. The instance counts as gone until [`Self::end_call`], so that a
    /// call whose future was dropped halfway leaves it so.
    fn start_call(&mut self, method: &Arc<str>) -> Result<tokio::time::Instant, Error> {
        if std::mem::replace(&mut self.gone, true) {
            return Err(Error::InstanceGone);
        }
        self.store.set_epoch_deadline(1);
        self.store.data_mut().start_call(method);
        Ok(self.store.data().give_up())
    }

    /// Ends a call: after a value the instance can take another one, after a fault it cannot. It has not ended before what
    /// the guest has queued on the compute device is done, and done well, and what its tape held is given back.
    async fn end_call<T>(
        &mut self,
        outcome: Result<wasmtime::Result<T>, Elapsed>,
        give_up: tokio::time::Instant,
    ) -> Result<T, Error> {
        let value = Fault::check(outcome, self.store.data())?;
        let finished = tokio::time::timeout_at(give_up, self.store.data().compute.finish()).await;
        let finished =
            finished.map(|finished| finished.map_err(|error| raise(FaultKind::Device { message: error.to_string() })));
        Fault::check(finished, self.store.data())?;
        let ended = self.store.data_mut().compute.tensors.end_message();
        if !ended.is_empty() {
            let processors = self.store.data().services.compute.clone();
            let dropped = processors.place().await.run(move |_| drop(ended)).await;
            Fault::check(Ok(dropped), self.store.data())?;
        }
        self.gone = false;
        Ok(value)
    }
}

impl<P, R> TypedMethod<P, R>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    /// Calls the method on the instance that it was made from.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] when the guest is stopped; [`Error::InstanceGone`] when it was stopped before.
    ///
    /// # Panics
    ///
    /// On any other instance: that is a mistake in the program, like an index out of bounds.
    pub async fn call(&self, instance: &mut Instance, params: P) -> Result<R, Error> {
        let give_up = instance.start_call(&self.name)?;
        let call = self.function.call_async(&mut instance.store, params);
        let outcome = tokio::time::timeout_at(give_up, call).await;
        instance.end_call(outcome, give_up).await
    }
}

#[cfg(test)]
mod tests;
