//! What a kernel may be at most. Kernels that people write stay far below these figures. They are there so that what
//! is plainly too much is an error at once, with the place in the source; a kernel within them that a driver's
//! compiler still can't get through in time (lavapipe's takes time by the square of the branches: a second for 64,
//! a minute for 512) ends with the worker, after the time-out.

/// One limit: what it is of, what it is called, how much it allows.
pub(super) struct Limit {
    pub(super) what: &'static str,
    pub(super) name: &'static str,
    pub(super) max: u64,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $max:expr, $what:literal;)*) => {
        $($(#[$doc])* pub const $name: u64 = $max;)*

        /// The limits as [`Limit`]s, by the same names.
        pub(super) mod limit {
            use super::Limit;
            $(pub(in super::super) const $name: Limit =
                Limit { what: $what, name: stringify!($name), max: super::$name };)*
        }
    };
}

limits! {
    /// Bytes of WGSL source.
    SOURCE_BYTES_MAX = 64 << 10, "bytes of source";
    /// Bytes of an entry point's name.
    ENTRY_POINT_BYTES_MAX = 256, "bytes in the entry point's name";
    /// Statements and expressions of a kernel with every call written out, as drivers do.
    OPERATIONS_MAX = 8 << 10, "operations, with every call written out,";
    /// Branches of a kernel with every call written out; a loop counts as two, since it also ends for want of fuel.
    BRANCHES_MAX = 256, "branches, with every call written out,";
    /// Blocks within blocks.
    NESTING_MAX = 32, "blocks within each other";
    /// Calls within calls.
    CALL_DEPTH_MAX = 32, "calls within each other";
    /// Bytes of `var<private>` and function variables, with every call written out. WGSL promises 8 KiB of each.
    PRIVATE_BYTES_MAX = 16 << 10, "bytes of private memory";
    /// Bytes of a single value, such as an array that is copied whole.
    VALUE_BYTES_MAX = 8 << 10, "bytes in one value";
    /// Bytes of `var<workgroup>`; WebGPU's default.
    WORKGROUP_BYTES_MAX = 16 << 10, "bytes of workgroup memory";
    /// Invocations of a workgroup; WebGPU's default.
    WORKGROUP_INVOCATIONS_MAX = 256, "invocations in a workgroup";
    /// Bind groups: 0, 1 and 2. The fourth one, which is all that WebGPU promises, holds the meter.
    BIND_GROUPS_MAX = 3, "bind groups";
    /// Buffers that one kernel declares.
    BINDINGS_MAX = 24, "bindings";
}
