//! The keys of `driver_info` that implementations read, described for the operator.

use std::collections::BTreeMap;

use super::InterfaceKind::{self, Bios, Boot, Firmware, Management, Power, Raid, Vendor};
use super::hardware_type;

/// Whether an implementation can work without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

/// A key of `driver_info`, and which implementations read it.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) key: &'static str,
    pub(super) need: Need,
    pub(super) description: &'static str,
    read_by: &'static [(InterfaceKind, &'static str)],
}

const REDFISH: &[(InterfaceKind, &str)] = &[
    (Power, "redfish"),
    (Management, "redfish"),
    (Bios, "redfish"),
    (Firmware, "redfish"),
    (Raid, "redfish"),
    (Vendor, "redfish"),
];
const FAKE: &[(InterfaceKind, &str)] = &[
    (Power, "fake"),
    (Management, "fake"),
    (Bios, "fake"),
    (Firmware, "fake"),
    (Raid, "fake"),
    (Vendor, "fake"),
];
const FAKE_TASKS: &[(InterfaceKind, &str)] = &[(Bios, "fake"), (Firmware, "fake"), (Raid, "fake")];
const RAMDISK: &[(InterfaceKind, &str)] = &[(Boot, "ipxe")];

const PROPERTIES: &[Property] = &[
    required(
        "redfish_address",
        REDFISH,
        "URL of the BMC; https is assumed where it names no scheme. Required.",
    ),
    optional(
        "redfish_system_id",
        REDFISH,
        "Path of the system resource, for example /redfish/v1/Systems/1. Required where the BMC has several.",
    ),
    optional(
        "redfish_username",
        REDFISH,
        "User name of an account with the privileges of an operator.",
    ),
    optional("redfish_password", REDFISH, "Password of that account."),
    optional(
        "redfish_verify_ca",
        REDFISH,
        "true: verify the BMC's certificate with the system's CAs; false: do not; or the path of a file or directory of CA certificates. Default true.",
    ),
    optional(
        "redfish_auth_type",
        REDFISH,
        "basic, session, or auto (a session where the BMC has them, else basic). Default auto.",
    ),
    required(
        "deploy_kernel",
        RAMDISK,
        "URL or path of the ramdisk's kernel. Required unless configured for all nodes.",
    ),
    required(
        "deploy_ramdisk",
        RAMDISK,
        "URL or path of the ramdisk. Required unless configured for all nodes.",
    ),
    optional(
        "rescue_kernel",
        RAMDISK,
        "URL or path of the kernel that machines are rescued with. Default: as configured, else that of the ramdisk.",
    ),
    optional(
        "rescue_ramdisk",
        RAMDISK,
        "URL or path of the ramdisk that machines are rescued with. Default: as configured, else the ramdisk.",
    ),
    optional(
        "fast_track",
        RAMDISK,
        "Whether the ramdisk is kept up from one activity to the next. Default: as configured.",
    ),
    optional(
        "dial_out",
        RAMDISK,
        "Whether the ramdisk's agent opens no port and comes for what it is asked. Default: as configured.",
    ),
    optional(
        "kernel_append_params",
        RAMDISK,
        "Further kernel arguments; %default% stands for the configured ones.",
    ),
    optional(
        "force_persistent_boot_device",
        RAMDISK,
        "Whether boot devices are set for every boot: Default, Always or Never.",
    ),
    optional(
        "fake_address",
        FAKE,
        "Nodes with the same value are the same fake machine. Default: the node's own.",
    ),
    optional(
        "fake_delay_ms",
        FAKE,
        "How long each request to the fake machine takes until it has its effect.",
    ),
    optional(
        "fake_answer_delay_ms",
        FAKE,
        "How long each change of the fake machine takes from its effect to its answer.",
    ),
    optional(
        "fake_async_steps_s",
        FAKE_TASKS,
        "How long the fake BMC works on BIOS, RAID and firmware steps by itself. Default 0: they are done at once.",
    ),
];

const fn required(
    key: &'static str,
    read_by: &'static [(InterfaceKind, &'static str)],
    description: &'static str,
) -> Property {
    Property {
        key,
        need: Need::Required,
        description,
        read_by,
    }
}

const fn optional(
    key: &'static str,
    read_by: &'static [(InterfaceKind, &'static str)],
    description: &'static str,
) -> Property {
    Property {
        key,
        need: Need::Optional,
        description,
        read_by,
    }
}

/// The keys that one implementation reads.
pub(super) fn read_by(kind: InterfaceKind, name: &str) -> impl Iterator<Item = &'static Property> {
    PROPERTIES
        .iter()
        .filter(move |property| property.read_by.contains(&(kind, name)))
}

/// The keys that any implementation of a hardware type reads, with their descriptions; `None`: no such type.
pub fn properties(hardware_type_name: &str) -> Option<BTreeMap<&'static str, &'static str>> {
    let hardware_type = hardware_type(hardware_type_name)?;
    let implementations = InterfaceKind::ALL.into_iter().flat_map(|kind| {
        hardware_type
            .supported(kind)
            .into_iter()
            .map(move |name| (kind, name))
    });
    let keys = implementations.flat_map(|(kind, name)| read_by(kind, name));
    Some(
        keys.map(|property| (property.key, property.description))
            .collect(),
    )
}
