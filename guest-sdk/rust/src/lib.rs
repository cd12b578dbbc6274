//! What authors of Belljar plugins in Rust use.
//!
//! A plugin is a WebAssembly component, and every function that it exports is a method. Declare the
//! functions in WIT with [`plugin!`], implement them, and `export!` the type that does:
//!
//! ```ignore
//! belljar_guest::plugin!(r#"
//!     package demo:greeter;
//!     world greeter {
//!         include belljar:plugin/task@0.1.0;
//!         export hello: func(name: string) -> string;
//!     }
//! "#);
//!
//! struct Greeter;
//!
//! impl Guest for Greeter {
//!     fn hello(name: String) -> String {
//!         format!("Hello, {name}!")
//!     }
//! }
//!
//! export!(Greeter);
//! ```
//!
//! A plugin that keeps something between calls is an actor: its world includes `belljar:plugin/actor`, and
//! [`state`](mod@state) says where the values go.
//!
//! The modules of this crate are what the host offers. A capability becomes an import of the
//! component only when the plugin uses it; [`http`], [`actors`], [`automaton`], [`tensor`] and
//! [`compute`] need a grant, the others do not. A panic is
//! logged at [`log::Level::Error`], with its message and its place, before it stops the call.
//!
//! On the machine's own target, where `cargo test` runs a plugin's unit tests, there is no host. The
//! same functions then work on a stand-in inside the test process, and [`testing`] says what it does.

#[allow(missing_docs, unsafe_code, clippy::all, reason = "wit-bindgen generates this module")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package belljar:guest-sdk;

            world everything {
                import belljar:plugin/actors@0.1.0;
                import belljar:plugin/automaton@0.1.0;
                import belljar:plugin/clock@0.1.0;
                import belljar:plugin/compute@0.1.0;
                import belljar:plugin/http@0.1.0;
                import belljar:plugin/log@0.1.0;
                import belljar:plugin/metrics@0.1.0;
                import belljar:plugin/objects@0.1.0;
                import belljar:plugin/progress@0.1.0;
                import belljar:plugin/random@0.1.0;
                import belljar:plugin/tensor@0.1.0;
                import belljar:plugin/timers@0.1.0;
            }
        ",
        path: "../../wit",
        generate_all,
    });
}

/// The host's functions: the component's imports, or the stand-in where there is no host.
#[cfg(target_family = "wasm")]
use bindings::belljar::plugin as host;
#[cfg(not(target_family = "wasm"))]
use stand_in as host;

pub mod actors;
pub mod automaton;
pub mod clock;
pub mod compute;
pub mod config;
pub mod durable;
pub mod http;
mod json;
pub mod log;
pub mod metrics;
pub mod objects;
mod panic;
pub mod progress;
pub mod random;
#[cfg(not(target_family = "wasm"))]
mod stand_in;
pub mod state;
pub mod tensor;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod timers;

pub use belljar_guest_macros::plugin;

/// What the code that [`plugin!`] generates refers to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::panic::report_panics;
    pub use wit_bindgen;
}
