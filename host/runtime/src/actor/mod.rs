//! Actors: plugins with a name and a state, that work on one message at a time and cannot lose what they are.
//!
//! The author of an actor writes no code that saves anything: between two messages the host takes what the guest has
//! written to its memory. What survives is chosen with [`Durability`]:
//!
//! - `journal`: every message is written down before its answer leaves, and a crash is undone by repeating the messages
//!   since the last checkpoint, with the time, the random numbers and the answers of other actors that there were.
//! - `checkpoint`: what the last checkpoint holds.
//! - `volatile`: nothing.
//!
//! ```no_run
//! # async fn example(runtime: belljar::Runtime) -> Result<(), belljar::Error> {
//! use belljar::SpawnOptions;
//!
//! let plugin = runtime.load("counter.wasm").await?;
//! let counter = runtime.actors().spawn("visits", &plugin, SpawnOptions::default()).await?;
//! let total: i64 = counter.call("add").arg(5).submit().get().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | file | is for |
//! | --- | --- |
//! | `system.rs` | all actors; how a message finds its own |
//! | `body.rs` | the task of an actor that is awake |
//! | `alive.rs` | what it has meanwhile: instance, state, journal, checkpoints |
//! | `replay.rs` | waking it, and restoring it after a fault |
//! | `writing.rs` | taking and writing its checkpoints |
//! | `serve.rs`, `inputs.rs` | one message, and what is passed to it by reference |
//! | `voice.rs`, `speaker.rs`, `sending.rs` | calls of other actors and timers, live or repeated |
//! | `requests.rs` | HTTP requests, live or repeated |
//! | `parcel.rs`, `objects.rs` | what is sent; the objects that it names |
//! | `recovery.rs` | reading what an actor was |
//! | `images.rs` | images of large actors that sleep, for a quick wake-up |
//! | `checkpoints.rs` | when checkpoints are taken, and which are kept |
//! | `compute.rs` | what an actor computes with in the host, as its checkpoints keep it |
//! | `record.rs`, `journal.rs`, `state.rs` | what is written down |
//! | `deadlock.rs` | who waits for whom |
//! | `look.rs` | what is kept, for those who only look |
//! | `upkeep.rs` | verifying, collecting garbage |
//! | `bundle.rs`, `bucket.rs` | taking an actor to another machine |

mod alive;
mod archive;
mod body;
mod bucket;
mod bundle;
mod call;
mod checkpoints;
mod compute;
mod deadlock;
mod error;
mod fork;
mod handle;
mod images;
mod info;
mod inputs;
mod journal;
mod look;
mod mailbox;
mod message;
mod name;
mod objects;
mod options;
mod parcel;
mod record;
mod recovery;
mod replay;
mod requests;
mod sending;
mod serve;
mod services;
mod speaker;
mod state;
mod system;
mod typed;
mod upkeep;
mod voice;
mod writing;

pub use bundle::ImportOptions;
pub use call::ActorCall;
pub use checkpoints::GENERATIONS_KEPT;
pub use compute::KEPT_COMPUTE_BYTES_MAX;
pub use error::ActorError;
pub use handle::{Actor, Actors};
pub use info::{ActorInfo, ActorStatus, Awake, CheckpointInfo};
pub use look::{BaseImage, CheckpointDetails, KeptActors, MemoryDetails};
pub use name::{ActorName, NAME_BYTES_MAX};
pub use objects::{KEPT_OBJECT_BYTES_MAX, KEPT_OBJECTS_BYTES_MAX};
pub use options::{
    Durability, IDLE_TIME_MAX, MAILBOX_LENGTH_MAX, MESSAGE_BYTES_MAX, MESSAGE_RETRIES_MAX, REPLAY_MESSAGES_MAX,
    REPLAY_TIME_MAX, RESTART_BACKOFF_MAX, RESTART_BACKOFF_MIN, RESTARTS_MAX, SpawnOptions,
};
pub use state::{
    DEAD_LETTERS_MAX, DeadLetter, OUTGOING_MAX, RESULT_BYTES_KEPT_MAX, RESULT_RETENTION, RESULTS_KEPT_MAX, TIMERS_MAX,
};
pub(crate) use system::{Durable, System};
pub use upkeep::{Collected, FoundDamage, Verification, VerifyStep};
