//! The API as its clients see it: requests against a real conductor with the fake hardware.

mod activities;
mod cycle;
mod drain;
mod events;
pub(super) mod fixture;
mod framework;
pub(super) mod ironic;
mod machines;
mod metrics;
mod nodes;
mod parents;
mod ports;
mod raid;
mod recipes;
mod sorting;
mod step_requests;

mod bulk;
mod explain;
mod plan;
