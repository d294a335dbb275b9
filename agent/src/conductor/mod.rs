//! The agent as a client of the conductor's API: lookup, inspection data, heartbeat, its log, and fetching commands where
//! the agent opens no port.

mod advertise;
mod client;
mod dial_out;
mod heartbeat;
mod inspection;
mod log;
mod lookup;

pub use advertise::{AdvertiseError, advertised_address, wait_for_route};
pub use client::{ClientError, Conductor};
pub use dial_out::{Delivery, DialOutError, deliver, fetch};
pub use heartbeat::{BeatError, Pace, beat};
pub use inspection::{InspectionError, send_inspection};
pub use log::bring_log;
pub use lookup::{Asker, LookupError, lookup, mac_addresses};
