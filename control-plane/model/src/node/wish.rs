//! What is asked of a machine by a request that is answered before it is done. It is stored with the node, so that whoever
//! has the node next goes on with it.

use crate::bulk::Hidden;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// The firmware interface, by its name in Ironic's API.
    BootMode(String),
    SecureBoot(bool),
    /// Whether the console is open.
    Console(bool),
    /// An image in a virtual drive, by the drive's name in Ironic's API.
    AttachMedia {
        device: String,
        image_url: String,
    },
    /// Nothing in the virtual drives of these names.
    DetachMedia(Vec<String>),
    /// A method of the vendor interface, with an object of arguments.
    VendorMethod {
        method: String,
        arguments: Hidden,
    },
}

impl Wish {
    /// What the node is held for, as its `reservation` says.
    pub fn purpose(&self) -> &'static str {
        match self {
            Self::BootMode(_) => "changing its boot mode",
            Self::SecureBoot(_) => "changing its secure boot",
            Self::Console(true) => "opening its console",
            Self::Console(false) => "closing its console",
            Self::AttachMedia { .. } => "attaching virtual media",
            Self::DetachMedia(_) => "detaching virtual media",
            Self::VendorMethod { .. } => "calling a vendor method",
        }
    }

    /// Whether the machine may be restarted for it.
    pub fn may_restart(&self) -> bool {
        matches!(self, Self::BootMode(_) | Self::SecureBoot(_))
    }
}

/// How far a wish has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishProgress {
    /// Until when it is begun, or is to show after a restart. Later it stands in nobody's way.
    pub until: Timestamp,
    /// How often the machine was about to be restarted for it; stored before the restart.
    #[serde(default)]
    pub restarts: u32,
}
