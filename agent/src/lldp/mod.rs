//! What the switches at the machine's interfaces say of themselves: LLDP, IEEE 802.1AB.
//!
//! The conductor is sent what was heard as it was heard, and its hooks give it names. A switch speaks every 30 seconds,
//! so all interfaces are listened to at once, until one deadline.

mod firmware;
mod frame;
mod listen;
mod neighbor;
mod socket;

pub use firmware::stop_firmware;
pub use frame::{Frame, Tlv};
pub use listen::{Heard, listen};
pub use neighbor::Neighbor;

#[cfg(test)]
pub(crate) mod frames;
#[cfg(test)]
mod tests;
