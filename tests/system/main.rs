//! Whole-system tests, by topic. They use the plugins that `cargo xtask plugins` builds, and the `belljar` binary.

mod actors;
mod crash;
mod fairness;
mod filings;
mod grants;
mod http;
mod inputs;
mod limits;
mod parquet;
mod tasks;
mod workflows;
