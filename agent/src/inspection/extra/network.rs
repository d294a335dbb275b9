//! Network interfaces that are hardware.

use ferric_agent_protocol::inventory::Interface;

use super::Facts;
use crate::host::{Tree, text};
use crate::network::list_interfaces_in;

const GROUP: &str = "network";

pub(super) fn add(facts: &mut Facts, tree: &Tree) {
    let directory = tree.path("sys/class/net");
    for interface in list_interfaces_in(&directory).unwrap_or_default() {
        let file = |name: &str| text(&directory.join(&interface.name).join(name));
        // An interface without a link has -1 there.
        let speed = file("speed").and_then(|speed| speed.parse::<u64>().ok());
        let duplex = file("duplex").filter(|duplex| duplex != "unknown");
        add_interface(facts, &interface, speed, duplex);
    }
}

fn add_interface(
    facts: &mut Facts,
    interface: &Interface,
    speed_mbps: Option<u64>,
    duplex: Option<String>,
) {
    let mut maybe = |attribute: &str, value: Option<String>| {
        facts.maybe(GROUP, &interface.name, attribute, value);
    };
    maybe(
        "businfo",
        interface.pci_address.as_deref().and_then(businfo),
    );
    maybe("vendor", interface.vendor.clone());
    maybe("product", interface.product.clone());
    maybe(
        "size",
        speed_mbps.map(|mbps| mbps.saturating_mul(1_000_000).to_string()),
    );
    maybe("ipv4", interface.ipv4_address.clone());
    let link = interface.has_carrier.unwrap_or_default();
    maybe("link", Some(if link { "yes" } else { "no" }.to_owned()));
    maybe("driver", interface.driver.clone());
    maybe("duplex", duplex);
    maybe("speed", speed_mbps.map(speed_text));
    maybe(
        "serial",
        interface.mac_address.as_deref().map(str::to_lowercase),
    );
}

/// The last part of where a device is may be no PCI address: `virtio0`.
fn businfo(device: &str) -> Option<String> {
    (device.split(':').count() == 3).then(|| format!("pci@{device}"))
}

fn speed_text(mbps: u64) -> String {
    if mbps >= 1000 && mbps.is_multiple_of(1000) {
        format!("{}Gbit/s", mbps / 1000)
    } else {
        format!("{mbps}Mbit/s")
    }
}
