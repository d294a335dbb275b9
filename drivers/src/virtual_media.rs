//! Images that a BMC shows its machine as drives.

use std::str::FromStr;

use async_trait::async_trait;

use crate::BmcError;

/// A drive that a BMC can show, by Ironic's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaDevice {
    /// A USB stick.
    Disk,
    /// A CD or DVD.
    Cdrom,
    /// A floppy disk.
    Floppy,
}

impl MediaDevice {
    /// Every device.
    pub const ALL: [MediaDevice; 3] = [Self::Disk, Self::Cdrom, Self::Floppy];

    /// The name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            MediaDevice::Disk => "disk",
            MediaDevice::Cdrom => "cdrom",
            MediaDevice::Floppy => "floppy",
        }
    }

    /// The names in Redfish, the one that is meant before what will do.
    pub(crate) fn media_types(self) -> &'static [&'static str] {
        match self {
            MediaDevice::Disk => &["USBStick"],
            MediaDevice::Cdrom => &["CD", "DVD"],
            MediaDevice::Floppy => &["Floppy"],
        }
    }
}

/// A name that is none of the devices.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a virtual media device: use one of disk, cdrom, floppy")]
pub struct UnknownMediaDevice(String);

impl FromStr for MediaDevice {
    type Err = UnknownMediaDevice;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|device| device.name() == name);
        found.ok_or_else(|| UnknownMediaDevice(name.to_owned()))
    }
}

/// One drive as the BMC shows it; each part is empty where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaSlot {
    /// What it can be, by the names of Redfish.
    pub media_types: Vec<String>,
    /// Whether something is in it.
    pub inserted: Option<bool>,
    /// The URL of what is in it.
    pub image: Option<String>,
}

impl MediaSlot {
    /// Whether this image is in it, and it is a drive of this kind. Some BMCs show what is in a drive by the image only.
    pub fn holds(&self, device: MediaDevice, image_url: &str) -> bool {
        let kinds = device.media_types();
        let is_of_kind = self
            .media_types
            .iter()
            .any(|kind| kinds.contains(&kind.as_str()));
        let is_full = self.inserted.unwrap_or(true);
        is_of_kind && is_full && self.image.as_deref() == Some(image_url)
    }
}

/// The virtual drives of one machine.
#[async_trait]
pub trait VirtualMedia: Send + Sync {
    /// The drives that there are.
    async fn slots(&self) -> Result<Vec<MediaSlot>, BmcError>;

    /// Puts an image into a drive of this kind, in the place of what is in it.
    async fn attach(&self, device: MediaDevice, image_url: &str) -> Result<(), BmcError>;

    /// Empties the drives of these kinds. None that is empty already, or that is not there, is an error.
    async fn detach(&self, devices: &[MediaDevice]) -> Result<(), BmcError>;
}
