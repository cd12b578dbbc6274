//! Services with nothing behind them, for components that call no host function, or whose calls of one do not matter.

use std::sync::Arc;

use belljar::compute::DeviceConfig;
use belljar::engine::capability::{
    BoxFuture, Event, EventSink, HeldObject, HttpError, HttpHost, HttpOutcome, HttpRequest, NoActors, ObjectError,
    ObjectHost, Origin,
};
use belljar::engine::{Processors, Services};

/// Services that keep nothing and reach nobody.
pub fn no_services() -> Services {
    let nothing = Arc::new(Nothing);
    Services {
        events: nothing.clone(),
        objects: nothing.clone(),
        http: nothing,
        actors: Arc::new(NoActors),
        timers: None,
        compute: Arc::new(Processors::new(1, DeviceConfig::default())),
    }
}

struct Nothing;

impl EventSink for Nothing {
    fn event(&self, _origin: Origin<'_>, _event: Event<'_>) {}
}

impl ObjectHost for Nothing {
    fn put(&self, _bytes: Arc<[u8]>) -> Result<Arc<dyn HeldObject>, ObjectError> {
        Err(ObjectError::Full("there is no store in this benchmark".to_owned()))
    }
}

impl HttpHost for Nothing {
    fn origin_of(&self, url: &str) -> Result<String, String> {
        Err(format!("{url} is not reachable"))
    }
    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, HttpOutcome> {
        Box::pin(async { Ok(Err(HttpError::Connection("there is no network in this benchmark".to_owned()))) })
    }
}
