//! Which canonical functions may leave a component with a handle.
//!
//! A synchronous component without resource types of its own needs only to lift and to lower functions, and to drop
//! what it is lent. The match names every other function too, so that one which the parser learns of later has to be
//! judged before this compiles.

use wasmparser::{CanonicalFunction, CanonicalOption};

use super::Obstacle;

/// The obstacle that a canonical function is, if it is one.
pub(super) fn judge(function: &CanonicalFunction) -> Option<Obstacle> {
    use CanonicalFunction as F;
    let builtin = match function {
        F::Lift { options, .. } if options.contains(&CanonicalOption::Async) => "canon lift async",
        F::Lower { options, .. } if options.contains(&CanonicalOption::Async) => "canon lower async",
        // Without `resource.new` there is nothing to drop but what is imported, and then the import is the obstacle.
        F::Lift { .. } | F::Lower { .. } | F::ResourceDrop { .. } => return None,
        F::ResourceNew { .. } => return Some(Obstacle::Resource { builtin: "resource.new" }),
        F::ResourceRep { .. } => return Some(Obstacle::Resource { builtin: "resource.rep" }),
        F::TaskReturn { .. } | F::TaskCancel => "task",
        F::ContextGet { .. } | F::ContextSet { .. } => "context",
        F::BackpressureInc | F::BackpressureDec => "backpressure",
        F::SubtaskDrop | F::SubtaskCancel { .. } => "subtask",
        F::StreamNew { .. }
        | F::StreamRead { .. }
        | F::StreamWrite { .. }
        | F::StreamCancelRead { .. }
        | F::StreamCancelWrite { .. }
        | F::StreamDropReadable { .. }
        | F::StreamDropWritable { .. } => "stream",
        F::FutureNew { .. }
        | F::FutureRead { .. }
        | F::FutureWrite { .. }
        | F::FutureCancelRead { .. }
        | F::FutureCancelWrite { .. }
        | F::FutureDropReadable { .. }
        | F::FutureDropWritable { .. } => "future",
        F::ErrorContextNew { .. } | F::ErrorContextDebugMessage { .. } | F::ErrorContextDrop => "error-context",
        F::WaitableSetNew | F::WaitableSetWait { .. } | F::WaitableSetPoll { .. } | F::WaitableSetDrop => {
            "waitable-set"
        }
        F::WaitableJoin => "waitable",
        F::ThreadSpawnRef { .. }
        | F::ThreadSpawnIndirect { .. }
        | F::ThreadAvailableParallelism
        | F::ThreadYield { .. }
        | F::ThreadIndex
        | F::ThreadNewIndirect { .. }
        | F::ThreadResumeLater
        | F::ThreadSuspend { .. }
        | F::ThreadSuspendThenResume { .. }
        | F::ThreadYieldThenResume { .. }
        | F::ThreadSuspendThenPromote { .. }
        | F::ThreadYieldThenPromote { .. } => "thread",
    };
    Some(Obstacle::Async { builtin })
}
