//! The agent as a process, against a conductor that the tests play, on the loopback interface.
//!
//! Nothing here writes to a device that a test did not make itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod addresses;
mod api;
mod arrival;
mod clients;
mod conductor;
mod conversations;
mod deploy;
mod deploy_restart;
mod desk;
mod dial_out;
mod extensions;
mod fast_track;
mod host_safety;
mod log_push;
mod loop_device;
mod managers;
mod mdns;
mod memory;
mod orders;
mod process;
mod restart;
mod steps;
