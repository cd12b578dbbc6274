//! Components that keep state in every place where one can, for tests of completeness: a component that goes on from
//! a snapshot must answer as if nothing had happened.
//!
//! Each exports `bump: func() -> u64`, changes its state at every call, and returns a number that depends on how
//! often it was called.

/// A component and what is to be expected of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// What it is about.
    pub(crate) name: &'static str,
    /// The component as text.
    pub(crate) text: &'static str,
}

/// Components whose state is all in memories and numeric globals.
pub(crate) const SNAPSHOTABLE: &[Sample] = &[
    Sample { name: "memory", text: MEMORY },
    Sample { name: "memory that grows", text: GROWN_MEMORY },
    Sample { name: "memory of 64 bits", text: MEMORY_64 },
    Sample { name: "several memories", text: MEMORIES },
    Sample { name: "imported memory and global", text: IMPORTED },
    Sample { name: "globals of every type", text: GLOBALS },
    Sample { name: "module instantiated twice", text: TWICE },
    Sample { name: "nested components", text: NESTED },
    Sample { name: "passive data", text: PASSIVE_DATA },
    Sample { name: "start function", text: START },
];

/// Components that keep state elsewhere.
pub(crate) const NOT_SNAPSHOTABLE: &[Sample] = &[
    Sample { name: "table changed at run time", text: CHANGED_TABLE },
    Sample { name: "reference in a global", text: REFERENCE_GLOBAL },
    Sample { name: "data segment dropped at run time", text: DROPPED_DATA },
    Sample { name: "resource of its own", text: OWN_RESOURCE },
];

