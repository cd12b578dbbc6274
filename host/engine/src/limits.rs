//! What one instance may use. Every limit has a default with a name, a configuration key of the same name,
//! and a test that reaches it.

use serde::{Deserialize, Serialize};

/// Linear memory of one instance, all its memories together: 256 MiB.
pub const MEMORY_BYTES_MAX: u64 = 256 << 20;
/// Elements of one table: 100,000.
pub const TABLE_ELEMENTS_MAX: u64 = 100_000;
/// Core instances, memories and tables that one component instance may consist of: 100 each. A Python
/// component has about 30.
pub const INSTANCES_MAX: u32 = 100;
/// Time that one call may take: 60 s.
pub const DEADLINE_MS: u64 = 60_000;
/// Bytes of one log line: 8 KiB; the rest of the line is cut off.
pub const LOG_LINE_BYTES_MAX: u32 = 8 << 10;
/// Log lines in one second: 1,000; one more is a fault.
pub const LOG_LINES_PER_SECOND_MAX: u32 = 1_000;
/// Bytes that a guest may hand to the host in one call of a host function: 128 MiB.
pub const HOST_CALL_BYTES_MAX: u64 = 128 << 20;
/// Objects that one instance may hold at a time: 10,000.
pub const OBJECTS_HELD_MAX: u32 = 10_000;
/// Bytes that the objects which one instance put may have together: 1 GiB. What it frees does not count.
pub const OBJECT_BYTES_MAX: u64 = 1 << 30;
/// Bytes of the host's memory that what one instance computes with may take, such as its boards: 1 GiB.
pub const COMPUTE_BYTES_MAX: u64 = 1 << 30;
/// Names of metrics that one instance may use: 256.
pub const METRIC_NAMES_MAX: u32 = 256;
/// Stack of a guest: 512 KiB. One value for the whole engine, because it is part of the compiled code.
pub const STACK_BYTES_MAX: usize = 512 << 10;

/// The limits of an instance. A missing key keeps its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Linear memory in bytes, all memories of the instance together.
    pub memory_bytes_max: u64,
    /// Elements of any one table.
    pub table_elements_max: u64,
    /// Core instances, memories and tables, each.
    pub instances_max: u32,
    /// Time of a call in milliseconds. Instantiation is a call of its own.
    pub deadline_ms: u64,
    /// Bytes of a log line.
    pub log_line_bytes_max: u32,
    /// Log lines per second.
    pub log_lines_per_second_max: u32,
    /// Bytes that one call of a host function may carry out of the guest.
    pub host_call_bytes_max: u64,
    /// Objects held at a time.
    pub objects_held_max: u32,
    /// Bytes of the objects that it put and holds.
    pub object_bytes_max: u64,
    /// Bytes that what it computes with in the host may take.
    pub compute_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes_max: MEMORY_BYTES_MAX,
            table_elements_max: TABLE_ELEMENTS_MAX,
            instances_max: INSTANCES_MAX,
            deadline_ms: DEADLINE_MS,
            log_line_bytes_max: LOG_LINE_BYTES_MAX,
            log_lines_per_second_max: LOG_LINES_PER_SECOND_MAX,
            host_call_bytes_max: HOST_CALL_BYTES_MAX,
            objects_held_max: OBJECTS_HELD_MAX,
            object_bytes_max: OBJECT_BYTES_MAX,
            compute_bytes_max: COMPUTE_BYTES_MAX,
        }
    }
}

#[cfg(test)]
mod tests;
