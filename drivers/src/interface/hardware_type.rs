//! The hardware types: per kind of interface the implementations that fit, best first.
//!
//! The order is Ironic's, restricted to what is built in. A new implementation is one more name here, one arm in
//! `registry`, and its keys in `properties`.

use super::InterfaceKind;

/// A hardware type: a name, and the implementations that fit it.
#[derive(Debug)]
pub struct HardwareType {
    /// The node's `driver`.
    pub name: &'static str,
    supported: fn(InterfaceKind) -> &'static [&'static str],
    fits: Fits,
}

/// Which implementations beyond the listed ones a hardware type takes.
#[derive(Debug, PartialEq, Eq)]
enum Fits {
    /// None.
    Listed,
    /// Every one that is built in, for tests; the list only gives the default.
    Everything,
}

impl HardwareType {
    /// The implementations of a kind that a driver tells of, best first.
    pub fn listed(&self, kind: InterfaceKind) -> &'static [&'static str] {
        (self.supported)(kind)
    }

    /// The implementations of a kind that fit, best first.
    pub fn supported(&self, kind: InterfaceKind) -> Vec<&'static str> {
        let listed = self.listed(kind).iter().copied();
        let others = built_in(kind)
            .iter()
            .copied()
            .filter(|_| self.fits == Fits::Everything);
        let mut names: Vec<_> = listed.collect();
        for name in others {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The implementation of this name, if it fits.
    pub(super) fn find(&self, kind: InterfaceKind, name: &str) -> Option<&'static str> {
        let others = match self.fits {
            Fits::Listed => &[][..],
            Fits::Everything => built_in(kind),
        };
        let mut fitting = self.listed(kind).iter().chain(others).copied();
        fitting.find(|fitting| *fitting == name)
    }
}

/// The hardware types that are built in.
pub static HARDWARE_TYPES: [HardwareType; 3] = [
    HardwareType {
        name: "fake-hardware",
        supported: fake,
        fits: Fits::Everything,
    },
    HardwareType {
        name: "manual-management",
        supported: manual,
        fits: Fits::Listed,
    },
    HardwareType {
        name: "redfish",
        supported: redfish,
        fits: Fits::Listed,
    },
];

/// The hardware type of that name, if it is built in.
pub fn hardware_type(name: &str) -> Option<&'static HardwareType> {
    HARDWARE_TYPES
        .iter()
        .find(|hardware_type| hardware_type.name == name)
}

/// Every implementation of a kind that is built in.
pub(super) fn built_in(kind: InterfaceKind) -> &'static [&'static str] {
    match kind {
        InterfaceKind::Bios => &["no-bios", "redfish", "fake"],
        InterfaceKind::Boot => &["ipxe", "fake"],
        InterfaceKind::Console => &["no-console", "fake"],
        InterfaceKind::Deploy => &["direct", "fake"],
        InterfaceKind::Firmware => &["no-firmware", "redfish", "fake"],
        InterfaceKind::Inspect => &["agent", "no-inspect", "fake"],
        InterfaceKind::Management => &["redfish", "noop", "fake"],
        InterfaceKind::Network => &["flat", "noop", "standalone"],
        InterfaceKind::Power => &["redfish", "fake"],
        InterfaceKind::Raid => &["no-raid", "agent", "redfish", "fake"],
        InterfaceKind::Rescue => &["no-rescue", "agent", "fake"],
        InterfaceKind::Storage => &["noop", "fake"],
        InterfaceKind::Vendor => &["no-vendor", "redfish", "fake"],
    }
}

fn redfish(kind: InterfaceKind) -> &'static [&'static str] {
    match kind {
        InterfaceKind::Management => &["redfish", "noop"],
        InterfaceKind::Power => &["redfish"],
        InterfaceKind::Bios => &["redfish", "no-bios"],
        InterfaceKind::Firmware => &["redfish", "no-firmware"],
        InterfaceKind::Raid => &["redfish", "no-raid", "agent"],
        InterfaceKind::Vendor => &["redfish", "no-vendor"],
        other => generic(other),
    }
}

fn manual(kind: InterfaceKind) -> &'static [&'static str] {
    match kind {
        InterfaceKind::Management => &["noop", "fake"],
        InterfaceKind::Power => &["fake"],
        other => generic(other),
    }
}

fn fake(kind: InterfaceKind) -> &'static [&'static str] {
    match kind {
        InterfaceKind::Bios => &["fake", "no-bios"],
        InterfaceKind::Boot => &["fake", "ipxe"],
        InterfaceKind::Console => &["fake", "no-console"],
        InterfaceKind::Deploy => &["fake", "direct"],
        InterfaceKind::Firmware => &["fake", "no-firmware"],
        InterfaceKind::Inspect => &["fake", "agent", "no-inspect"],
        InterfaceKind::Network => generic(kind),
        InterfaceKind::Raid => &["fake", "no-raid", "agent"],
        InterfaceKind::Rescue => &["fake", "no-rescue", "agent"],
        // Volumes are for those who ask for them, whatever the hardware type.
        InterfaceKind::Storage => &["noop", "fake"],
        InterfaceKind::Vendor => &["fake", "no-vendor"],
        InterfaceKind::Management | InterfaceKind::Power => &["fake"],
    }
}

/// What every real hardware type shares.
fn generic(kind: InterfaceKind) -> &'static [&'static str] {
    match kind {
        InterfaceKind::Bios => &["no-bios"],
        InterfaceKind::Boot => &["ipxe"],
        InterfaceKind::Console => &["no-console"],
        InterfaceKind::Deploy => &["direct"],
        InterfaceKind::Firmware => &["no-firmware"],
        InterfaceKind::Inspect => &["agent", "no-inspect"],
        InterfaceKind::Network => &["flat", "noop", "standalone"],
        InterfaceKind::Raid => &["no-raid", "agent"],
        InterfaceKind::Rescue => &["no-rescue", "agent"],
        InterfaceKind::Storage => &["noop"],
        InterfaceKind::Vendor => &["no-vendor"],
        InterfaceKind::Management | InterfaceKind::Power => &[],
    }
}
