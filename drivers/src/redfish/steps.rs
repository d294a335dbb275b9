//! The steps that Redfish BMCs offer.

use crate::step::OfferedStep;
use crate::step::standard::{
    BIOS_APPLY_CONFIGURATION, BIOS_FACTORY_RESET, CLEAR_SECURE_BOOT_KEYS, RESET_SECURE_BOOT_KEYS,
    SET_BMC_CLOCK, VERIFY_BMC_CLOCK,
};

pub(crate) static STEPS: &[OfferedStep] = &[
    BIOS_APPLY_CONFIGURATION,
    BIOS_FACTORY_RESET,
    CLEAR_SECURE_BOOT_KEYS,
    RESET_SECURE_BOOT_KEYS,
    SET_BMC_CLOCK,
    VERIFY_BMC_CLOCK,
];
