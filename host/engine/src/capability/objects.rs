//! `belljar:plugin/objects`: large immutable data by reference. An instance can reach what it was given and
//! what it put, and nothing else, however it comes by an id.
//!
//! The functions are written by hand instead of through the generated trait, because only so is a body
//! copied once: the guest's bytes go straight into the stored buffer, and a stored buffer straight into the
//! guest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmList};

use super::bindings::belljar::plugin::objects::{Error as GuestError, ObjectRef};
use crate::fault::{FaultKind, raise};
use crate::state::HostState;

/// Why the host could not store or read an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// There is no room.
    #[error("{0}")]
    Full(String),
    /// Reading or writing failed.
    #[error("{0}")]
    Storage(String),
}

/// Keeps objects. The embedding runtime implements it.
pub trait ObjectHost: Send + Sync {
    /// Stores these bytes.
    fn put(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn HeldObject>, ObjectError>;
}

/// An object that somebody holds. It lives until the last holder drops it.
pub trait HeldObject: Send + Sync + 'static {
    /// Its id, unique within the runtime.
    fn id(&self) -> u64;
    /// Its size in bytes.
    fn size_bytes(&self) -> u64;
    /// Whether its bytes are in memory, so that reading them does not block.
    fn in_memory(&self) -> bool;
    /// All its bytes.
    fn read(&self) -> Result<Arc<[u8]>, ObjectError>;
    /// The bytes of a range, which the caller has checked to be inside the object.
    fn read_range(&self, offset: u64, length: u64) -> Result<Arc<[u8]>, ObjectError>;
    /// Whether an object of the same id is this one. Where ids are made of content, two contents may come to have one.
    fn is_same(&self, other: &Arc<dyn HeldObject>) -> bool {
        self.id() == other.id()
    }
    /// Whether a guest that cannot read it must be stopped. One that is replayed may find another time that it can,
    /// and must not have gone on with an error.
    fn must_be_readable(&self) -> bool {
        false
    }
    /// The object as what its keeper made it, so that the keeper can take it back.
    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync>;
}

/// An object that an instance holds.
#[derive(Clone)]
pub struct HeldByGuest {
    /// The object.
    pub object: Arc<dyn HeldObject>,
    /// How often the instance has got it: so often it has to free it. The same bytes may be the same object.
    pub times: u32,
    /// Whether the guest put it itself, so that it counts against the limit of what it may put.
    pub is_own: bool,
}

/// The objects that an instance holds.
#[derive(Default)]
pub(crate) struct Held {
    objects: HashMap<u64, HeldByGuest>,
    /// The sizes of those that the instance put itself: what it was given is the giver's to account for.
    put_bytes: u64,
    /// The sizes of all.
    bytes: u64,
}

impl Held {
    /// Lets the instance reach an object, which counts for whoever gives it.
    pub(crate) fn give(&mut self, object: Arc<dyn HeldObject>) {
        self.add(HeldByGuest { object, times: 1, is_own: false });
    }

    /// Gives an object back that the instance held in an earlier life.
    pub(crate) fn give_back(&mut self, held: HeldByGuest) {
        self.add(held);
    }

    /// Lets the instance reach all of these objects, or none.
    pub(crate) fn give_all(&mut self, objects: Vec<Arc<dyn HeldObject>>, limit: u32) -> Result<(), FaultKind> {
        let known = |object: &Arc<dyn HeldObject>| self.objects.get(&object.id());
        let new = objects.iter().filter(|object| known(object).is_none()).count();
        if self.objects.len().saturating_add(new) > limit as usize {
            return Err(FaultKind::ObjectsHeld { limit });
        }
        if objects.iter().any(|object| known(object).is_some_and(|held| !held.object.is_same(object))) {
            let message = "the object has the id of another one, which the instance holds".to_owned();
            return Err(FaultKind::Host { message });
        }
        objects.into_iter().for_each(|object| self.give(object));
        Ok(())
    }

    /// All that the instance holds, in the order of their ids.
    pub(crate) fn all(&self) -> Vec<HeldByGuest> {
        let mut all: Vec<_> = self.objects.iter().collect();
        all.sort_unstable_by_key(|(id, _)| **id);
        all.into_iter().map(|(_, held)| held.clone()).collect()
    }

    /// The sizes of all that the instance holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// An object that the instance holds.
    pub(crate) fn get(&self, id: u64) -> Option<&Arc<dyn HeldObject>> {
        self.objects.get(&id).map(|held| &held.object)
    }

    /// Whether the instance may come to hold one more object.
    pub(crate) fn check_room(&self, limit: u32) -> Result<(), FaultKind> {
        if self.objects.len() < limit as usize { Ok(()) } else { Err(FaultKind::ObjectsHeld { limit }) }
    }

    /// Whether the instance may put an object of this size.
    fn check_bytes(&self, size_bytes: u64, limit_bytes: u64) -> Result<(), FaultKind> {
        if self.put_bytes.saturating_add(size_bytes) <= limit_bytes {
            Ok(())
        } else {
            Err(FaultKind::ObjectBytes { limit_bytes })
        }
    }

