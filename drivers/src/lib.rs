//! What can be asked of hardware, and who can do it.
//!
//! A node names a hardware type and, per interface kind, an implementation. [`resolve`] turns these names into
//! [`Interfaces`], [`Drivers::connect`] turns those and a node's `driver_info` into [`Hardware`], the handles that
//! flows work with. Nothing here knows of the store, the API, a provision state or a lock.
#![warn(missing_docs)]

mod bios;
mod bmc_clock;
mod console;
mod error;
mod fake;
mod firmware;
mod hardware;
mod indicators;
mod interface;
mod management;
mod periodic;
mod permit;
mod power;
mod raid;
mod raid_config;
mod redfish;
mod registry;
mod secure_boot;
mod sensors;
mod settings;
mod step;
mod task;
mod task_watch;
mod vendor;
mod virtual_media;

pub use bios::{Bios, BiosAttribute, BiosSetting};
pub use bmc_clock::{BmcClock, ClockReading};
pub use console::{Console, ConsoleAddress, ConsoleState};
pub use error::BmcError;
pub use fake::{FakeFault, FakeMachine, FakeMachines};
pub use firmware::{Firmware, FirmwareComponent, FirmwareImage};
pub use hardware::{Hardware, OffAllowed, Target};
pub use indicators::{
    Component, Indicator, IndicatorState, Indicators, Switchable, UnknownComponent,
    UnknownIndicatorState,
};
pub use interface::{
    Enabled, HARDWARE_TYPES, HardwareType, InterfaceError, InterfaceKind, Interfaces, Validation,
    hardware_type, properties, resolve, validate,
};
pub use management::{
    BootDevice, BootMode, BootSetting, Management, Persistence, TakesEffect, UnknownBootDevice,
    UnknownBootMode,
};
pub use periodic::{
    Access, Answer, DriverPeriodic, Field, Filter, PeriodicSpec, PeriodicVisit, Snapshot,
    VisitLimit,
};
pub use permit::{CallPermit, Gate};
pub use power::{Power, PowerAction, PowerState, UnknownPowerAction};
pub use raid::Raid;
pub use raid_config::{
    LogicalDisk, RAID_LEVELS, RaidConfig, RaidConfigError, VolumeSize, logical_disk_properties,
};
pub use registry::{ConnectError, Connector, Drivers};
pub use secure_boot::{KeysReset, SecureBoot, SecureBootState};
pub use sensors::{SensorKind, SensorReading, Sensors};
pub use settings::Settings;
pub use step::{
    Argument, ArgumentError, ArgumentType, Need, Offer, OfferedStep, StepFlow, check_arguments,
};
pub use task::{Progress, Restart, Started};
pub use vendor::{Vendor, VendorError, VendorLock, VendorMethod, VendorReply};
pub use virtual_media::{MediaDevice, MediaSlot, UnknownMediaDevice, VirtualMedia};

/// The node's free-form `driver_info`, as the API stores it.
pub type DriverInfo = serde_json::Map<String, serde_json::Value>;
