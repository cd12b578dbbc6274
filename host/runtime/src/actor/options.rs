//! How an actor is to be run: what it keeps, when it takes checkpoints, what it may use.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use belljar_policy::CheckpointPolicy;
use serde::{Deserialize, Serialize};

/// Messages that wait for one actor: 1,024.
pub const MAILBOX_LENGTH_MAX: usize = 1_024;
/// Bytes of the arguments of one message: 1 MiB. Larger data goes as an object.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Work that a recovery may have to repeat: 1 s. A checkpoint is taken when there is more.
pub const REPLAY_TIME_MAX: Duration = Duration::from_secs(1);
/// Messages that a recovery may have to repeat: 10,000.
pub const REPLAY_MESSAGES_MAX: u64 = 10_000;
/// How often a message is tried again after the process died during it: 3 times.
pub const MESSAGE_RETRIES_MAX: u32 = 3;
/// Faults in a row after which an actor is given up: 100.
pub const RESTARTS_MAX: u32 = 100;
/// The wait before the second restart in a row: 100 ms; it doubles with each.
pub const RESTART_BACKOFF_MIN: Duration = Duration::from_millis(100);
/// The longest wait before a restart: 30 s.
pub const RESTART_BACKOFF_MAX: Duration = Duration::from_secs(30);
/// Idle time after which an actor is hibernated: 60 s. It is hibernated earlier when others need the room.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(60);

/// What of an actor survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Every call that was answered, exactly once, through crashes and power loss.
    #[default]
    Journal,
    /// The state of the last checkpoint.
    Checkpoint,
    /// Nothing: the state ends with the process or with a fault.
    Volatile,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Durability::Journal => "journal",
            Durability::Checkpoint => "checkpoint",
            Durability::Volatile => "volatile",
        })
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Durability, String> {
        match text {
            "journal" => Ok(Durability::Journal),
            "checkpoint" => Ok(Durability::Checkpoint),
            "volatile" => Ok(Durability::Volatile),
            other => Err(format!("`{other}` is none of journal, checkpoint, volatile")),
        }
    }
}

/// How to run an actor. Every setting has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpawnOptions {
    /// What survives.
    pub durability: Durability,
    /// When checkpoints are taken. A journaled actor takes one also when a replay would take too long.
    pub checkpoint: CheckpointPolicy,
    /// The configuration that `init` is called with, as JSON text; empty for none.
    pub config: String,
    /// Messages that may wait.
    pub mailbox_length_max: usize,
    /// How often a message is tried again after the process died during it.
    pub message_retries_max: u32,
    /// Faults in a row after which the actor is given up.
    pub restarts_max: u32,
    /// Idle time after which it is hibernated, in milliseconds.
    pub idle_time_max_ms: u64,
    /// Work that a recovery may have to repeat, in milliseconds.
    pub replay_time_max_ms: u64,
}

impl Default for SpawnOptions {
    fn default() -> SpawnOptions {
        SpawnOptions {
            durability: Durability::default(),
            checkpoint: CheckpointPolicy::Optimal(Default::default()),
            config: String::new(),
            mailbox_length_max: MAILBOX_LENGTH_MAX,
            message_retries_max: MESSAGE_RETRIES_MAX,
            restarts_max: RESTARTS_MAX,
            idle_time_max_ms: IDLE_TIME_MAX.as_millis() as u64,
            replay_time_max_ms: REPLAY_TIME_MAX.as_millis() as u64,
        }
    }
}

impl SpawnOptions {
    /// With this durability.
    pub fn durability(mut self, durability: Durability) -> SpawnOptions {
        self.durability = durability;
        self
    }

    /// With this checkpoint policy.
    pub fn checkpoint(mut self, policy: CheckpointPolicy) -> SpawnOptions {
        self.checkpoint = policy;
        self
    }

    /// With this configuration, JSON text for `init`.
    pub fn config(mut self, json: impl Into<String>) -> SpawnOptions {
        self.config = json.into();
        self
    }
}
