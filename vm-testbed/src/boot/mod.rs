//! What a machine boots from: the BMC's override as a small state machine, and the order of devices that follows from it.
//!
//! Pure: no process and no clock is seen here.

mod order;
mod setting;

pub use order::{Device, device_order};
pub use setting::{Duration, Mode, Override, Target};
