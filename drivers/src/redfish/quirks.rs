//! What single vendors do differently, as data. What any BMC may do differently is handled where it is met.

use super::resource::Resource;
use crate::BootDevice;

/// A vendor's own name for a boot device.
struct BootTarget {
    /// How `Manufacturer` begins, in lower case.
    vendor: &'static str,
    /// Models that keep to the standard, in lower case.
    except: &'static [&'static str],
    device: BootDevice,
    target: &'static str,
}

const BOOT_TARGETS: &[BootTarget] = &[
    // Virtual media is a USB drive there, and `Cd` boots from nothing.
    BootTarget {
        vendor: "supermicro",
        except: &["ars-111gl-nhr"],
        device: BootDevice::Cdrom,
        target: "UsbCd",
    },
    BootTarget {
        vendor: "super micro",
        except: &["ars-111gl-nhr"],
        device: BootDevice::Cdrom,
        target: "UsbCd",
    },
];

/// The vendor's own name for a device on this machine.
pub(super) fn boot_target(system: &Resource, device: BootDevice) -> Option<&'static str> {
    let lower = |pointer: &str| {
        system
            .text(pointer)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let (vendor, model) = (lower("/Manufacturer"), lower("/Model"));
    let fits = |row: &&BootTarget| {
        row.device == device
            && vendor.starts_with(row.vendor)
            && !row.except.contains(&model.as_str())
    };
    BOOT_TARGETS.iter().find(fits).map(|row| row.target)
}
