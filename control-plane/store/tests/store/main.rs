//! The stores against the contract, each in its own way of breaking.

mod conformance;
mod crash;
mod disk;
mod file;
