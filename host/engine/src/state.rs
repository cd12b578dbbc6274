//! What the host keeps for one instance: the data of its wasmtime store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::capability::clock::LogicalTime;
use crate::capability::log::SharedLog;
use crate::capability::metrics::Metrics;
use crate::capability::objects::Held;
use crate::capability::random::Random;
use crate::compute::Compute;
use crate::fault::FaultKind;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::link::Services;
use crate::wasi::Wasi;

/// The method's name in what is said of an instance that is still being made.
pub(crate) const INSTANTIATION: &str = "(instantiation)";
/// How much longer than its deadline a call may take that is repeated: 10 times.
const REPEATED_DEADLINE_FACTOR: u64 = 10;
/// How long past its deadline a call may still be inside a host function before it is given up: 250 ms.
const HOST_CALL_GRACE: Duration = Duration::from_millis(250);

/// The host's side of an instance: what capabilities keep, and what limits are counted against.
pub(crate) struct HostState {
    pub plugin: Arc<str>,
    pub method: Arc<str>,
    pub limits: Arc<Limits>,
    pub limiter: Limiter,
    pub services: Services,
    pub log: SharedLog,
    pub metrics: Metrics,
    pub random: Random,
    pub objects: Held,
    pub compute: Compute,
    pub grants: Arc<Grants>,
    pub wasi: Wasi,
    /// When the instance was made: the start of its monotonic clock.
    pub born: Instant,
    /// What the clocks show instead of the machine's.
    pub time: Option<LogicalTime>,
    /// Whether calls are repeated that went well once.
    pub is_repeating: bool,
    /// How often the guest called the host.
    pub host_calls: u64,
    /// When the running call must be over.
    pub deadline: Instant,
}

impl HostState {
    /// The state of a new instance, whose instantiation is its first call.
    pub(crate) fn new(
        plugin: Arc<str>,
        label: &str,
        services: &Services,
        grants: &Arc<Grants>,
        limits: &Arc<Limits>,
    ) -> HostState {
        let now = Instant::now();
        let log = SharedLog::new(plugin.clone(), label.into(), services.events.clone(), limits);
        HostState {
            plugin,
            method: INSTANTIATION.into(),
            limiter: Limiter::new(limits.clone()),
            services: services.clone(),
            wasi: Wasi::new(grants.clone(), log.clone()),
            log,
            metrics: Metrics::default(),
            random: Random::default(),
            objects: Held::default(),
            compute: Compute::new(limits.compute_bytes_max),
            grants: grants.clone(),
            born: now,
            time: None,
            is_repeating: false,
            host_calls: 0,
            deadline: now + Duration::from_millis(limits.deadline_ms),
            limits: limits.clone(),
        }
    }

    /// Starts a call of this method: what was noticed in an earlier one is forgotten.
    pub(crate) fn start_call(&mut self, method: &Arc<str>) {
        let factor = if self.is_repeating { REPEATED_DEADLINE_FACTOR } else { 1 };
        self.deadline = Instant::now() + Duration::from_millis(self.limits.deadline_ms.saturating_mul(factor));
        self.method = method.clone();
        self.limiter.start_call();
        self.log.start_call(method);
        self.wasi.denials.clear();
    }

    /// When a call is given up that is still inside a host function. A guest that computes is stopped by the epoch
    /// within a few milliseconds of its deadline.
    pub(crate) fn give_up(&self) -> tokio::time::Instant {
        (self.deadline + HOST_CALL_GRACE).into()
    }
}

/// Counts memory and tables against the limits, and remembers what it refused: the guest's own reaction to a
/// refusal is usually a panic that says nothing of the cause.
pub(crate) struct Limiter {
    limits: Arc<Limits>,
    /// All memories together. Growth that was allowed and that the machine then could not give stays counted.
    memory_bytes: u64,
    refused: Option<FaultKind>,
}

impl Limiter {
    pub(crate) fn new(limits: Arc<Limits>) -> Limiter {
        Limiter { limits, memory_bytes: 0, refused: None }
    }

    /// What was refused last since the call started, if anything was.
    pub(crate) fn refused(&self) -> Option<FaultKind> {
        self.refused.clone()
    }

    /// Says what the memories have together, where an instance was not given what its component declares.
    pub(crate) fn set_memory_bytes(&mut self, memory_bytes: u64) {
        self.memory_bytes = memory_bytes;
    }

    /// Starts a call: what was refused to an earlier one does not explain what happens in this one.
    pub(crate) fn start_call(&mut self) {
        self.refused = None;
    }
}

impl wasmtime::ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false); // The memory's own maximum, which the plugin's author chose.
        }
        let limit_bytes = self.limits.memory_bytes_max;
        let wanted_bytes = self.memory_bytes.saturating_add(desired.saturating_sub(current) as u64);
        let allowed = wanted_bytes <= limit_bytes;
        if allowed {
            self.memory_bytes = wanted_bytes;
        } else {
            self.refused = Some(FaultKind::Memory { wanted_bytes, limit_bytes });
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let limit = self.limits.table_elements_max;
        let wanted = desired as u64;
        if wanted > limit {
            self.refused = Some(FaultKind::Table { wanted, limit });
        }
        Ok(wanted <= limit)
    }

    fn instances(&self) -> usize {
        self.limits.instances_max as usize
    }

    fn tables(&self) -> usize {
        self.limits.instances_max as usize
    }

    fn memories(&self) -> usize {
        self.limits.instances_max as usize
    }
}
