//! Faults: how a guest is stopped. Each kind names the limit or the capability that it ran into, so that
//! whoever reads it knows which line of a manifest to change. After a fault the instance is gone.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::time::error::Elapsed;

use crate::state::HostState;

/// Frames of a guest's backtrace that are kept: 32, the innermost ones.
pub const FRAMES_MAX: usize = 32;

/// A guest was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What stopped it.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// The component.
    pub plugin: String,
    /// The method that was running, or `(instantiation)`.
    pub method: String,
    /// The last error that the guest logged or wrote to its standard error before: the panic message of a Rust
    /// plugin, as a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_message: Option<String>,
    /// Where the guest was, innermost frame first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub backtrace: Vec<Frame>,
}

/// One frame of a guest's backtrace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function's name from the component's name section, demangled; its index where it has none.
    pub function: String,
    /// The core module that it is in, if that has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

/// What stopped a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The guest trapped: a panic, an out-of-bounds access, a division by zero.
    #[error("trapped: {message}")]
    Trap {
        /// What the trap was.
        message: String,
    },
    /// The call took longer than its deadline.
    #[error("ran past its deadline of {limit_ms} ms (`deadline_ms`)")]
    Deadline {
        /// The deadline.
        limit_ms: u64,
    },
    /// The call was still inside a host function when its deadline had long passed.
    #[error("was blocked in a host function when its deadline of {limit_ms} ms (`deadline_ms`) had passed")]
    Blocked {
        /// The deadline.
        limit_ms: u64,
    },
    /// The guest wanted more memory than it may have.
    #[error("wanted {wanted_bytes} bytes of memory and may have {limit_bytes} (`memory_bytes_max`)")]
    Memory {
        /// What all its memories together would have had.
        wanted_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The guest wanted a larger table than it may have.
    #[error("wanted a table of {wanted} elements and may have {limit} (`table_elements_max`)")]
    Table {
        /// What the table would have had.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// The component consists of more instances, memories or tables than it may.
    #[error("consists of more than {limit} instances, memories or tables (`instances_max`)")]
    Instances {
        /// The limit.
        limit: u32,
    },
    /// The guest recursed too deeply.
    #[error("used up its stack of {limit_bytes} bytes")]
    Stack {
        /// The size of a guest's stack.
        limit_bytes: u64,
    },
    /// The guest wrote too many log lines.
    #[error("wrote more than {limit} log lines in a second (`log_lines_per_second_max`)")]
    LogRate {
        /// The limit.
        limit: u32,
    },
    /// The guest handed the host more data in one call than it may.
    #[error(
        "handed the host more than {limit_bytes} bytes in one call (`host_call_bytes_max`); put large data into objects in parts"
    )]
    HostCallSize {
        /// The limit.
        limit_bytes: u64,
    },
    /// The guest holds too many objects.
    #[error("holds {limit} objects already (`objects_held_max`); free what is no longer needed")]
    ObjectsHeld {
        /// The limit.
        limit: u32,
    },
    /// The guest put more bytes into objects than it may.
    #[error("put more than {limit_bytes} bytes into objects (`object_bytes_max`); free what is no longer needed")]
    ObjectBytes {
        /// The limit.
        limit_bytes: u64,
    },
    /// The guest used what it was not granted, and did not get over it.
    #[error("used what it was not granted: {what}; {remedy}")]
    NotGranted {
        /// What it did.
        what: String,
        /// The line to add.
        remedy: String,
    },
    /// The guest asked a capability for something that it never gives.
    #[error("misused a capability: {message}")]
    Misuse {
        /// What it asked for, and the limit.
        message: String,
    },
    /// The guest ended itself through WASI.
    #[error("exited with status {status}")]
    Exit {
        /// Its exit status.
        status: i32,
    },
    /// Work failed that the guest had left to the compute device: that it had queued and not waited for, or, where the call
    /// may have to be repeated, that it had asked for by name.
    #[error("the compute device failed at what the call left to it: {message}")]
    Device {
        /// How.
        message: String,
    },
    /// The host failed, through no fault of the guest.
    #[error("the host failed: {message}")]
    Host {
        /// How.
        message: String,
    },
}

impl FaultKind {
    /// The fault's short name, as it stands in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::Trap { .. } => "trap",
            FaultKind::Deadline { .. } => "deadline",
            FaultKind::Blocked { .. } => "blocked",
            FaultKind::Memory { .. } => "memory",
            FaultKind::Table { .. } => "table",
            FaultKind::Instances { .. } => "instances",
            FaultKind::Stack { .. } => "stack",
            FaultKind::LogRate { .. } => "log_rate",
            FaultKind::HostCallSize { .. } => "host_call_size",
            FaultKind::ObjectsHeld { .. } => "objects_held",
            FaultKind::ObjectBytes { .. } => "object_bytes",
            FaultKind::NotGranted { .. } => "not_granted",
            FaultKind::Misuse { .. } => "misuse",
            FaultKind::Exit { .. } => "exit",
            FaultKind::Device { .. } => "device",
            FaultKind::Host { .. } => "host",
        }
    }
}

