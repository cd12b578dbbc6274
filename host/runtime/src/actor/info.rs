//! What is told of actors and their checkpoints.

use belljar_engine::compute::ComputeUsage;
use serde::{Deserialize, Serialize};

use super::{ActorName, Durability};

/// An actor, as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActorInfo {
    /// Its name.
    pub name: ActorName,
    /// Its plugin's name.
    pub plugin: String,
    /// The BLAKE3 of its plugin, as hexadecimal digits.
    pub component: String,
    /// What survives.
    pub durability: Durability,
    /// When checkpoints are taken, as the command line writes it.
    pub checkpoint: String,
    /// Whether it takes calls.
    pub status: ActorStatus,
    /// Which incarnation it is, from 1 on; a fork and a restore by hand begin another.
    pub incarnation: u64,
    /// When the incarnation began, in nanoseconds since 1970.
    pub born_ns: u64,
    /// What only an actor that is awake tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub awake: Option<Awake>,
}

/// What an actor that is awake tells of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Awake {
    /// Messages that it has worked on.
    pub messages: u64,
    /// Messages that wait.
    pub waiting: usize,
    /// Its memory's size.
    pub memory_bytes: u64,
    /// What it has had the host compute since it woke.
    pub compute: ComputeUsage,
    /// Its timers.
    pub timers: usize,
    /// Calls to other actors without a result.
    pub outgoing: usize,
    /// Its newest checkpoint.
    pub generation: u64,
    /// Messages that had no effect.
    pub dead_letters: Vec<super::DeadLetter>,
}

/// Whether an actor takes calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorStatus {
    /// It takes calls, awake or hibernated.
    #[default]
    Running,
    /// Someone stopped or killed it.
    Stopped,
    /// It had too many faults in a row.
    Failed,
    /// It is being spawned. One that another process finds so was never there for anybody.
    Beginning,
}

impl std::fmt::Display for ActorStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ActorStatus::Running => "running",
            ActorStatus::Stopped => "stopped",
            ActorStatus::Failed => "failed",
            ActorStatus::Beginning => "being spawned",
        })
    }
}

/// A checkpoint that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// Its number.
    pub generation: u64,
    /// The incarnation that it is of.
    pub incarnation: u64,
    /// When it was taken, in nanoseconds since 1970.
    pub taken_ns: u64,
    /// The last message whose effects it holds.
    pub message: u64,
    /// Why it was taken.
    pub reason: String,
    /// How long the actor stood still.
    pub pause_ns: u64,
    /// How long writing it took.
    pub write_ns: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// The size of the actor's memory.
    pub memory_bytes: u64,
    /// The generation that it holds the difference to, if it is no whole one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<u64>,
}
