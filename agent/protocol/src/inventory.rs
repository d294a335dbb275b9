//! The inventory of a machine: what inspection sends and what root device hints are compared with.
//!
//! Written with every key that Ironic's agent writes; read with every key optional, because agents of other
//! versions leave some out.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// All hardware of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inventory {
    /// Network interfaces; the conductor accepts no inventory without one.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub interfaces: Vec<Interface>,
    /// Processors.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub cpu: Cpu,
    /// Disks.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub disks: Vec<Disk>,
    /// Memory.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub memory: Memory,
    /// IPv4 address of the BMC; `0.0.0.0` if it has none, null if there is no BMC.
    pub bmc_address: Option<String>,
    /// IPv6 address of the BMC; `::/0` if it has none, null if there is no BMC.
    pub bmc_v6address: Option<String>,
    /// Maker, model and serial number.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub system_vendor: SystemVendor,
    /// How this system was booted.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub boot: Boot,
    /// The name of the running system.
    pub hostname: Option<String>,
    /// MAC address of the BMC; the key is left out when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bmc_mac: Option<String>,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// The kernel's name.
    pub name: String,
    /// The permanent MAC address.
    pub mac_address: Option<String>,
    /// Its first IPv4 address.
    pub ipv4_address: Option<String>,
    /// Its first IPv6 address; `%scope` follows a link-local one.
    pub ipv6_address: Option<String>,
    /// Whether a cable with something at its other end is plugged in.
    pub has_carrier: Option<bool>,
    /// LLDP as type and hex text, when it was collected the old way.
    #[serde(deserialize_with = "lenient::if_valid")]
    pub lldp: Option<Vec<(u16, String)>>,
    /// PCI vendor, like `0x8086`.
    pub vendor: Option<String>,
    /// PCI device, like `0x1572`.
    pub product: Option<String>,
    /// The DHCP client id of an InfiniBand interface.
    pub client_id: Option<String>,
    /// The name that the firmware suggests.
    pub biosdevname: Option<String>,
    /// The highest speed of the link.
    #[serde(deserialize_with = "lenient::if_valid")]
    pub speed_mbps: Option<u64>,
    /// Where on the PCI bus it is.
    pub pci_address: Option<String>,
    /// The kernel's driver.
    pub driver: Option<String>,
}

/// A disk: exactly fourteen keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// `/dev/<kernel name>`.
    pub name: String,
    /// The model.
    pub model: Option<String>,
    /// The size in bytes.
    pub size: u64,
    /// Whether it turns.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub rotational: bool,
    /// The World Wide Name.
    pub wwn: Option<String>,
    /// The serial number.
    pub serial: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
    /// The World Wide Name with the vendor's extension.
    pub wwn_with_extension: Option<String>,
    /// The vendor's extension alone.
    pub wwn_vendor_extension: Option<String>,
    /// Host, channel, target and lun of a SCSI disk: `0:0:0:0`.
    pub hctl: Option<String>,
    /// The link under `/dev/disk/by-path`.
    pub by_path: Option<String>,
    /// Bytes of a logical sector.
    #[serde(deserialize_with = "lenient::if_valid")]
    pub logical_sectors: Option<u32>,
    /// Bytes of a physical sector.
    #[serde(deserialize_with = "lenient::if_valid")]
    pub physical_sectors: Option<u32>,
    /// How it is attached: `sata`, `nvme`, ...
    pub tran: Option<String>,
}

/// Processors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cpu {
    /// The model.
    pub model_name: Option<String>,
    /// MHz as text, the maximum if it is known: `3600.0000`.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub frequency: Option<String>,
    /// Logical processors.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub count: u32,
    /// `x86_64`, `aarch64`, ...
    pub architecture: Option<String>,
    /// Features, by the kernel's names.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub flags: Vec<String>,
    /// Sockets with a processor in them.
    #[serde(deserialize_with = "lenient::if_valid")]
    pub socket_count: Option<u32>,
}

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Bytes that the kernel manages.
    #[serde(deserialize_with = "lenient::if_valid")]
    pub total: Option<u64>,
    /// Mebibytes of the modules that are plugged in.
    #[serde(deserialize_with = "lenient::if_valid")]
    pub physical_mb: Option<u64>,
}

/// Maker, model and serial number of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemVendor {
    /// The model.
    pub product_name: Option<String>,
    /// The serial number.
    pub serial_number: Option<String>,
    /// The maker.
    pub manufacturer: Option<String>,
    /// The firmware.
    #[serde(deserialize_with = "lenient::null_as_default")]
    pub firmware: Firmware,
}

/// The machine's firmware.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Firmware {
    /// Who made it.
    pub vendor: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// When it was built, as the firmware writes it.
    pub build_date: Option<String>,
}

/// How the ramdisk was booted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Boot {
    /// `uefi` or `bios`.
    pub current_boot_mode: Option<String>,
    /// `BOOTIF` of the kernel's command line, as it stands there.
    pub pxe_interface: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn keys(value: &Value) -> Vec<&str> {
        let mut keys: Vec<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn every_key_is_written_even_when_it_is_null() {
        let inventory = Inventory {
            interfaces: vec![Interface::default()],
            disks: vec![Disk::default()],
            ..Inventory::default()
        };
        let wire = serde_json::to_value(inventory).unwrap();
        let top =
            "bmc_address bmc_v6address boot cpu disks hostname interfaces memory system_vendor";
        assert_eq!(keys(&wire).join(" "), top);
        let nic = "biosdevname client_id driver has_carrier ipv4_address ipv6_address lldp mac_address name \
                   pci_address product speed_mbps vendor";
        assert_eq!(keys(&wire["interfaces"][0]).join(" "), nic);
        let disk = "by_path hctl logical_sectors model name physical_sectors rotational serial size tran vendor \
                    wwn wwn_vendor_extension wwn_with_extension";
        assert_eq!(keys(&wire["disks"][0]).join(" "), disk);
        let cpu = "architecture count flags frequency model_name socket_count";
        assert_eq!(keys(&wire["cpu"]).join(" "), cpu);
        let vendor = "firmware manufacturer product_name serial_number";
        assert_eq!(keys(&wire["system_vendor"]).join(" "), vendor);
    }

    #[test]
    fn an_inventory_with_little_in_it_is_read() {
        let wire = json!({
            "interfaces": [{"name": "eth0", "mac_address": "52:54:00:00:00:01", "lldp": "odd"}],
            "cpu": null,
            "disks": [{"name": "/dev/sda", "size": 5, "rotational": null, "uuid": "old"}],
        });
        let inventory: Inventory = serde_json::from_value(wire).unwrap();
        assert_eq!(inventory.disks[0].size, 5);
        assert_eq!(inventory.interfaces[0].lldp, None);
    }
}
