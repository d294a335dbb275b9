//! The API as its clients see it: requests against a real conductor with the fake hardware.

mod access;
mod activities;
mod allocations;
mod bulk;
mod chassis;
mod cycle;
mod drain;
mod events;
mod explain;
pub(super) mod fixture;
mod framework;
mod inspection_rules;
pub(super) mod ironic;
mod machines;
mod metrics;
mod nodes;
mod parents;
mod plan;
mod portgroups;
mod ports;
mod raid;
mod recipes;
mod shards;
mod sorting;
mod step_requests;
mod volumes;
