//! Machines whose BMC speaks Redfish.
//!
//! A thin client of our own: every field is optional, the raw JSON is kept, and what vendors do differently is data.
//! `bmc` is one BMC with its session and its bounds, `system` one machine behind it.

mod adapters;
mod attribute_registry;
mod bios;
mod bmc;
mod boot;
mod cache;
mod clock;
mod credential;
mod exchange;
mod firmware;
mod http;
mod indicators;
mod info;
mod login;
mod nmi;
mod patch;
mod power;
mod quirks;
mod raid;
mod resource;
mod secure_boot;
mod sensors;
mod steps;
mod system;
mod task;
#[cfg(test)]
mod tests;
mod tls;
mod vendor;
mod virtual_media;
mod watches;

pub(crate) use bmc::Bmc;
pub(crate) use cache::BmcCache;
pub(crate) use info::RedfishInfo;
pub(crate) use steps::STEPS;
pub(crate) use system::System;
pub(crate) use vendor::VENDOR_METHODS;
pub(crate) use watches::WATCHES;
