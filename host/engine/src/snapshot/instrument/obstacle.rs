//! Why a snapshot of memories and globals would not be all of a component's state, told to the plugin's author.

/// Something in a component that keeps state where a snapshot cannot see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Obstacle {
    /// An instruction that changes a table, drops a segment, or allocates outside of linear memory.
    #[error(
        "{place} of {module} {effect} (`{instruction}`), which a snapshot does not hold: export \
         `belljar:plugin/durable`"
    )]
    Instruction {
        /// The core module.
        module: String,
        /// The function, or where the constant expression is.
        place: String,
        /// The instruction in the text format.
        instruction: &'static str,
        /// What it does.
        effect: &'static str,
    },
    /// A mutable global whose type is a reference.
    #[error(
        "{module} has a mutable global of references, global {global}, which a snapshot does not hold: \
         export `belljar:plugin/durable`"
    )]
    ReferenceGlobal {
        /// The core module.
        module: String,
        /// Its index.
        global: u32,
    },
    /// More mutable globals than can be given accessors.
    #[error(
        "{module} has more than {limit} words of mutable globals, too many for a snapshot: keep the state in its \
         memory, or export `belljar:plugin/durable`"
    )]
    TooManyGlobals {
        /// The core module.
        module: String,
        /// [`super::GLOBAL_WORDS_MAX`].
        limit: usize,
    },
    /// A memory, table or global that threads share.
    #[error(
        "{module} has a shared {item}, which can change while a snapshot is taken: build it without threads, or \
         export `belljar:plugin/durable`"
    )]
    Shared {
        /// The core module.
        module: String,
        /// What is shared.
        item: &'static str,
    },
    /// A built-in that makes handles to resources which the component defines itself.
    #[error(
        "it makes handles to a resource type of its own (`{builtin}`), which a snapshot does not hold: identify \
         the things by numbers, or export `belljar:plugin/durable`"
    )]
    Resource {
        /// The built-in in the text format.
        builtin: &'static str,
    },
    /// A built-in or an option of the asynchronous component model.
    #[error(
        "it uses the asynchronous component model (`{builtin}`), whose handles a snapshot does not hold: build it \
         with synchronous functions, or export `belljar:plugin/durable`"
    )]
    Async {
        /// The family of built-ins, or the option.
        builtin: &'static str,
    },
    /// An import that may hold state in the host.
    #[error("it imports `{import}`, which {reason}: build it without that, or export `belljar:plugin/durable`")]
    Import {
        /// The import, as the component names it.
        import: String,
        /// What is the matter with it.
        reason: &'static str,
    },
    /// A module or component that is instantiated, and whose code is not a fixed part of this component.
    #[error(
        "it instantiates a {kind} that it gets from elsewhere ({kind} {index} of one of its components), so not \
         all of its state can be known: put the {kind} into it, or export `belljar:plugin/durable`"
    )]
    Unresolved {
        /// `core module` or `component`.
        kind: &'static str,
        /// Its index in the component that instantiates it.
        index: u32,
    },
}
