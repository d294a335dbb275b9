//! What is asked and answered on the control socket.

use serde::{Deserialize, Serialize};

use crate::machine::{Place, Power, Reset};
use crate::redfish::Fault;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    List,
    Power {
        name: String,
        reset: Reset,
    },
    Disk {
        name: String,
        index: usize,
        place: Place,
    },
    Fault {
        name: String,
        fault: Fault,
    },
    Down,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Done,
    Machines(Vec<MachineLine>),
    Failed(String),
}

/// A machine as `list` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineLine {
    pub name: String,
    pub uuid: String,
    pub power: Power,
    pub firmware: String,
    pub bmc: String,
    /// `kvm` or `tcg`, which is QEMU's software emulation.
    pub accel: String,
    pub starts: u64,
    pub boot_target: String,
    pub boot_enabled: String,
    pub medium: Option<String>,
}
