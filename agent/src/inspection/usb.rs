//! `usb-devices`: what is plugged into USB, from sysfs.
//!
//! Ironic's agent takes the list from lshw, and sees a device there only if it is alone on its hub and of no class
//! that lshw has a word for. Here all devices are listed but hubs. Where a device does not tell its name there is its
//! number; lshw has a list of names.

use std::path::Path;

use ferric_agent_protocol::inspection::InspectionData;
use serde::Serialize;

use super::Subject;
use super::collector::{CollectError, keyed};
use crate::host::{Tree, names, text};

/// `bDeviceClass` of the root hubs and of those that are plugged in.
const HUB: &str = "09";

#[derive(Debug, PartialEq, Eq, Serialize)]
struct UsbDevice {
    product: String,
    vendor: String,
    /// Bus and device as lshw writes them: `USB:1:2`.
    handle: String,
}

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    Ok(keyed("usb_devices", &list(subject.host.tree())))
}

/// A machine without USB has no such folder.
fn list(tree: &Tree) -> Vec<UsbDevice> {
    let directory = tree.path("sys/bus/usb/devices");
    let mut devices: Vec<_> = names(&directory)
        .iter()
        .filter_map(|name| read(&directory.join(name)))
        .collect();
    devices.sort_by_key(|(place, _)| *place);
    devices.into_iter().map(|(_, device)| device).collect()
}

/// `None` for a hub, and for the interface of a device, which has no number of its own.
fn read(path: &Path) -> Option<((u32, u32), UsbDevice)> {
    let file = |name: &str| text(&path.join(name));
    let number = |name: &str| file(name)?.parse::<u32>().ok();
    if file("bDeviceClass").as_deref() == Some(HUB) {
        return None;
    }
    let (bus, device) = (number("busnum")?, number("devnum")?);
    let told = |name: &str, id: &str| {
        let id = || file(id).map(|id| format!("0x{id}"));
        file(name).or_else(id).unwrap_or_default()
    };
    let usb_device = UsbDevice {
        product: told("product", "idProduct"),
        vendor: told("manufacturer", "idVendor"),
        handle: format!("USB:{bus}:{device}"),
    };
    Some(((bus, device), usb_device))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inspection::recorded::Recorded;

    #[test]
    fn all_devices_but_hubs_by_place() {
        let machine = Recorded::new(&[]);
        let device = |name: &str, files: &[(&str, &str)]| {
            for (file, content) in files {
                machine.write(&format!("sys/bus/usb/devices/{name}/{file}"), content);
            }
        };
        device(
            "usb1",
            &[
                ("bDeviceClass", "09\n"),
                ("busnum", "1\n"),
                ("devnum", "1\n"),
            ],
        );
        device(
            "1-10",
            &[
                ("bDeviceClass", "00\n"),
                ("busnum", "1\n"),
                ("devnum", "2\n"),
                ("product", "Virtual  Keyboard\n"),
                ("manufacturer", "ATEN\n"),
            ],
        );
        device("1-10:1.0", &[("bInterfaceClass", "03\n")]);
        device(
            "1-2",
            &[
                ("bDeviceClass", "ff\n"),
                ("busnum", "1\n"),
                ("devnum", "12\n"),
                ("idVendor", "0951\n"),
                ("idProduct", "1666\n"),
            ],
        );
        let expected = json!([
            {"product": "Virtual  Keyboard", "vendor": "ATEN", "handle": "USB:1:2"},
            {"product": "0x1666", "vendor": "0x0951", "handle": "USB:1:12"},
        ]);
        assert_eq!(json!(list(machine.host(&[]).tree())), expected);
        assert!(list(Recorded::new(&[]).host(&[]).tree()).is_empty());
    }
}
