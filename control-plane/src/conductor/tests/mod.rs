//! The conductor as a whole, with machines and agents in memory and a paused clock: whole cycles, failures, crashes.

mod aborts;
mod adoption;
mod agent;
mod always_on;
mod config_drives;
mod crashes;
mod cycles;
mod deaths;
mod dhcp;
mod failures;
mod fast_track;
mod halting_store;
mod holds;
mod introductions;
pub(super) mod lab;
mod machine;
mod policies;
mod power;
mod refusals;
mod rescue;
mod room;
mod service;
mod timeouts;
mod tokens;
