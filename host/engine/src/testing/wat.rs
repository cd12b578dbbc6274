//! Components in WebAssembly text.

pub(crate) use ::wat::parse_str;

/// A memory with an allocator that never frees, as the core instance `$libc`.
const LIBC: &str = r#"
    (core module $libc
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
            (global.set $next (i32.add (local.get $at) (local.get 3)))
            (block $enough
                (loop $more
                    (br_if $enough (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
                    (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
                    (br $more)))
            (local.get $at)))
    (core instance $libc (instantiate $libc))"#;

/// A component with one core module, `core`, whose instance is `$main`.
pub(crate) fn pure(core: &str, exports: &str) -> String {
    format!("(component (core module $main {core}) (core instance $main (instantiate $main)) {exports})")
}

/// A component with `$libc` before the rest.
pub(crate) fn with_libc(rest: &str) -> String {
    format!("(component {LIBC} {rest})")
}

/// A component whose method `echo` returns its argument, of any type that is too large to be passed in registers
/// (more than 16 words): then its address is all that the guest touches.
pub(crate) fn echo(types: &str, ty: &str) -> String {
    with_libc(&format!(
        r#"{types}
           (core module $main (func (export "echo") (param i32) (result i32) (local.get 0)))
           (core instance $main (instantiate $main))
           (func (export "echo") (param "value" {ty}) (result {ty})
               (canon lift (core func $main "echo") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))"#
    ))
}

/// A component whose method `run` takes and returns nothing.
pub(crate) fn run(core: &str) -> String {
    pure(core, r#"(func (export "run") (canon lift (core func $main "run")))"#)
}

/// `add` adds two numbers; `step` of `demo:life/game@0.1.0` doubles one.
pub(crate) fn add_and_step() -> String {
    pure(
        r#"(func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
           (func (export "step") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))"#,
        r#"(func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $main "add")))
           (export "add" (func $add))
           (func $step (param "n" u32) (result u32) (canon lift (core func $main "step")))
           (instance $game (export "step" (func $step)))
           (export "demo:life/game@0.1.0" (instance $game))"#,
    )
}

/// Logs; see the file.
pub(crate) fn logger() -> String {
    with_libc(include_str!("logger.wat"))
}

/// Puts and gets objects; see the file.
pub(crate) fn objects() -> String {
    with_libc(include_str!("objects.wat"))
}

/// Sends a request when `send` is called.
pub(crate) fn http() -> String {
    with_libc(&include_str!("http.wat").replace("START", ""))
}

/// Sends a request in its start function.
pub(crate) fn http_at_start() -> String {
    with_libc(&include_str!("http.wat").replace("START", "(start $request)"))
}