    /// Ids of what the instance holds.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.objects.keys().copied().collect()
    }

    /// Takes an object away, if the instance holds it.
    pub(crate) fn forget(&mut self, id: u64) {
        if let Some(held) = self.objects.remove(&id) {
            self.bytes -= held.object.size_bytes();
            self.put_bytes -= if held.is_own { held.object.size_bytes() } else { 0 };
        }
    }

    /// Takes all objects away: the instance goes on to other work.
    pub(crate) fn clear(&mut self) {
        *self = Held::default();
    }

    fn add(&mut self, added: HeldByGuest) {
        let size_bytes = added.object.size_bytes();
        match self.objects.entry(added.object.id()) {
            Entry::Occupied(mut held) => {
                let held = held.get_mut();
                held.times = held.times.saturating_add(added.times);
                self.put_bytes += if added.is_own && !held.is_own { size_bytes } else { 0 };
                held.is_own |= added.is_own;
            }
            Entry::Vacant(place) => {
                self.bytes += size_bytes;
                self.put_bytes += if added.is_own { size_bytes } else { 0 };
                place.insert(added);
            }
        }
    }

    /// The instance needs an object no more, once for each time that it has got it.
    fn free(&mut self, object: ObjectRef) -> Result<(), GuestError> {
        let id = object.belljar_object;
        let held = self.objects.get_mut(&id).ok_or(GuestError::Unknown(id))?;
        held.times -= 1;
        if held.times == 0 {
            self.forget(id);
        }
        Ok(())
    }

    fn find(&self, object: ObjectRef) -> Result<Arc<dyn HeldObject>, GuestError> {
        self.get(object.belljar_object).cloned().ok_or(GuestError::Unknown(object.belljar_object))
    }
}

impl From<ObjectError> for GuestError {
    fn from(error: ObjectError) -> GuestError {
        match error {
            ObjectError::Full(message) => GuestError::Full(message),
            ObjectError::Storage(message) => GuestError::Storage(message),
        }
    }
}

type Cx<'a> = StoreContextMut<'a, HostState>;

pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut objects = linker.instance("belljar:plugin/objects@0.1.0")?;
    objects.func_wrap("put", |mut cx: Cx<'_>, (bytes,): (WasmList<u8>,)| {
        let bytes: Arc<[u8]> = bytes.as_le_slice(&cx).into();
        Ok((put(cx.data_mut(), bytes)?,))
    })?;
    objects.func_wrap("put-f32", |mut cx: Cx<'_>, (values,): (WasmList<f32>,)| {
        let values = values.iter(&mut cx)?.collect::<wasmtime::Result<Vec<f32>>>()?;
        let bytes: Arc<[u8]> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Ok((put(cx.data_mut(), bytes)?,))
    })?;
    objects.func_wrap_async("get", |mut cx: Cx<'_>, (object,): (ObjectRef,)| {
        let object = find(&mut cx, object);
        Box::new(async move { Ok((read(object, None).await?,)) })
    })?;
    objects.func_wrap_async("slice", |mut cx: Cx<'_>, (object, offset, length): (ObjectRef, u64, u64)| {
        let object = find(&mut cx, object);
        Box::new(async move { Ok((read(object, Some((offset, length))).await?,)) })
    })?;
    objects.func_wrap_async("get-f32", |mut cx: Cx<'_>, (object,): (ObjectRef,)| {
        let object = find(&mut cx, object);
        Box::new(async move { Ok((read(object, None).await?.and_then(floats),)) })
    })?;
    objects.func_wrap("size", |mut cx: Cx<'_>, (object,): (ObjectRef,)| {
        Ok((find(&mut cx, object).map(|object| object.size_bytes()),))
    })?;
    objects.func_wrap("free", |mut cx: Cx<'_>, (object,): (ObjectRef,)| {
        let state = cx.data_mut();
        state.host_calls += 1;
        Ok((state.objects.free(object),))
    })
}

fn find(cx: &mut Cx<'_>, object: ObjectRef) -> Result<Arc<dyn HeldObject>, GuestError> {
    let state = cx.data_mut();
    state.host_calls += 1;
    state.objects.find(object)
}

fn put(state: &mut HostState, bytes: Arc<[u8]>) -> wasmtime::Result<Result<ObjectRef, GuestError>> {
    state.host_calls += 1;
    let size_bytes = bytes.len() as u64;
    state.objects.check_room(state.limits.objects_held_max).map_err(raise)?;
    state.objects.check_bytes(size_bytes, state.limits.object_bytes_max).map_err(raise)?;
    let put = state.services.objects.put(bytes).map_err(GuestError::from);
    Ok(put.map(|object| {
        let belljar_object = object.id();
        state.objects.give_back(HeldByGuest { object, times: 1, is_own: true });
        ObjectRef { belljar_object }
    }))
}

/// Reads on this thread what is in memory, and elsewhere what has to come from disk.
async fn read(
    object: Result<Arc<dyn HeldObject>, GuestError>,
    range: Option<(u64, u64)>,
) -> wasmtime::Result<Result<Arc<[u8]>, GuestError>> {
    let object = match object {
        Ok(object) => object,
        Err(error) => return Ok(Err(error)),
    };
    if let Some((offset, length)) = range
        && offset.checked_add(length).is_none_or(|end| end > object.size_bytes())
    {
        return Ok(Err(GuestError::OutOfRange(object.size_bytes())));
    }
    let must_be_readable = object.must_be_readable();
    let work = move |object: &dyn HeldObject| match range {
        Some((offset, length)) => object.read_range(offset, length),
        None => object.read(),
    };
    let read = if object.in_memory() {
        work(&*object)
    } else {
        let read = tokio::task::spawn_blocking(move || work(&*object)).await;
        read.unwrap_or_else(|error| Err(ObjectError::Storage(error.to_string())))
    };
    match read {
        Err(error) if must_be_readable => Err(raise(FaultKind::Host { message: error.to_string() })),
        read => Ok(read.map_err(GuestError::from)),
    }
}

fn floats(bytes: Arc<[u8]>) -> Result<Vec<f32>, GuestError> {
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(GuestError::OutOfRange(bytes.len() as u64));
    }
    Ok(floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
}

// The generated types are used with hand-written functions; this says at compile time that they can be.
const _: () = {
    const fn carries<T: ComponentType + Lift + Lower>() {}
    carries::<ObjectRef>();
    carries::<GuestError>();
};

#[cfg(test)]
mod tests;
