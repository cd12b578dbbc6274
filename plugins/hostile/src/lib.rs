//! Misbehaves in every way that a limit must stop: each method but the last runs into one. Tests
//! call them to see the limit named, beside a well-behaved call that must not suffer.

use belljar_guest::log;
use belljar_guest::objects::ObjectRef;
use std::hint::black_box;

belljar_guest::plugin!(
    r#"
    package belljar:hostile;

    world hostile {
        include belljar:plugin/task@0.1.0;

        /// Computes for ever.
        export spin: func();
        /// Takes memory without end, and touches every page of it.
        export allocate: func();
        /// Calls itself without end.
        export recurse: func() -> u64;
        /// Writes log lines without end.
        export log-flood: func();
        /// Panics with the message.
        export panic: func(message: string);
        /// Reads an object by a made-up id.
        export read-foreign-object: func(id: u64) -> result<list<u8>, string>;
        /// Adds up the numbers below `n`, as a plugin does that harms nobody.
        export well-behaved: func(n: u32) -> u32;
    }"#
);

/// One step of [`Guest::allocate`]: large enough to reach any limit soon.
const ALLOCATION_BYTES: usize = 1 << 20;

struct Hostile;

impl Guest for Hostile {
    fn spin() {
        let mut turns: u64 = 0;
        loop {
            turns = black_box(turns.wrapping_add(1));
        }
    }

    fn allocate() {
        let mut kept = Vec::new();
        loop {
            // Ones and not zeros: zeroed memory could be had without touching it.
            kept.push(black_box(vec![1_u8; ALLOCATION_BYTES]));
        }
    }

    fn recurse() -> u64 {
        // The compiler must not know that the bottom is out of reach.
        descend(0, black_box(u64::MAX))
    }

    fn log_flood() {
        for line in 0_u64.. {
            log::info!("line {line}");
        }
    }

    fn panic(message: String) {
        panic!("{message}");
    }

    fn read_foreign_object(id: u64) -> Result<Vec<u8>, String> {
        let object = ObjectRef { belljar_object: id };
        object.get().map_err(|error| error.to_string())
    }

    fn well_behaved(n: u32) -> u32 {
        (0..n).fold(0, |sum, number| black_box(sum).wrapping_add(number))
    }
}

/// Goes one frame deeper until the bottom. The rotation after the call keeps the compiler from making
/// a loop of it, and no local needs an address, so that it is the host's stack that runs out and not
/// the part of the guest's memory where Rust keeps such locals.
fn descend(depth: u64, bottom: u64) -> u64 {
    if depth == bottom {
        return 0;
    }
    descend(depth + 1, bottom).rotate_left(1) ^ depth
}

export!(Hostile);
