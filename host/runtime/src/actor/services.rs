//! What an actor's guest is given of the host, and what the index is told of an actor.

use std::sync::Arc;

use belljar_engine::Services;
use belljar_engine::capability::{
    BoxFuture, Event, EventSink, HeldObject, HttpError, HttpHost, HttpRequest, HttpResponse, ObjectError, ObjectHost,
    Origin, RandomState,
};
use belljar_store::ActorEntry;

use super::Durability;
use super::info::{ActorInfo, ActorStatus};
use super::record::{Settings, Spawned};
use super::voice::{Speaker, Voice};
use crate::Error;

/// The services of one actor's instance.
pub(crate) fn of_actor(shared: &Services, voice: &Arc<Voice>, durability: Durability) -> Services {
    let speaker = Arc::new(Speaker(voice.clone()));
    let events = Arc::new(Unrepeated { voice: voice.clone(), events: shared.events.clone() });
    let (objects, http): (Arc<dyn ObjectHost>, Arc<dyn HttpHost>) = match durability {
        Durability::Volatile => (shared.objects.clone(), shared.http.clone()),
        _ => (Arc::new(NotKept), Arc::new(NotRecorded)),
    };
    Services { events, objects, http, actors: speaker.clone(), timers: Some(speaker) }
}

/// Passes on what a guest says, but for what it says again in a replay.
struct Unrepeated {
    voice: Arc<Voice>,
    events: Arc<dyn EventSink>,
}

impl EventSink for Unrepeated {
    fn event(&self, origin: Origin<'_>, event: Event<'_>) {
        if !self.voice.kept().is_past {
            self.events.event(origin, event);
        }
    }
}

/// Objects of this process do not outlive it, so an actor that does cannot have any.
struct NotKept;

impl ObjectHost for NotKept {
    fn put(&self, _: Arc<[u8]>) -> Result<Arc<dyn HeldObject>, ObjectError> {
        let reason =
            "an actor that outlives the process cannot put objects, which do not; return the data, or be volatile";
        Err(ObjectError::Storage(reason.to_owned()))
    }
}

/// A request would be sent again by a replay, whose answer might be another.
struct NotRecorded;

impl HttpHost for NotRecorded {
    fn origin_of(&self, url: &str) -> Result<String, String> {
        crate::http::normal_origin(url)
    }

    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let reason = "an actor that is replayed cannot send requests; have a task send them, or be volatile";
        Box::pin(async move { Err(HttpError::Connection(reason.to_owned())) })
    }
}

/// The seed of a new incarnation.
pub(crate) fn fresh_seed() -> Result<[u8; 32], Error> {
    let fresh = RandomState::fresh();
    Ok(fresh.map_err(|error| Error::Setup(format!("the operating system gives no random numbers: {error}")))?.seed)
}

/// What a list shows of an actor that is not awake.
pub(crate) fn info_of(spawned: &Spawned, settings: &Settings) -> ActorInfo {
    ActorInfo {
        name: spawned.name.clone(),
        plugin: spawned.plugin.clone(),
        component: spawned.digest().to_string(),
        durability: settings.options.durability,
        checkpoint: settings.options.checkpoint.to_string(),
        status: ActorStatus::Running,
        incarnation: spawned.incarnation,
        born_ns: spawned.born_ns,
        awake: None,
    }
}

/// Whether the actor of an entry takes calls.
pub(crate) fn status_of(entry: &ActorEntry) -> ActorStatus {
    listed(entry).map(|info| info.status).unwrap_or_default()
}

/// What the index knows of an actor.
pub(crate) fn listed(entry: &ActorEntry) -> Option<ActorInfo> {
    serde_json::from_str(entry.status.as_deref()?).ok()
}