impl Fault {
    /// Whether the same call may succeed when it is tried again. A trap may (the guest may depend on the clock
    /// or on chance), a deadline may, a limit or a missing grant will not go away by itself.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Trap { .. }
                | FaultKind::Deadline { .. }
                | FaultKind::Blocked { .. }
                | FaultKind::Exit { .. }
                | FaultKind::Host { .. }
        )
    }

    /// What a call came to: a value, an error of wasmtime's, or nothing before it was given up.
    pub(crate) fn check<T>(outcome: Result<wasmtime::Result<T>, Elapsed>, state: &HostState) -> Result<T, Box<Fault>> {
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                Err(Box::new(Fault { backtrace: backtrace_of(&error), ..Fault::new(kind_of(&error, state), state) }))
            }
            Err(_elapsed) => {
                Err(Box::new(Fault::new(FaultKind::Blocked { limit_ms: state.limits.deadline_ms }, state)))
            }
        }
    }

    /// A fault before there is an instance.
    pub(crate) fn at_instantiation(kind: FaultKind, plugin: &str) -> Fault {
        let (plugin, method) = (plugin.to_owned(), crate::state::INSTANTIATION.to_owned());
        Fault { kind, plugin, method, guest_message: None, backtrace: Vec::new() }
    }

    fn new(kind: FaultKind, state: &HostState) -> Fault {
        Fault {
            kind,
            plugin: state.plugin.to_string(),
            method: state.method.to_string(),
            guest_message: state.log.last_error(),
            backtrace: Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {} {}", self.method, self.plugin, self.kind)?;
        if let Some(message) = &self.guest_message {
            write!(f, "; its last words: {message}")?;
        }
        if !self.backtrace.is_empty() {
            let names: Vec<&str> = self.backtrace.iter().take(4).map(|frame| frame.function.as_str()).collect();
            write!(f, "; in {}", names.join(" < "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// A fault that a host function raises; it travels through wasmtime as the cause of a trap.
#[derive(Debug)]
pub(crate) struct Raised(pub FaultKind);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Raised {}

/// An error for wasmtime that stops the guest with this fault.
pub(crate) fn raise(kind: FaultKind) -> wasmtime::Error {
    wasmtime::Error::new(Raised(kind))
}

/// Reads the kind off the error that wasmtime returned, and off what the instance's host state noticed before: a
/// guest whose `memory.grow` was refused, or whose file could not be opened, usually goes on to panic, and the panic
/// is then only the consequence.
fn kind_of(error: &wasmtime::Error, state: &HostState) -> FaultKind {
    if let Some(Raised(kind)) = error.downcast_ref::<Raised>() {
        return kind.clone();
    }
    if let Some(wasmtime_wasi::I32Exit(status)) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return FaultKind::Exit { status: *status };
    }
    let trap = error.downcast_ref::<wasmtime::Trap>();
    if trap == Some(&wasmtime::Trap::StackOverflow) {
        return FaultKind::Stack { limit_bytes: crate::limits::STACK_BYTES_MAX as u64 };
    }
    if let Some(refused) = state.limiter.refused() {
        return refused;
    }
    let message = error.root_cause().to_string();
    // The types of these two errors are private to wasmtime; tests hold the texts against the real thing.
    if message.contains("fuel allocated for hostcalls") {
        return FaultKind::HostCallSize { limit_bytes: state.limits.host_call_bytes_max };
    }
    if message.contains("resource limit exceeded") {
        return FaultKind::Instances { limit: state.limits.instances_max };
    }
    if let Some(denial) = state.wasi.denials.first() {
        return FaultKind::NotGranted { what: denial.what, remedy: denial.remedy };
    }
    let message = trap.map_or(message, wasmtime::Trap::to_string);
    FaultKind::Trap { message: message.trim_start_matches("wasm trap: ").to_owned() }
}

fn backtrace_of(error: &wasmtime::Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() else {
        return Vec::new();
    };
    backtrace
        .frames()
        .iter()
        .take(FRAMES_MAX)
        .map(|frame| {
            let symbol = frame.symbols().first().and_then(|symbol| symbol.name());
            let function = match symbol.or(frame.func_name()) {
                Some(name) => demangled(name),
                None => format!("function {}", frame.func_index()),
            };
            Frame { function, module: frame.module().name().map(str::to_owned) }
        })
        .collect()
}

/// A Rust name without the hash that the compiler appends.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests;
