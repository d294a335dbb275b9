//! Management: what a machine boots from, and by which firmware interface.

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

/// The firmware interface that a machine boots by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootMode {
    /// UEFI.
    Uefi,
    /// Legacy BIOS.
    Bios,
}

impl BootMode {
    /// The name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            BootMode::Uefi => "uefi",
            BootMode::Bios => "bios",
        }
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

/// The boot settings of one machine.
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

    /// Sets the firmware interface; it holds from the next boot on.
    async fn set_boot_mode(&self, mode: BootMode) -> Result<(), BmcError>;
}
