//! The host guard: what this agent may do to the machine that it runs on.
//!
//! Erasing, writing, changing boot entries and power need a permit, and only `Host` makes permits. It gives them
//! where `/` is a RAM file system of the machine itself, so nothing of anybody's is running from a disk. Anywhere
//! else only the devices named by `--only-device` exist, and all the other permits are refused.

mod device;
mod root;
mod tree;

use std::path::{Path, PathBuf};

use device::DeviceId;
pub use root::RootKind;
pub use tree::Tree;
pub(crate) use tree::{names, text};

/// The machine, and what may be done to it.
#[derive(Clone, Debug)]
pub struct Host {
    root: RootKind,
    only_devices: Vec<DeviceId>,
    runs_programs: bool,
    tree: Tree,
}

/// The right to write to one block device and to its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePermit {
    path: PathBuf,
}

/// The right to turn the machine off or to reboot it.
#[derive(Debug)]
pub struct PowerPermit(());

/// The right to change the firmware's boot entries.
#[derive(Debug)]
pub struct BootEntryPermit(());

/// The right to change the running system: its users, its network, the kernel's pstore.
#[derive(Debug)]
pub struct SystemPermit(());

/// The right to run programs of others, which may do anything to the machine.
#[derive(Debug)]
pub struct ProgramPermit {
    only_devices: Vec<PathBuf>,
}

