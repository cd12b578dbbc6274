//! What a guest can ask of the host. Each capability is one file of the same shape: the state that an
//! instance keeps for it, the guest-facing functions, and, where the host must supply something, the trait
//! that an embedding runtime implements. Adding a capability means adding a file, and a line in
//! `add_to_linker`.

pub(crate) mod actors;
pub(crate) mod automaton;
pub(crate) mod clock;
pub(crate) mod compute;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod objects;
pub(crate) mod progress;
pub(crate) mod random;
pub(crate) mod tensor;
pub(crate) mod timers;

use std::pin::Pin;

use wasmtime::component::{HasSelf, Linker};

use crate::state::HostState;

pub use actors::{ActorHost, CallError, CallOutcome, NoActors, Payload};
pub use clock::LogicalTime;
pub use http::{HttpError, HttpHost, HttpOutcome, HttpRequest, HttpResponse};
pub use log::Level;
pub use metrics::MetricKind;
pub use objects::{HeldByGuest, HeldObject, ObjectError, ObjectHost};
pub use random::RandomState;
pub use timers::TimerHost;

/// The guest-facing types and traits, from the contract itself.
pub(crate) mod bindings {
    #![allow(missing_docs)] // Generated from WIT, where every item is documented.
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package belljar:host;
            world capabilities {
                include belljar:plugin/task@0.1.0;
                import belljar:plugin/http@0.1.0;
                import belljar:plugin/actors@0.1.0;
                import belljar:plugin/timers@0.1.0;
                import belljar:plugin/automaton@0.1.0;
                import belljar:plugin/compute@0.1.0;
                import belljar:plugin/tensor@0.1.0;
            }
        ",
        imports: {
            "belljar:plugin/log": trappable,
            "belljar:plugin/random": trappable,
            "belljar:plugin/http": async | trappable,
            "belljar:plugin/actors": async | trappable,
            "belljar:plugin/timers": trappable,
            "belljar:plugin/automaton": async | trappable,
            "belljar:plugin/compute": async | trappable,
            "belljar:plugin/tensor": async | trappable,
        },
    });
}

/// A future that a capability returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that a guest said, passed on as it happens.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A log line.
    Log {
        /// How much it matters.
        level: Level,
        /// The line, already cut to its limit.
        message: &'a str,
    },
    /// How far the call is.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all, if known.
        total: Option<u64>,
        /// What is being done.
        message: &'a str,
    },
    /// A number to gather.
    Metric {
        /// How it is gathered.
        kind: MetricKind,
        /// Its name.
        name: &'a str,
        /// The value.
        value: f64,
    },
}

/// Where events come from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The component.
    pub plugin: &'a str,
    /// The method that is running.
    pub method: &'a str,
    /// What the embedder called this piece of work, such as `AAPL` or `worker-2`; may be empty.
    pub label: &'a str,
}

/// Receives what guests say. It is called on the guest's thread, so it must not block.
pub trait EventSink: Send + Sync {
    /// One event.
    fn event(&self, origin: Origin<'_>, event: Event<'_>);
}

/// Adds every capability of the contract, and WASI, to a linker.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    use bindings::belljar::plugin as contract;
    // Every call of the host goes through here, except those of objects and WASI, which count themselves.
    fn state(state: &mut HostState) -> &mut HostState {
        state.host_calls += 1;
        state
    }
    contract::log::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::progress::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::metrics::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::clock::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::random::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::http::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::actors::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::timers::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::automaton::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::compute::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    contract::tensor::add_to_linker::<_, HasSelf<HostState>>(linker, state)?;
    objects::add_to_linker(linker)?;
    crate::wasi::add_to_linker(linker)
}

#[cfg(test)]
mod tests;
