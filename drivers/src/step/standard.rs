//! The steps that several implementations offer in the same words: their names and arguments, by kind of interface.

use super::{Argument, ArgumentType, Need, Offer, OfferedStep, StepFlow};
use crate::InterfaceKind;

const fn required(name: &'static str, kind: ArgumentType, description: &'static str) -> Argument {
    Argument {
        name,
        description,
        need: Need::Required,
        kind,
    }
}

const fn optional(name: &'static str, kind: ArgumentType, description: &'static str) -> Argument {
    Argument {
        name,
        description,
        need: Need::Optional,
        kind,
    }
}

const BIOS_FLOWS: &[Offer] = &[
    Offer::without_ramdisk(StepFlow::Clean, 0),
    Offer::without_ramdisk(StepFlow::Deploy, 0),
    Offer::without_ramdisk(StepFlow::Service, 0),
];

/// One setting of `bios.apply_configuration`.
const BIOS_SETTING: &[Argument] = &[
    required(
        "name",
        ArgumentType::Text,
        "the setting, by the BMC's name of it",
    ),
    required("value", ArgumentType::Scalar, "its new value"),
];

/// `bios.apply_configuration`.
pub(crate) const BIOS_APPLY_CONFIGURATION: OfferedStep = OfferedStep {
    interface: InterfaceKind::Bios,
    name: "apply_configuration",
    offers: BIOS_FLOWS,
    arguments: &[required(
        "settings",
        ArgumentType::Objects(BIOS_SETTING),
        "a list of BIOS settings to be applied, each with name and value",
    )],
    abortable: false,
};

/// `bios.factory_reset`.
pub(crate) const BIOS_FACTORY_RESET: OfferedStep = OfferedStep {
    interface: InterfaceKind::Bios,
    name: "factory_reset",
    offers: BIOS_FLOWS,
    arguments: &[],
    abortable: false,
};

const CREATE_ROOT_VOLUME: Argument = optional(
    "create_root_volume",
    ArgumentType::Boolean,
    "whether to create the root volume of the configuration; default true",
);

const CREATE_NONROOT_VOLUMES: Argument = optional(
    "create_nonroot_volumes",
    ArgumentType::Boolean,
    "whether to create the other volumes of the configuration; default true",
);

const APPLY_NONROOT_VOLUMES: Argument = optional(
    "create_nonroot_volumes",
    ArgumentType::Boolean,
    "whether to create the other volumes of the configuration; default false",
);

const DELETE_EXISTING: Argument = optional(
    "delete_existing",
    ArgumentType::Boolean,
    "whether to delete what volumes there are first; default false",
);

/// `raid.create_configuration`: makes the node's `target_raid_config`.
pub(crate) const RAID_CREATE_CONFIGURATION: OfferedStep = OfferedStep {
    interface: InterfaceKind::Raid,
    name: "create_configuration",
    offers: &[Offer::with_ramdisk(StepFlow::Clean, 0)],
    arguments: &[CREATE_ROOT_VOLUME, CREATE_NONROOT_VOLUMES, DELETE_EXISTING],
    abortable: false,
};

/// `raid.delete_configuration`.
pub(crate) const RAID_DELETE_CONFIGURATION: OfferedStep = OfferedStep {
    interface: InterfaceKind::Raid,
    name: "delete_configuration",
    offers: &[
        Offer::with_ramdisk(StepFlow::Clean, 0),
        Offer::with_ramdisk(StepFlow::Deploy, 0),
        Offer::with_ramdisk(StepFlow::Service, 0),
    ],
    arguments: &[],
    abortable: false,
};

/// `raid.apply_configuration`: makes the configuration that it is given.
pub(crate) const RAID_APPLY_CONFIGURATION: OfferedStep = OfferedStep {
    interface: InterfaceKind::Raid,
    name: "apply_configuration",
    offers: &[
        Offer::with_ramdisk(StepFlow::Deploy, 0),
        Offer::with_ramdisk(StepFlow::Service, 0),
    ],
    arguments: &[
        required(
            "raid_config",
            ArgumentType::RaidConfig,
            "the RAID configuration to apply",
        ),
        CREATE_ROOT_VOLUME,
        APPLY_NONROOT_VOLUMES,
        DELETE_EXISTING,
    ],
    abortable: false,
};

/// One image of `firmware.update`.
const FIRMWARE_IMAGE: &[Argument] = &[
    required(
        "component",
        ArgumentType::Text,
        "what to update: bios, bmc, or nic: and its id",
    ),
    required(
        "url",
        ArgumentType::Text,
        "where the BMC fetches the image from",
    ),
    optional(
        "wait",
        ArgumentType::Integer,
        "seconds to wait after this image before the next",
    ),
];

/// `firmware.update`.
pub(crate) const FIRMWARE_UPDATE: OfferedStep = OfferedStep {
    interface: InterfaceKind::Firmware,
    name: "update",
    offers: &[
        Offer::with_ramdisk(StepFlow::Clean, 0),
        Offer::with_ramdisk(StepFlow::Deploy, 0),
        Offer::without_ramdisk(StepFlow::Service, 0),
    ],
    arguments: &[required(
        "settings",
        ArgumentType::Objects(FIRMWARE_IMAGE),
        "a list of firmware images to be applied, in this order",
    )],
    abortable: false,
};

/// `management.set_bmc_clock`.
pub(crate) const SET_BMC_CLOCK: OfferedStep = OfferedStep {
    interface: InterfaceKind::Management,
    name: "set_bmc_clock",
    offers: &[Offer::without_ramdisk(StepFlow::Clean, 0)],
    arguments: &[
        required(
            "target_datetime",
            ArgumentType::Text,
            "the date and time to set, as 2026-01-31T12:00:00+00:00",
        ),
        optional(
            "datetime_local_offset",
            ArgumentType::Text,
            "the BMC's offset from UTC, as +00:00",
        ),
    ],
    abortable: false,
};

/// `management.verify_bmc_clock`.
pub(crate) const VERIFY_BMC_CLOCK: OfferedStep = OfferedStep {
    interface: InterfaceKind::Management,
    name: "verify_bmc_clock",
    offers: &[Offer::without_ramdisk(StepFlow::Verify, 1)],
    arguments: &[],
    abortable: false,
};

const SECURE_BOOT_FLOWS: &[Offer] = &[
    Offer::with_ramdisk(StepFlow::Clean, 0),
    Offer::with_ramdisk(StepFlow::Deploy, 0),
];

/// `management.reset_secure_boot_keys_to_default`.
pub(crate) const RESET_SECURE_BOOT_KEYS: OfferedStep = OfferedStep {
    interface: InterfaceKind::Management,
    name: "reset_secure_boot_keys_to_default",
    offers: SECURE_BOOT_FLOWS,
    arguments: &[],
    abortable: false,
};

/// `management.clear_secure_boot_keys`.
pub(crate) const CLEAR_SECURE_BOOT_KEYS: OfferedStep = OfferedStep {
    interface: InterfaceKind::Management,
    name: "clear_secure_boot_keys",
    offers: SECURE_BOOT_FLOWS,
    arguments: &[],
    abortable: false,
};
