//! What the tests of this crate share: hosts that keep what they are told, components in WebAssembly text, and
//! arbitrary types and values.

pub(crate) mod values;
pub(crate) mod wat;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::capability::{
    BoxFuture, Event, EventSink, HeldObject, HttpHost, HttpOutcome, HttpRequest, HttpResponse, NoActors, ObjectError,
    ObjectHost, Origin,
};
use crate::{Component, Engine, EngineOptions, Error, FaultKind, Grants, Instance, Limits, Linked, Services};

/// An engine without a cache.
pub(crate) fn engine() -> Engine {
    Engine::new(&EngineOptions::default()).expect("this machine runs the engine")
}

/// A component named `guest` from WebAssembly text.
pub(crate) fn component(text: &str) -> Component {
    try_component(text).expect("the component loads")
}

/// The same, for a component that is refused.
pub(crate) fn try_component(text: &str) -> Result<Component, Error> {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    engine().load_bytes("guest", &bytes)
}

/// A component ready for instances, without a grant.
pub(crate) fn linked(text: &str, limits: Limits) -> Linked {
    component(text).link(Grants::default(), limits).expect("it imports nothing that needs a grant")
}

/// An instance with the default limits, and what it says.
pub(crate) async fn instance(text: &str) -> (Instance, Arc<Heard>) {
    instance_within(text, Limits::default()).await
}

/// An instance with other limits, and what it says.
pub(crate) async fn instance_within(text: &str, limits: Limits) -> (Instance, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let services = Services { events: heard.clone(), ..services() };
    let instance = linked(text, limits).instantiate(&services, "label").await.expect("it can be instantiated");
    (instance, heard)
}

/// Hosts of which only the objects do anything.
pub(crate) fn services() -> Services {
    Services {
        events: Arc::new(Heard::default()),
        objects: Arc::new(Objects::default()),
        http: Arc::new(SilentHttp),
        actors: Arc::new(NoActors),
        timers: None,
        compute: Arc::new(crate::Processors::new(2, crate::compute::DeviceConfig::default())),
    }
}

/// The fault in a result that has to be one.
#[track_caller]
pub(crate) fn fault<T>(result: Result<T, Error>) -> FaultKind {
    match result {
        Err(Error::Fault(fault)) => fault.kind,
        Err(other) => panic!("expected a fault, got the error: {other}"),
        Ok(_) => panic!("expected a fault, got a value"),
    }
}

/// Keeps every event as a line of text: who says it, and what.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    /// What was said so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test panics in it").clone()
    }
}

impl EventSink for Heard {
    fn event(&self, origin: Origin<'_>, event: Event<'_>) {
        let line = format!("{}/{}/{}: {event:?}", origin.plugin, origin.method, origin.label);
        self.0.lock().expect("no test panics in it").push(line);
    }
}

/// Keeps objects in memory, whose ids start at 100.
pub(crate) struct Objects {
    next_id: AtomicU64,
    object_bytes_max: usize,
}

impl Default for Objects {
    fn default() -> Self {
        Objects::with_room_for(usize::MAX)
    }
}

impl Objects {
    pub(crate) fn with_room_for(object_bytes_max: usize) -> Objects {
        Objects { next_id: AtomicU64::new(100), object_bytes_max }
    }

    pub(crate) fn store(&self, bytes: &[u8], in_memory: bool) -> Arc<dyn HeldObject> {
        Arc::new(Object { id: self.next_id.fetch_add(1, Ordering::Relaxed), bytes: bytes.into(), in_memory })
    }
}

impl ObjectHost for Objects {
    fn put(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn HeldObject>, ObjectError> {
        if bytes.len() > self.object_bytes_max {
            return Err(ObjectError::Full("object_bytes_max".to_owned()));
        }
        Ok(self.store(&bytes, true))
    }
}

struct Object {
    id: u64,
    bytes: Arc<[u8]>,
    in_memory: bool,
}

impl HeldObject for Object {
    fn id(&self) -> u64 {
        self.id
    }

    fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn in_memory(&self) -> bool {
        self.in_memory
    }

    fn read(&self) -> Result<Arc<[u8]>, ObjectError> {
        Ok(self.bytes.clone())
    }

    fn read_range(&self, offset: u64, length: u64) -> Result<Arc<[u8]>, ObjectError> {
        Ok(self.bytes[offset as usize..(offset + length) as usize].into())
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }
}

/// Takes the start of a URL up to the path as its origin, and never answers.
pub(crate) struct SilentHttp;

impl HttpHost for SilentHttp {
    fn origin_of(&self, url: &str) -> Result<String, String> {
        origin_of(url)
    }

    fn send(&self, _: HttpRequest) -> BoxFuture<'_, HttpOutcome> {
        Box::pin(std::future::pending())
    }
}

/// Answers every request with 200 and these bytes.
pub(crate) struct EchoHttp(pub(crate) Vec<u8>);

impl HttpHost for EchoHttp {
    fn origin_of(&self, url: &str) -> Result<String, String> {
        origin_of(url)
    }

    fn send(&self, _: HttpRequest) -> BoxFuture<'_, HttpOutcome> {
        let body = Objects::default().store(&self.0, true);
        Box::pin(async move { Ok(Ok(HttpResponse { status: 200, headers: Vec::new(), body })) })
    }
}

fn origin_of(url: &str) -> Result<String, String> {
    let parts: Vec<&str> = url.splitn(4, '/').collect();
    if parts.len() < 3 { Err(format!("{url} is not a URL")) } else { Ok(parts[..3].join("/")) }
}
