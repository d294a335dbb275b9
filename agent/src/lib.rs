//! The agent that runs from a ramdisk on the machine itself: it tells the conductor what the machine is, and does
//! to its disks what the conductor asks.
//!
//! `host` guards every effect; `disk` and `image` are plain code on threads and know nothing of the network API.

pub mod agent;
pub mod api;
pub mod burnin;
pub mod clock;
pub mod commands;
pub mod conductor;
pub mod config;
pub mod containers;
pub mod disk;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod grub;
pub mod host;
pub mod image;
pub mod inject;
pub(crate) mod inspection;
pub mod inventory;
pub(crate) mod ipmi;
pub mod lldp;
pub mod managers;
pub mod mdns;
pub mod media;
pub mod network;
pub mod networkd;
pub mod own_log;
pub mod power;
pub mod progress;
pub mod run;
pub mod service;
pub mod state;
pub mod tls;
