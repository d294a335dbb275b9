//! Which implementations a hardware type has for each kind of interface, which one a node gets, and whether its
//! `driver_info` suffices for it. Names and rules are Ironic's; nothing here talks to hardware.

mod enabled;
mod hardware_type;
mod kind;
mod properties;
mod resolve;
mod validate;

pub use enabled::Enabled;
pub use hardware_type::{HARDWARE_TYPES, HardwareType, hardware_type};
pub use kind::InterfaceKind;
pub use properties::properties;
pub use resolve::{InterfaceError, Interfaces, resolve};
pub use validate::{Validation, validate};
