//! Machines whose BMC speaks Redfish.
//!
//! A thin client of our own: every field is optional, the raw JSON is kept, and what vendors do differently is data.

mod info;

pub(crate) use info::{InfoError, RedfishInfo};