/// Why something is not permitted.
#[derive(Debug, thiserror::Error)]
pub enum HostRefusal {
    #[error("{what} is refused: {why}, so this is not a ramdisk that belongs to the agent")]
    NotARamdisk { what: &'static str, why: String },
    #[error(
        "writing to {path} is refused: {why}, so only devices named by --only-device may be written"
    )]
    NotNamed { path: PathBuf, why: String },
    #[error("writing to {path} is refused: {mounted} is mounted")]
    Mounted { path: PathBuf, mounted: String },
    #[error("finding out which device {path} is")]
    Unknown {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Host {
    /// Looks at the machine once, at start.
    ///
    /// # Errors
    /// When a device that was named does not exist.
    pub fn detect(only_devices: &[PathBuf]) -> Result<Self, HostRefusal> {
        Self::with_root(RootKind::detect(), only_devices)
    }

    fn with_root(root: RootKind, only_devices: &[PathBuf]) -> Result<Self, HostRefusal> {
        let ids = only_devices.iter().map(|path| identify(path));
        Ok(Self {
            root,
            only_devices: ids.collect::<Result<_, _>>()?,
            runs_programs: false,
            tree: Tree::of_the_machine(),
        })
    }

    /// A machine that was recorded in a folder: only the files that are named are its disks.
    ///
    /// # Errors
    /// When a device that was named does not exist.
    #[cfg(test)]
    pub(crate) fn recorded(root: &Path, only_devices: &[PathBuf]) -> Result<Self, HostRefusal> {
        let why = RootKind::Other("this machine is a recorded one".to_owned());
        let host = Self::with_root(why, only_devices)?;
        Ok(Self {
            tree: Tree::below(root),
            ..host
        })
    }

    /// What `/` is.
    #[must_use]
    pub fn root(&self) -> &RootKind {
        &self.root
    }

    /// Where the kernel shows what the machine is.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Whether this device exists for the agent at all. `--only-device` limits it in a ramdisk too.
    #[must_use]
    pub fn visible(&self, path: &Path) -> bool {
        match self.root {
            RootKind::Ram if self.only_devices.is_empty() => true,
            RootKind::Ram | RootKind::Other(_) => self.is_named(path),
        }
    }

    /// The right to write to this device.
    ///
    /// # Errors
    /// When the device is not this agent's to write.
    pub fn permits_device(&self, path: &Path) -> Result<DevicePermit, HostRefusal> {
        if let RootKind::Other(why) = &self.root {
            if !self.is_named(path) {
                return Err(HostRefusal::NotNamed {
                    path: path.to_owned(),
                    why: why.clone(),
                });
            }
            refuse_mounted(path)?;
        } else if !self.visible(path) {
            let why = "others were named at start".to_owned();
            return Err(HostRefusal::NotNamed {
                path: path.to_owned(),
                why,
            });
        }
        Ok(DevicePermit {
            path: path.to_owned(),
        })
    }

    /// The right to turn the machine off or to reboot it.
    ///
    /// # Errors
    /// Anywhere but in the ramdisk.
    pub fn permits_power(&self) -> Result<PowerPermit, HostRefusal> {
        self.in_ramdisk("changing the power state").map(PowerPermit)
    }

    /// The right to change the firmware's boot entries.
    ///
    /// # Errors
    /// Anywhere but in the ramdisk.
    pub fn permits_boot_entries(&self) -> Result<BootEntryPermit, HostRefusal> {
        self.in_ramdisk("changing boot entries")
            .map(BootEntryPermit)
    }

    /// The right to change the running system.
    ///
    /// # Errors
    /// Anywhere but in the ramdisk.
    pub fn permits_system(&self) -> Result<SystemPermit, HostRefusal> {
        self.in_ramdisk("changing the running system")
            .map(SystemPermit)
    }

    /// The same machine, on which programs of others may be run although it may not be a ramdisk.
    #[must_use]
    pub fn that_runs_programs(self) -> Self {
        Self {
            runs_programs: true,
            ..self
        }
    }

    /// The right to run programs of others. They get to know which devices were named at start, but nothing makes them
    /// heed it: so naming some refuses them, too.
    ///
    /// # Errors
    /// Anywhere but in a ramdisk whose disks are all the agent's, unless they were allowed at start.
    pub fn permits_programs(&self, only_devices: &[PathBuf]) -> Result<ProgramPermit, HostRefusal> {
        const WHAT: &str = "running hardware managers";
        if !self.runs_programs {
            self.in_ramdisk(WHAT)?;
            if !self.only_devices.is_empty() {
                return Err(HostRefusal::NotARamdisk {
                    what: WHAT,
                    why: "only some devices may be written".to_owned(),
                });
            }
        }
        Ok(ProgramPermit {
            only_devices: only_devices.to_vec(),
        })
    }

    /// Whether there is any disk that may be written: elsewhere than in the ramdisk only when one was named.
    ///
    /// # Errors
    /// On an ordinary host for which no device was named.
    pub fn permits_disks(&self) -> Result<(), HostRefusal> {
        if self.only_devices.is_empty() {
            return self.in_ramdisk("erasing or writing a disk");
        }
        Ok(())
    }

    /// Whether a program may look for what it works on among all disks of the machine.
    ///
    /// # Errors
    /// Anywhere but in the ramdisk, and there when some disks were named.
    pub fn permits_all_disks(&self) -> Result<(), HostRefusal> {
        self.in_ramdisk("using all disks")?;
        if self.only_devices.is_empty() {
            return Ok(());
        }
        Err(HostRefusal::NotNamed {
            path: PathBuf::from("/dev"),
            why: "some were named at start".to_owned(),
        })
    }

    /// The right to run containers: whatever they are told, they may see all disks and all of the system.
    ///
    /// # Errors
    /// Anywhere but in a ramdisk whose disks are all the agent's.
    pub fn permits_containers(&self) -> Result<SystemPermit, HostRefusal> {
        let permit = self.permits_system()?;
        self.permits_all_disks()?;
        Ok(permit)
    }

    /// The right to run programs of the system image that was written: as root, they may do what containers may.
    ///
    /// # Errors
    /// Anywhere but in a ramdisk whose disks are all the agent's.
    pub fn permits_programs_of_images(&self) -> Result<SystemPermit, HostRefusal> {
        self.permits_containers()
    }

    fn in_ramdisk(&self, what: &'static str) -> Result<(), HostRefusal> {
        match &self.root {
            RootKind::Ram => Ok(()),
            RootKind::Other(why) => Err(HostRefusal::NotARamdisk {
                what,
                why: why.clone(),
            }),
        }
    }

    /// A RAID volume is named by naming it, or all disks that it lies on.
    fn is_named(&self, path: &Path) -> bool {
        let is_listed = |id: &DeviceId| self.only_devices.contains(id);
        let is_named = |id: DeviceId| {
            is_listed(&id.whole_disk()) || id.disks_of_volume().iter().all(is_listed)
        };
        DeviceId::of(path).is_ok_and(is_named)
    }
}

impl DevicePermit {
    /// The device that may be written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl ProgramPermit {
    /// The devices that may be written, if not all of them.
    #[must_use]
    pub fn only_devices(&self) -> &[PathBuf] {
        &self.only_devices
    }
}

#[cfg(test)]
impl SystemPermit {
    /// For a test that runs in namespaces of its own.
    pub(crate) fn of_a_namespace() -> Self {
        Self(())
    }
}

fn identify(path: &Path) -> Result<DeviceId, HostRefusal> {
    DeviceId::of(path).map_err(|source| HostRefusal::Unknown {
        path: path.to_owned(),
        source,
    })
}

/// Even a named device is left alone while an ordinary system has something on it mounted.
fn refuse_mounted(path: &Path) -> Result<(), HostRefusal> {
    match identify(path)?.mounted() {
        Some(mounted) => Err(HostRefusal::Mounted {
            path: path.to_owned(),
            mounted,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
