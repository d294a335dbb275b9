//! The agent as a client of the conductor's API: lookup, inspection data, heartbeat.

mod advertise;
mod client;
mod heartbeat;
mod inspection;
mod lookup;

pub use advertise::{AdvertiseError, advertised_address, wait_for_route};
pub use client::{ClientError, Conductor};
pub use heartbeat::{BeatError, Pace, beat};
pub use inspection::{InspectionError, send_inspection};
pub use lookup::{LookupError, lookup, mac_addresses};
