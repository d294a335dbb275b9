//! What a test of the real conductor plays: machines with BMC and agent, the image's server, operators.
//!
//! All of it speaks the real protocols over HTTP, outlives the conductors, and notes what they did to it.

pub mod agent;
pub mod bmc;
pub mod client;
pub mod deploy;
pub mod gate;
pub mod image;
pub mod machine;
pub mod serve;
pub mod trace;
