//! What can go wrong with an actor, apart from what goes wrong inside its code.

/// An error around an actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActorError {
    /// The name cannot be one.
    #[error("`{name}` cannot be the name of an actor: {reason}")]
    BadName {
        /// The beginning of the name.
        name: String,
        /// Why.
        reason: String,
    },
    /// There is no actor of this name.
    #[error("there is no actor `{name}`; `belljar actor ls` lists those that there are")]
    Unknown {
        /// The name.
        name: String,
    },
    /// There is one of this name already.
    #[error("there is an actor `{name}` already; choose another name, or remove it first")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The actor was stopped or killed, or gave up after too many faults.
    #[error("the actor `{name}` is {status}; start it again with `belljar actor start {name}`")]
    NotRunning {
        /// The name.
        name: String,
        /// `stopped` or `failed`.
        status: String,
    },
    /// Too many messages wait for the actor.
    #[error(
        "the mailbox of `{name}` is full ({length_max} messages); wait for results, or send with `submit_when_room`"
    )]
    MailboxFull {
        /// The name.
        name: String,
        /// Its length.
        length_max: usize,
    },
    /// The arguments of a message are too long.
    #[error(
        "the message to `{name}` has {size_bytes} bytes, and one may have {limit_bytes}; pass large data as an object"
    )]
    MessageTooLarge {
        /// The name.
        name: String,
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The message was dropped, because the process died this many times while the actor worked on it.
    #[error(
        "the message {sequence} of `{name}` is a dead letter: the process died {deaths} times while the actor worked on it"
    )]
    DeadLetter {
        /// The name.
        name: String,
        /// The message's number.
        sequence: u64,
        /// How often.
        deaths: u32,
    },
    /// `init` returned an error.
    #[error("`init` of `{name}` refused the configuration: {message}")]
    InitRefused {
        /// The name.
        name: String,
        /// What it returned.
        message: String,
    },
    /// A configuration was given to a plugin that takes none.
    #[error("`{plugin}` exports no `init`, so it takes no configuration")]
    NoInit {
        /// The plugin.
        plugin: String,
    },
    /// The durability needs a data directory.
    #[error("an actor that keeps its state needs a data directory: open the runtime with one, or spawn it as volatile")]
    NeedsDataDir,
    /// Replay came to another state or result than the first run.
    #[error("replaying message {sequence} of `{name}` gave another result than it had: {difference}")]
    Diverged {
        /// The name.
        name: String,
        /// The message's number.
        sequence: u64,
        /// What differs.
        difference: String,
    },
    /// What the actor was cannot be read any more.
    #[error("the state of `{name}` cannot be restored: {message}")]
    Damaged {
        /// The name.
        name: String,
        /// What is wrong, and where.
        message: String,
    },
    /// There is no such checkpoint.
    #[error("`{name}` has no checkpoint {generation}; `belljar checkpoint ls {name}` lists those that are kept")]
    UnknownGeneration {
        /// The name.
        name: String,
        /// What was asked for.
        generation: u64,
    },
    /// The operation needs an actor with another durability.
    #[error("`{name}` is {durability}: {reason}")]
    WrongDurability {
        /// The name.
        name: String,
        /// Its durability.
        durability: String,
        /// Why that does not go.
        reason: String,
    },
    /// The actor was exported with grants that an import does not take over unseen.
    #[error("`{name}` had these grants where it comes from: {grants}; import it with them if it is to have them here")]
    NeedsGrants {
        /// The name.
        name: String,
        /// The grants, as JSON.
        grants: String,
    },
    /// The plugin cannot take over the actor's state.
    #[error("`{name}` cannot go over to the new version of its plugin: {message}")]
    CannotMigrate {
        /// The name.
        name: String,
        /// Why.
        message: String,
    },
    /// The plugin runs kernels of its own on the compute device, which need not come to the same twice, as a replay must.
    #[error(
        "`{plugin}` computes on the device (`belljar:plugin/compute`), which may not come to the same in a replay, so that an \
         actor of it cannot be journaled; `--durability checkpoint` keeps its state in checkpoints"
    )]
    NotReplayable {
        /// The plugin.
        plugin: String,
    },
    /// The actor's work was given up before its end was durable. The actor goes on from what is.
    #[error(
        "the call was interrupted: {message}; it may have been carried out or not: sent again under the same id, it is \
         carried out once"
    )]
    Interrupted {
        /// Why.
        message: String,
    },
}

impl ActorError {
    /// Whether the same call may succeed when it is tried again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, ActorError::MailboxFull { .. } | ActorError::Interrupted { .. })
    }
}
