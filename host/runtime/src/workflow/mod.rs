//! Workflows: TOML files of steps, each step a call of a plugin, for every item of a list. A workflow is checked
//! whole before anything runs, and its state is durable after each step of each item, so that a run which was
//! killed goes on where it stopped.
//!
//! | file | holds |
//! | --- | --- |
//! | `file` | the TOML, as it is written |
//! | `template` | `${…}`: references to parameters, the item and other steps' outputs |
//! | `step` | one step with its plugin loaded and its grants; `order` puts steps behind those that they need |
//! | `bindings`, `check` | what each step may refer to, and the types of that against the components' |
//! | `items` | what `[for_each]` finds |
//! | `plan` | a checked workflow with its parameters, plugins and items: what a dry run shows |
//! | `active` | the runs that are going on in this process |
//! | `records` | the catalog and the durable objects, off the caller's threads |
//! | `inputs` | what a step is called with |
//! | `run` | the work: items in parallel, steps as soon as what they need is there; `counts` its figures |
//! | `diagnostic`, `report` | what is told |

mod active;
mod bindings;
mod check;
mod counts;
mod diagnostic;
mod file;
mod inputs;
mod items;
mod order;
mod plan;
mod records;
mod report;
mod run;
mod step;
mod template;

pub(crate) use active::Runs;
pub use diagnostic::{Problem, WorkflowError};
pub use file::{ParamInfo, Workflow};
pub use plan::{Plan, PlanSummary, PlannedItem, PlannedStep, RunOptions, plan};
pub use report::{ItemReport, Observer, Report, RunEvent, RunStats, StepReport};
pub use run::run;
