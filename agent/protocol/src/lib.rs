//! What the agent and the conductor say to each other: types, names and pure rules of the wire.
//!
//! The wire is that of Ironic's agent, so that either side may be replaced by Ironic's; what Ironic does not have
//! stands in `extensions` and is used only after both sides have named it. Nothing here reads a file, opens a
//! socket or knows what time it is. Everything that comes from the other side is parsed tolerantly: unknown keys
//! are kept or ignored, absent ones have the defaults that Ironic gives them.

#![warn(missing_docs)]

pub mod boot;
pub mod command;
pub mod dial_out;
pub mod erase;
pub mod extensions;
pub mod fault;
pub mod headers;
pub mod heartbeat;
pub mod hints;
pub mod image;
pub mod inspection;
pub mod inventory;
mod lenient;
pub mod log;
pub mod lookup;
pub mod node;
pub mod params;
pub mod progress;
pub mod steps;
pub mod version;
