//! Management: what a machine boots from, by which firmware interface, and interrupting it.

use std::str::FromStr;

use async_trait::async_trait;

use crate::BmcError;

/// What a machine can be told to boot from, by Ironic's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootDevice {
    /// Network boot.
    Pxe,
    /// The first disk, or what the firmware's boot order calls so.
    Disk,
    /// A CD-ROM, also one that the BMC shows as virtual media.
    Cdrom,
    /// The firmware's setup screen.
    Bios,
    /// The firmware's safe mode.
    Safe,
    /// Network boot by WAN boot (SPARC).
    Wanboot,
    /// An iSCSI disk that the firmware attaches.
    Iscsiboot,
    /// A floppy disk.
    Floppy,
    /// UEFI HTTP boot.
    Uefihttp,
}

impl BootDevice {
    /// Every device.
    pub const ALL: [BootDevice; 9] = [
        Self::Pxe,
        Self::Disk,
        Self::Cdrom,
        Self::Bios,
        Self::Safe,
        Self::Wanboot,
        Self::Iscsiboot,
        Self::Floppy,
        Self::Uefihttp,
    ];

    /// The name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            BootDevice::Pxe => "pxe",
            BootDevice::Disk => "disk",
            BootDevice::Cdrom => "cdrom",
            BootDevice::Bios => "bios",
            BootDevice::Safe => "safe",
            BootDevice::Wanboot => "wanboot",
            BootDevice::Iscsiboot => "iscsiboot",
            BootDevice::Floppy => "floppy",
            BootDevice::Uefihttp => "uefihttp",
        }
    }
}

/// A name that is none of the boot devices.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{0}' is not a boot device: use one of pxe, disk, cdrom, bios, safe, wanboot, iscsiboot, floppy, uefihttp"
)]
pub struct UnknownBootDevice(String);

impl FromStr for BootDevice {
    type Err = UnknownBootDevice;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|device| device.name() == name);
        found.ok_or_else(|| UnknownBootDevice(name.to_owned()))
    }
}

/// For how many boots a boot device holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// For the next boot only.
    Once,
    /// Until it is set again.
    Continuous,
}

/// When a setting of the firmware holds that the BMC has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakesEffect {
    /// The BMC shows it already.
    Now,
    /// The firmware takes it over when the machine starts; until then the BMC shows the old one.
    AtNextBoot,
}

/// The firmware interface that a machine boots by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootMode {
    /// UEFI.
    Uefi,
    /// Legacy BIOS.
    Bios,
}

impl BootMode {
    /// Every mode.
    pub const ALL: [BootMode; 2] = [Self::Uefi, Self::Bios];

    /// The name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            BootMode::Uefi => "uefi",
            BootMode::Bios => "bios",
        }
    }
}

/// A name that is none of the boot modes.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a boot mode: use one of uefi, bios")]
pub struct UnknownBootMode(String);

impl FromStr for BootMode {
    type Err = UnknownBootMode;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == name);
        found.ok_or_else(|| UnknownBootMode(name.to_owned()))
    }
}

/// What the BMC says about the next boots; each part is `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootSetting {
    /// The device, `None` also when the firmware's own boot order holds.
    pub device: Option<BootDevice>,
    /// For how many boots.
    pub persistence: Option<Persistence>,
}

/// The boot settings of one machine, and its interrupt button.
#[async_trait]
pub trait Management: Send + Sync {
    /// Reads what the machine will boot from.
    async fn boot_device(&self) -> Result<BootSetting, BmcError>;

    /// Sets what the machine will boot from, reads it back, and answers with what the BMC took.
    ///
    /// `mode` is sent only where it differs from what the BMC shows. A BMC that knows one boot only takes
    /// [`Persistence::Once`] for `Continuous`, and the answer says so.
    async fn set_boot_device(
        &self,
        device: BootDevice,
        persistence: Persistence,
        mode: Option<BootMode>,
    ) -> Result<BootSetting, BmcError>;

    /// The devices that the BMC offers.
    async fn supported_boot_devices(&self) -> Result<Vec<BootDevice>, BmcError>;

    /// Reads the firmware interface that the machine boots by.
    async fn boot_mode(&self) -> Result<Option<BootMode>, BmcError>;

    /// Sets the firmware interface and looks whether it holds already. Asked for what is pending it does no harm.
    async fn set_boot_mode(&self, mode: BootMode) -> Result<TakesEffect, BmcError>;

    /// Sends a non-maskable interrupt, by which an operating system that hangs can be made to tell why.
    async fn inject_nmi(&self) -> Result<(), BmcError>;
}
