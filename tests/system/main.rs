//! Whole-system tests, by topic. They use the plugins that `cargo xtask plugins` builds, and the `belljar` binary.

mod actor_bucket;
mod actor_cli;
mod actor_crash;
mod actor_damage;
mod actor_diary;
mod actor_differential;
mod actor_faults;
mod actor_objects;
mod actor_storage;
mod actor_windows;
mod actors;
mod automata;
mod boards;
mod crash;
mod fairness;
mod filings;
mod grants;
mod http;
mod inputs;
mod kernels;
mod languages;
mod limits;
mod parquet;
mod tasks;
mod training;
mod workflows;
