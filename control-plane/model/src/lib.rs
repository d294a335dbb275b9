//! What Ferric knows about: nodes, ports, conductors, their states and runs. Pure values and pure functions.
//!
//! No clock, no I/O, no async, no store and no HTTP: whoever needs the time passes it in.

pub mod allocation;
pub mod arguments;
pub mod bios;
pub mod bulk;
pub mod capabilities;
pub mod chassis;
pub mod conductor;
pub mod erasure;
pub mod event;
pub mod firmware;
pub mod hash_ring;
pub mod ids;
pub mod inspection_rule;
pub mod inventory;
mod named;
pub mod network;
pub mod node;
pub mod port;
pub mod portgroup;
pub mod recipe;
pub mod run;
pub mod state;
pub mod step;
pub mod traits;
pub mod verb;
pub mod volume;
