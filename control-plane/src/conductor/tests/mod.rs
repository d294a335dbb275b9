//! The conductor as a whole, with machines and agents in memory and a paused clock: whole cycles, failures, crashes.

mod agent;
mod crashes;
mod cycles;
mod failures;
pub(super) mod halting_store;
mod introductions;
pub(super) mod lab;
mod machine;
mod power;
mod refusals;
