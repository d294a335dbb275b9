//! A lab of virtual machines with virtual BMCs on an isolated network, described by one TOML file.
//!
//! It uses no other crate of the project, so that the BMC emulator cannot share a misunderstanding with the BMC client.
//! `main` is the only user of this library.

pub mod accel;
pub mod boot;
pub mod cli;
pub mod config;
pub mod control;
pub mod firmware;
pub mod ipmi_sim;
pub mod lab;
pub mod machine;
pub mod namespace;
pub mod network;
pub mod qmp;
pub mod redfish;
pub mod run;
pub mod state;
