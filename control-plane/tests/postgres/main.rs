//! `ferric` on PostgreSQL, as its users meet it: the program, a configuration file, the API. Not among the unit tests:
//! without the Debian package `postgresql` each of these fails and says so.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod cluster;
mod copy;
mod events;
mod jobs;
mod program;
mod serve;
#[path = "../../store/tests/postgres/server.rs"]
#[expect(dead_code, reason = "the store's own tests use the rest of it")]
mod server;
