//! What the tests of the whole system and the demo stand on: a lab of virtual machines with a conductor in it.
//!
//! Talks to Ferric only as its users do: programs, files and the REST API. Only the programs beside it that fill a store
//! or read one that a killed conductor left use a crate of ours.

pub mod api;
pub mod disk;
pub mod failure;
pub mod images;
pub mod interrupt;
pub mod lab;
pub mod machine;
pub mod node;
pub mod played;
pub mod process;
pub mod secure_shell;
pub mod serial;
pub mod settings;
pub mod shell;
pub mod toml;
pub mod wait;
