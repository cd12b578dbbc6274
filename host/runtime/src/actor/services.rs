//! What an actor's guest is given of the host, and what the index is told of an actor.

use std::sync::Arc;

use belljar_engine::Services;
use belljar_engine::capability::{Event, EventSink, HttpHost, ObjectHost, Origin, RandomState};
use belljar_store::ActorEntry;

use super::info::{ActorInfo, ActorStatus};
use super::record::{Settings, Spawned};
use super::requests::Requests;
use super::speaker::Speaker;
use super::voice::Voice;
use crate::Error;

/// The services of one actor's instance.
pub(crate) fn of_actor(shared: &Services, voice: &Arc<Voice>) -> Services {
    let speaker = Arc::new(Speaker(voice.clone()));
    let events = Arc::new(Unrepeated { voice: voice.clone(), events: shared.events.clone() });
    let (objects, http): (Arc<dyn ObjectHost>, Arc<dyn HttpHost>) = match voice.shelf() {
        None => (shared.objects.clone(), shared.http.clone()),
        Some(shelf) => (shelf.clone(), Arc::new(Requests { voice: voice.clone(), http: shared.http.clone() })),
    };
    Services { events, objects, http, actors: speaker.clone(), timers: Some(speaker), compute: shared.compute.clone() }
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
