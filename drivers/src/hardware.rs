//! The handles to one machine that a flow works with.

use std::sync::Arc;

use crate::{
    Bios, BmcClock, Console, DriverInfo, Firmware, Indicators, Management, Power, Raid, SecureBoot,
    Sensors, Vendor, VirtualMedia,
};

/// Which machine is meant: a name that is its own, and how to reach it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Tells machines apart that have no address (those of `fake-hardware`); the conductor gives the node's UUID.
    pub name: &'a str,
    /// How to reach the machine's BMC.
    pub driver_info: &'a DriverInfo,
    /// Whether a restart may switch the machine off on its way.
    pub off_allowed: OffAllowed,
}

/// Whether a machine may be switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OffAllowed {
    /// As any machine.
    #[default]
    Yes,
    /// It may never come on again without somebody at its place, or feeds others; a restart must be one action.
    No,
}

/// One machine, ready to be asked. All handles to one BMC share its session and its request budget.
#[derive(Clone)]
pub struct Hardware {
    /// Power; every machine has it.
    pub power: Arc<dyn Power>,
    /// Boot device and boot mode; `None`: nobody but the machine's own firmware decides.
    pub management: Option<Arc<dyn Management>>,
    /// The BMC's clock, where the management interface reaches it.
    pub clock: Option<Arc<dyn BmcClock>>,
    /// Secure boot, where the management interface reaches it.
    pub secure_boot: Option<Arc<dyn SecureBoot>>,
    /// Indicator lights, where the management interface reaches them.
    pub indicators: Option<Arc<dyn Indicators>>,
    /// Sensors, where the management interface reads them.
    pub sensors: Option<Arc<dyn Sensors>>,
    /// Virtual drives, where the management interface has them.
    pub virtual_media: Option<Arc<dyn VirtualMedia>>,
    /// BIOS settings.
    pub bios: Option<Arc<dyn Bios>>,
    /// RAID volumes.
    pub raid: Option<Arc<dyn Raid>>,
    /// Firmware.
    pub firmware: Option<Arc<dyn Firmware>>,
    /// The console.
    pub console: Option<Arc<dyn Console>>,
    /// What only its vendor has.
    pub vendor: Option<Arc<dyn Vendor>>,
}
