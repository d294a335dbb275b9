//! The API as its clients see it: requests against a real conductor with the fake hardware.

mod activities;
mod cycle;
mod fixture;
mod framework;
pub(super) mod ironic;
mod machines;
mod nodes;
mod parents;
mod ports;
mod sorting;
mod timeline;