/// A number in memory, which starts as what a data segment says.
pub(crate) const MEMORY: &str = r#"(component
    (core module $m
        (memory 1)
        (data (i32.const 8) "\2a\00\00\00\00\00\00\00")
        (data (i32.const 9) "\01")
        (func (export "bump") (result i64)
            (i64.store (i32.const 8) (i64.add (i64.mul (i64.load (i32.const 8)) (i64.const 5)) (i64.const 3)))
            (i64.load (i32.const 8))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// Each call adds a page and writes to it what it makes of the page before, and of the number of pages.
pub(crate) const GROWN_MEMORY: &str = r#"(component
    (core module $m
        (memory 1 64)
        (func (export "bump") (result i64)
            (local $page i32)
            (local.set $page (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
            (i64.store offset=16 (local.get $page)
                (i64.add
                    (i64.mul (i64.load offset=16 (i32.sub (local.get $page) (i32.const 65536))) (i64.const 7))
                    (i64.extend_i32_u (memory.size))))
            (i64.load offset=16 (local.get $page))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// A memory with 64-bit addresses.
pub(crate) const MEMORY_64: &str = r#"(component
    (core module $m
        (memory i64 1)
        (data (i64.const 65528) "\05")
        (func (export "bump") (result i64)
            (i64.store (i64.const 65528) (i64.mul (i64.load (i64.const 65528)) (i64.const 3)))
            (i64.load (i64.const 65528))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// Three memories that feed one another, of different sizes.
pub(crate) const MEMORIES: &str = r#"(component
    (core module $m
        (memory $a 1)
        (memory $b 2 3)
        (memory $c 1 1)
        (data (memory $c) (i32.const 65535) "\07")
        (data (memory $b) (i32.const 131064) "\01\02\03\04\05\06\07\08")
        (func (export "bump") (result i64)
            (i64.store $a (i32.const 0) (i64.add (i64.load $a (i32.const 0)) (i64.load8_u $c (i32.const 65535))))
            (i64.store $b (i32.const 131064)
                (i64.add (i64.mul (i64.load $b (i32.const 131064)) (i64.const 3)) (i64.load $a (i32.const 0))))
            (i64.store8 $c (i32.const 65535) (i64.load $b (i32.const 131064)))
            (i64.load $b (i32.const 131064))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// A module that has a memory and a global, and another that writes to both, by a data segment too.
pub(crate) const IMPORTED: &str = r#"(component
    (core module $home
        (memory (export "memory") 1)
        (data (i32.const 0) "home sweet home")
        (global (export "count") (mut i64) (i64.const 100)))
    (core module $guest
        (memory (import "home" "memory") 1)
        (global $count (import "home" "count") (mut i64))
        (data (i32.const 5) "s")
        (func (export "bump") (result i64)
            (global.set $count (i64.add (global.get $count) (i64.const 11)))
            (i64.store (i32.const 0) (i64.rotl (i64.load (i32.const 0)) (global.get $count)))
            (i64.xor (i64.load (i32.const 0)) (global.get $count))))
    (core instance $home (instantiate $home))
    (core instance $guest (instantiate $guest (with "home" (instance $home))))
    (func (export "bump") (result u64) (canon lift (core func $guest "bump"))))"#;

/// A global of each numeric type. The floats hold signalling NaNs, whose bits count up.
pub(crate) const GLOBALS: &str = r#"(component
    (core module $m
        (global $constant i32 (i32.const 3))
        (global $i32 (mut i32) (i32.const -1))
        (global $f32 (mut f32) (f32.const nan:0x200001))
        (global $v128 (mut v128) (v128.const i64x2 0x0123456789abcdef 0xfedcba9876543210))
        (global $f64 (mut f64) (f64.const -nan:0x4000000000001))
        (global $i64 (mut i64) (i64.const 0x8000000000000000))
        (func (export "bump") (result i64)
            (global.set $i32 (i32.mul (global.get $i32) (global.get $constant)))
            (global.set $f32 (f32.reinterpret_i32 (i32.add (i32.reinterpret_f32 (global.get $f32)) (i32.const 5))))
            (global.set $v128 (i64x2.add (global.get $v128) (v128.const i64x2 0x100000001 0x700000003)))
            (global.set $f64 (f64.reinterpret_i64 (i64.add (i64.reinterpret_f64 (global.get $f64)) (i64.const 9))))
            (global.set $i64 (i64.rotl (i64.add (global.get $i64) (i64.const 1)) (i64.const 7)))
            (i64.xor
                (i64.mul
                    (i64.extend_i32_s (global.get $i32))
                    (i64.extend_i32_u (i32.reinterpret_f32 (global.get $f32))))
                (i64.add
                    (i64.xor
                        (i64x2.extract_lane 0 (global.get $v128))
                        (i64.mul (i64x2.extract_lane 1 (global.get $v128)) (i64.const 31)))
                    (i64.mul (i64.reinterpret_f64 (global.get $f64)) (global.get $i64))))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// One module, two instances of it that go different ways.
pub(crate) const TWICE: &str = r#"(component
    (core module $counter
        (memory 1)
        (data (i32.const 0) "\03")
        (global $n (mut i64) (i64.const 1))
        (func (export "bump") (param $by i64) (result i64)
            (global.set $n (i64.add (global.get $n) (local.get $by)))
            (i64.store (i32.const 0) (i64.mul (i64.load (i32.const 0)) (global.get $n)))
            (i64.load (i32.const 0))))
    (core module $both
        (func $a (import "a" "bump") (param i64) (result i64))
        (func $b (import "b" "bump") (param i64) (result i64))
        (func (export "bump") (result i64)
            (i64.add (call $a (i64.const 2)) (i64.mul (call $b (i64.const 5)) (i64.const 1000003)))))
    (core instance $a (instantiate $counter))
    (core instance $b (instantiate $counter))
    (core instance $both (instantiate $both (with "a" (instance $a)) (with "b" (instance $b))))
    (func (export "bump") (result u64) (canon lift (core func $both "bump"))))"#;

/// Components within components: one that takes its module from outside and is instantiated twice, and one that
/// calls both instances.
pub(crate) const NESTED: &str = r#"(component
    (core module $counter
        (memory 1)
        (data (i32.const 16) "\09")
        (global $n (mut i32) (i32.const 4))
        (func (export "bump") (param $by i32) (result i64)
            (global.set $n (i32.add (global.get $n) (local.get $by)))
            (i64.store (i32.const 16) (i64.add
                (i64.mul (i64.load (i32.const 16)) (i64.const 3)) (i64.extend_i32_u (global.get $n))))
            (i64.load (i32.const 16))))
    (component $inner
        (alias outer 1 $counter (core module $own))
        (core instance $i (instantiate $own))
        (func (export "bump") (param "by" u32) (result u64) (canon lift (core func $i "bump"))))
    (component $both
        (import "x" (func $x (param "by" u32) (result u64)))
        (import "y" (func $y (param "by" u32) (result u64)))
        (core func $x (canon lower (func $x)))
        (core func $y (canon lower (func $y)))
        (core module $m
            (func $x (import "" "x") (param i32) (result i64))
            (func $y (import "" "y") (param i32) (result i64))
            (global $calls (mut i32) (i32.const 0))
            (func (export "bump") (result i64)
                (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                (i64.add (call $x (global.get $calls)) (i64.mul (call $y (i32.const 7)) (i64.const 1000003)))))
        (core instance $i (instantiate $m (with "" (instance (export "x" (func $x)) (export "y" (func $y))))))
        (func (export "bump") (result u64) (canon lift (core func $i "bump"))))
    (component $middle
        (alias outer 1 $inner (component $inner))
        (alias outer 1 $both (component $both))
        (instance $x (instantiate $inner))
        (instance $y (instantiate $inner))
        (instance $both (instantiate $both (with "x" (func $x "bump")) (with "y" (func $y "bump"))))
        (export "bump" (func $both "bump")))
    (instance $middle (instantiate $middle))
    (export "bump" (func $middle "bump")))"#;

/// A passive data segment, of which each call reads one more byte.
pub(crate) const PASSIVE_DATA: &str = r#"(component
    (core module $m
        (memory 1)
        (data $text "The quick brown fox jumps over the lazy dog, again and again and again.")
        (func (export "bump") (result i64)
            (memory.init $text (i32.const 100) (i32.load (i32.const 0)) (i32.const 8))
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
            (i64.load (i32.const 100))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// A start function that writes, grows the memory, sets a global, and drops a segment. It runs in every instance.
pub(crate) const START: &str = r#"(component
    (core module $m
        (memory 1)
        (global $n (mut i64) (i64.const 0))
        (data $once "\15")
        (func $start
            (memory.init $once (i32.const 32) (i32.const 0) (i32.const 1))
            (data.drop $once)
            (drop (memory.grow (i32.const 1)))
            (global.set $n (i64.load (i32.const 32))))
        (func (export "bump") (result i64)
            (global.set $n (i64.mul (global.get $n) (i64.const 3)))
            (i64.store (i32.const 65600) (i64.add (i64.load (i32.const 65600)) (global.get $n)))
            (i64.add (i64.load (i32.const 65600)) (i64.extend_i32_u (memory.size))))
        (start $start))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// Two functions that change places in a table at every call.
pub(crate) const CHANGED_TABLE: &str = r#"(component
    (core module $m
        (type $f (func (result i64)))
        (table $t 3 funcref)
        (elem (table $t) (i32.const 0) func $one $two)
        (func $one (type $f) (i64.const 1))
        (func $two (type $f) (i64.const 2))
        (func (export "bump") (result i64)
            (table.set $t (i32.const 2) (table.get $t (i32.const 0)))
            (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 2))
            (call_indirect $t (type $f) (i32.const 0))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// A function in a global, which the first call replaces.
pub(crate) const REFERENCE_GLOBAL: &str = r#"(component
    (core module $m
        (type $f (func (result i64)))
        (table $t 1 funcref)
        (elem declare func $two)
        (global $next (mut funcref) (ref.null func))
        (func $two (type $f) (i64.const 2))
        (func (export "bump") (result i64)
            (local $before i64)
            (local.set $before (i64.extend_i32_u (ref.is_null (global.get $next))))
            (global.set $next (ref.func $two))
            (local.get $before)))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// The first call drops the segment that it reads; every later one traps.
pub(crate) const DROPPED_DATA: &str = r#"(component
    (core module $m
        (memory 1)
        (data $once "\01")
        (func (export "bump") (result i64)
            (memory.init $once (i32.const 0) (i32.const 0) (i32.const 1))
            (data.drop $once)
            (i64.load (i32.const 0))))
    (core instance $i (instantiate $m))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;

/// Each call makes one more handle, and returns it.
pub(crate) const OWN_RESOURCE: &str = r#"(component
    (type $thing (resource (rep i32)))
    (core func $new (canon resource.new $thing))
    (core module $m
        (func $new (import "" "new") (param i32) (result i32))
        (func (export "bump") (result i64) (i64.extend_i32_u (call $new (i32.const 5)))))
    (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
    (func (export "bump") (result u64) (canon lift (core func $i "bump"))))"#;
