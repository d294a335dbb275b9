//! One machine: what it is made of and what its BMC is called by.

use serde::Deserialize;
use uuid::Uuid;

use super::{Bmc, ConfigError, Disk, IpmiSim, Mac};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    pub name: String,
    pub uuid: Uuid,
    pub firmware: Firmware,
    #[serde(default = "one")]
    pub cpus: u32,
    /// In MiB.
    pub memory: u32,
    #[serde(default)]
    pub disks: Vec<Disk>,
    #[serde(default)]
    pub nics: Vec<Nic>,
    /// Whether the machine sees a BMC from within, by IPMI; it is one of QEMU's own and knows nothing of `bmc`.
    #[serde(default)]
    pub ipmi: bool,
    /// The same BMC by OpenIPMI's simulator, instead of QEMU's.
    pub ipmi_sim: Option<IpmiSim>,
    pub bmc: Bmc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    Uefi,
    Bios,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    pub mac: Mac,
    #[serde(default)]
    pub model: NicModel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NicModel {
    #[default]
    Virtio,
    E1000e,
}

fn one() -> u32 {
    1
}

impl Machine {
    pub fn serial_of(&self, disk: usize) -> String {
        let of_config = self.disks.get(disk).and_then(|disk| disk.serial.clone());
        of_config.unwrap_or_else(|| format!("{}-{disk}", &self.name[..self.name.len().min(17)]))
    }

    pub(super) fn check(&self, at: &str) -> Result<(), ConfigError> {
        super::check_name(&format!("{at}.name"), &self.name)?;
        let refuse =
            |field: &str, problem: &str| Err(ConfigError::field(format!("{at}.{field}"), problem));
        if !(1..=64).contains(&self.cpus) {
            return refuse("cpus", "must be 1 to 64");
        }
        if !(128..=1 << 20).contains(&self.memory) {
            return refuse("memory", "is in MiB and must be 128 to 1048576");
        }
        if self.bmc.username.is_empty() || self.bmc.username.contains(':') {
            return refuse("bmc.username", "must not be empty or contain a colon");
        }
        if self.bmc.password.is_empty() {
            return refuse("bmc.password", "must not be empty");
        }
        if self.nics.len() > 8 || self.disks.len() > 16 {
            return refuse("nics, disks", "a machine has at most 8 NICs and 16 disks");
        }
        if let Some(simulator) = &self.ipmi_sim {
            if self.ipmi {
                return refuse("ipmi_sim", "with `ipmi` the machine has a BMC already");
            }
            simulator.check(&format!("{at}.ipmi_sim"))?;
        }
        self.check_disks(at)
    }

    fn check_disks(&self, at: &str) -> Result<(), ConfigError> {
        for (index, disk) in self.disks.iter().enumerate() {
            let at = format!("{at}.disks[{index}]");
            disk.check(&at)?;
            if (0..index).any(|other| self.serial_of(other) == self.serial_of(index)) {
                return Err(ConfigError::field(
                    format!("{at}.serial"),
                    "another disk of the machine has it too",
                ));
            }
        }
        Ok(())
    }
}
