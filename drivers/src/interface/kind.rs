//! The 13 kinds of interface that a hardware type is composed of.

use std::fmt;

/// A kind of interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceKind {
    /// Firmware settings.
    Bios,
    /// How the machine gets its ramdisk or its instance.
    Boot,
    /// Serial or graphical console.
    Console,
    /// How an image gets onto the machine.
    Deploy,
    /// Firmware components and their updates.
    Firmware,
    /// How facts about the machine are found.
    Inspect,
    /// Boot device and boot mode.
    Management,
    /// The networks that the machine's ports are in.
    Network,
    /// Power.
    Power,
    /// RAID volumes.
    Raid,
    /// How a deployed machine is rescued.
    Rescue,
    /// Remote volumes.
    Storage,
    /// What only this vendor has.
    Vendor,
}

impl InterfaceKind {
    /// Every kind, in the order of their names.
    pub const ALL: [InterfaceKind; 13] = [
        Self::Bios,
        Self::Boot,
        Self::Console,
        Self::Deploy,
        Self::Firmware,
        Self::Inspect,
        Self::Management,
        Self::Network,
        Self::Power,
        Self::Raid,
        Self::Rescue,
        Self::Storage,
        Self::Vendor,
    ];

    /// The kind's name.
    pub fn name(self) -> &'static str {
        let field = self.field();
        field.strip_suffix("_interface").unwrap_or(field)
    }

    /// The node's field that names the implementation.
    pub fn field(self) -> &'static str {
        match self {
            InterfaceKind::Bios => "bios_interface",
            InterfaceKind::Boot => "boot_interface",
            InterfaceKind::Console => "console_interface",
            InterfaceKind::Deploy => "deploy_interface",
            InterfaceKind::Firmware => "firmware_interface",
            InterfaceKind::Inspect => "inspect_interface",
            InterfaceKind::Management => "management_interface",
            InterfaceKind::Network => "network_interface",
            InterfaceKind::Power => "power_interface",
            InterfaceKind::Raid => "raid_interface",
            InterfaceKind::Rescue => "rescue_interface",
            InterfaceKind::Storage => "storage_interface",
            InterfaceKind::Vendor => "vendor_interface",
        }
    }

    /// The kind whose name or field this is.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name || kind.field() == name)
    }
}

impl fmt::Display for InterfaceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
