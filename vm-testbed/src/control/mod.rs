//! How the other commands talk to the daemon: one JSON line asked, one answered, over a socket in the state directory.

mod client;
mod message;
mod server;

pub use client::Client;
pub use message::{MachineLine, Reply, Request};
pub use server::{Server, Steering};
