//! The stores against the contract, each in its own way of breaking.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod conformance;
mod crash;
mod disk;
mod file;
mod full_disk;
mod kinds;
mod room;
mod upgrade;
mod upkeep;
